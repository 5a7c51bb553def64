"""What compiled templates call while they run. Everything here takes and gives plain data; None means absent."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn

from ..errors import TemplateError
from . import arithmetic
from .values import NUMBERS, Failure, kind_of

MODULE = "a compiled template"
"""The `__name__` of compiled code, by which its frames are known in a traceback."""

DEEPEST = 64
"""How deep macros may call themselves."""


class _Null:
    """A null that was asked for, on its way from an expression into the value that is being built."""


NULL = _Null()


# ---- reaching into values -----------------------------------------------------------------------------------------


def get(value: Any, key: Any) -> Any:
    """A member of an object or an element of a list; anything else is absent. Never an attribute of an object.

    >>> get({"a": 1}, "a"), get([1, 2], -1), get("text", "upper"), get({"a": 1}, [])
    (1, 2, None, None)
    """
    kind = type(key)
    if type(value) is dict:
        return value.get(key) if kind is str or kind is int or kind is float else None
    if type(value) is list and kind is int and -len(value) <= key < len(value):
        return value[key]
    return None


def fresh(value: Any) -> Any:
    """A copy of a constant of the template, so that nobody can change the template's own.

    >>> constant = {"a": [1]}; fresh(constant) == constant, fresh(constant)["a"] is constant["a"]
    (True, False)
    """
    if type(value) is dict:
        return {key: fresh(member) for key, member in value.items()}
    if type(value) is list:
        return [fresh(element) for element in value]
    return value


def each(value: Any) -> Any:
    """What `for` runs over: the list, or nothing where it is absent.

    >>> each([1]), each(None)
    ([1], ())
    """
    if type(value) is list:
        return value
    if value is None:
        return ()
    raise Failure(f"`for` runs over lists, and this is {kind_of(value)}")


# ---- building values ----------------------------------------------------------------------------------------------


def spread(target: dict[str, Any], members: Any) -> None:
    """Adds the members of an object to the one being built; none that is already there is replaced.

    >>> built = {"a": 1}; spread(built, {"a": 2, "b": 3}); built
    {'a': 1, 'b': 3}
    """
    if members is None:
        return
    if type(members) is not dict:
        raise Failure(f"only an object can be spread into an object, and this is {kind_of(members)}")
    for name, value in members.items():
        target.setdefault(name, value)


def member_name(name: Any) -> Any:
    """The name of a member that is itself a hole: a text, or absent."""
    if name is None or type(name) is str:
        return name
    raise Failure(f"the name of a member is a text, and this is {kind_of(name)}")


def tidy_list(elements: list[Any]) -> list[Any]:
    """A list written in an expression, without what is absent.

    >>> tidy_list([1, None, NULL])
    [1, None]
    """
    return [None if element is NULL else element for element in elements if element is not None]


def tidy_object(members: dict[Any, Any]) -> dict[Any, Any]:
    """An object written in an expression, without what is absent.

    >>> tidy_object({"a": 1, "b": None, "c": NULL})
    {'a': 1, 'c': None}
    """
    return {name: None if value is NULL else value for name, value in members.items() if value is not None}


def as_text(value: Any) -> str:
    """How a value reads inside a text: numbers and booleans as JSON writes them.

    >>> as_text(True), as_text(1.5), as_text("a")
    ('true', '1.5', 'a')
    """
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) in NUMBERS:
        return repr(value)
    raise Failure(f"{kind_of(value)} cannot become part of a text")


def joined(*pieces: Any) -> str | None:
    """The operator `~`: absent when any of its pieces is.

    >>> joined("a", 1, True), joined("a", None)
    ('a1true', None)
    """
    if None in pieces:
        return None
    return "".join([piece if type(piece) is str else as_text(piece) for piece in pieces])


# ---- failing ------------------------------------------------------------------------------------------------------


def too_deep() -> NoReturn:
    raise Failure(f"macros call each other more than {DEEPEST} deep")


def no_value(value: Any) -> NoReturn:
    raise Failure(f"the template should give a value of its kind, and this is {kind_of(value)}")


def failer(type: str, message: str) -> Callable[[Exception], TemplateError]:
    """A function that makes a TemplateError of anything raised inside a template, at the innermost line of one."""

    def failed(error: Exception) -> TemplateError:
        if isinstance(error, TemplateError):
            return error
        path, line = _place(error.__traceback__)
        reason = str(error) if isinstance(error, Failure) else f"{error.__class__.__name__}: {error}"
        return TemplateError(reason, path=path, line=line, type=type, message=message)

    return failed


def _place(traceback: TracebackType | None) -> tuple[str, int]:
    path, line = "", 0
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__name__") == MODULE:
            path, line = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next
    return path, line


OPERATORS = (
    "add", "subtract", "multiply", "divide", "divide_whole", "remainder", "negate", "less", "less_or_equal", "greater",
    "greater_or_equal", "contains",
)  # fmt: skip

NAMESPACE: dict[str, Any] = {
    "__name__": MODULE,
    "__builtins__": {},
    "type": type, "dict": dict, "list": list, "str": str, "bool": bool, "len": len, "Exception": Exception,
    "NULL": NULL, "NOTHING": {}, "NUMBERS": NUMBERS, "get": get, "fresh": fresh, "each": each, "spread": spread,
    "member_name": member_name, "tidy_list": tidy_list, "tidy_object": tidy_object, "joined": joined,
    **{name: getattr(arithmetic, name) for name in OPERATORS},
    "too_deep": too_deep, "no_value": no_value,
}  # fmt: skip
"""All that compiled code can name, beside filters, tests, constants and macros. There are no builtins."""
