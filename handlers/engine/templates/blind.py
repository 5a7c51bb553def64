"""Templates run on values that they cannot look at: what comes out holds for every text in their place.

A template that is given SHRED where a text stands can carry it to another place, and learn that it is a text and not
absent or empty: nothing else. Whatever would look closer fails. UNREAD stands for what must not be touched at all.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, NoReturn

from .runtime import MODULE
from .values import Failure

KEEPING = frozenset(("filter_to_json", "filter_text"))
"""What gives a text as it is."""
CARRYING = frozenset((
    "spread", "tidy_list", "tidy_object", "without_members", "filter_pick", "filter_omit", "filter_only",
    "filter_without", "filter_length", "filter_first", "filter_last", "filter_take", "filter_keys", "filter_items",
    "filter_numbered",
))  # fmt: skip
"""What may be given an object or a list with such a value in it: it looks at other things there, or by means that an
opaque value refuses."""


class Opaque:
    """A value of which only the kind is known. `kind` None: not even that."""

    __slots__ = ("kind",)

    def __init__(self, kind: type | None) -> None:
        self.kind = kind

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The kind, as far as it is known: also for who only looks through all objects that there are. Compiled code
        asks `kind_of_opaque` instead."""
        return self.kind or Opaque

    def __bool__(self) -> bool:
        return self.kind is not None or refuse()

    def __eq__(self, other: object) -> bool:
        refuse()

    def __ne__(self, other: object) -> bool:
        refuse()

    def __hash__(self) -> int:
        return refuse()

    def __str__(self) -> str:
        return refuse()


SHRED: Any = Opaque(str)
UNREAD: Any = Opaque(None)


def refuse() -> NoReturn:
    raise Failure("the template looks at this value")


def is_opaque(value: Any) -> bool:
    return value is SHRED or value is UNREAD


def holds(value: Any, mark: Any) -> int:
    """How often a mark stands in a value."""
    if value is mark:
        return 1
    count = 0
    inner = value.values() if type(value) is dict else value if type(value) is list else ()
    for member in inner:
        if member is mark:
            count += 1
        elif type(member) is dict or type(member) is list:
            count += holds(member, mark)
    return count


def blind(function: Callable[..., Any]) -> Callable[..., Any]:
    """A compiled function for arguments in which SHRED and UNREAD may stand. It raises where it would look at one."""
    return _Copies().of(function) if isinstance(function, FunctionType) else function


class _Copies:
    """The functions of compiled code once more, over names that mean the same to all but opaque values."""

    def __init__(self) -> None:
        self.namespaces: dict[int, dict[str, Any]] = {}

    def of(self, function: FunctionType) -> FunctionType:
        namespace = self.namespaces.get(id(function.__globals__))
        if namespace is None:
            namespace = self.namespaces[id(function.__globals__)] = {}
            for name, value in function.__globals__.items():
                namespace[name] = self.meaning(name, value)
            namespace["type"] = kind_of_opaque
        return FunctionType(function.__code__, namespace, function.__name__, function.__defaults__)

    def meaning(self, name: str, value: Any) -> Any:
        if isinstance(value, FunctionType):
            if value.__globals__.get("__name__") == MODULE:
                return self.of(value)
            return guarded(name, value)
        return value


def kind_of_opaque(value: Any) -> type:
    return type(value) if not is_opaque(value) else value.kind or refuse()


def guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the vocabulary, or of what compiled code calls, which must not be given what is opaque."""

    def call(*arguments: Any, **named: Any) -> Any:
        if arguments and arguments[0] is SHRED and len(arguments) == 1 and not named and name in KEEPING:
            return SHRED
        for value in (*arguments, *named.values()):
            if is_opaque(value) or (name not in CARRYING and (holds(value, SHRED) or holds(value, UNREAD))):
                refuse()
        return function(*arguments, **named)

    return call
