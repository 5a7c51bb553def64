"""What the names in a template stand for, and what is already known to have been read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes

from .values import NUMBERS

Path = tuple[Any, ...]
"""How a value is reached: the Python name it starts from, then keys."""


@dataclass(frozen=True, slots=True)
class Local:
    """A variable of the compiled function."""

    python: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that is written out in the template, kept once. Never given away, only copies of it are."""

    python: str
    value: Any

    @property
    def flat(self) -> bool:
        """Whether its members are plain, so that what is looked up in it needs no copy."""
        inner = self.value.values() if type(self.value) is dict else self.value if type(self.value) is list else ()
        return not any(type(member) in (dict, list) for member in inner)

    @property
    def copied(self) -> str:
        """Python that gives a copy of it."""
        if type(self.value) not in (dict, list):
            return repr(self.value)
        return f"{self.python}.copy()" if self.flat else f"fresh({self.python})"

    @property
    def nameable(self) -> bool:
        """Whether it may become part of a result: JSON's members have texts as names."""
        return all(type(name) is str for name in _names(self.value))


def _names(value: Any) -> Iterator[Any]:
    if type(value) is dict:
        yield from value
        for member in value.values():
            yield from _names(member)
    elif type(value) is list:
        for element in value:
            yield from _names(element)


@dataclass(slots=True)
class Macro:
    """A macro, wherever it is written. `recursive`: it can come back to itself, so its depth is counted."""

    name: str
    python: str
    parameters: tuple[tuple[str, nodes.Node | None], ...]
    recursive: bool = False
    certain: bool = False  # never absent
    function: Any = None
    home: Any = None  # the unit it is written in


Meaning = Local | Constant | Macro


@dataclass(slots=True)
class Scope:
    """The names of one function or loop body. `own` are those this scope has defined itself."""

    names: dict[str, Meaning]
    own: set[str] = field(default_factory=set)

    def inner(self) -> Scope:
        return Scope(dict(self.names))

    def define(self, name: str, meaning: Meaning) -> None:
        self.names[name] = meaning
        self.own.add(name)


class Known:
    """Paths whose values are already in a local variable where the code being written will run, and the variables
    that are sure to hold an object there. `readers`: for a variable another one, which holds the same object, or an
    empty one where that is none. `present`: the variables that are sure not to be absent."""

    def __init__(self) -> None:
        self._locals: dict[Path, str] = {}
        self.objects: set[str] = set()
        self.present: set[str] = set()
        self.readers: dict[str, str] = {}

    def __contains__(self, path: Path) -> bool:
        return path in self._locals

    def __getitem__(self, path: Path) -> str:
        return self._locals[path]

    def __setitem__(self, path: Path, local: str) -> None:
        self._locals[path] = local

    def forget(self, root: str) -> None:
        """Drops what was reached from a variable that gets another value."""
        self._locals = {path: local for path, local in self._locals.items() if path[0] != root}
        self.objects.discard(root)
        self.present.discard(root)
        self.readers.pop(root, None)

    @contextmanager
    def branch(self) -> Iterator[None]:
        """For code that may not run: what is learnt there is not known afterwards."""
        before = dict(self._locals), set(self.objects), set(self.present), dict(self.readers)
        try:
            yield
        finally:
            self._locals, self.objects, self.present, self.readers = before


def constant_value(node: nodes.Node) -> Any:
    """The value of an expression that is written out. Raises ValueError where it is anything else."""
    if isinstance(node, nodes.Const):
        return node.value
    if isinstance(node, nodes.Neg) and isinstance(node.node, nodes.Const) and type(node.node.value) in NUMBERS:
        return -node.node.value
    if isinstance(node, nodes.List):
        return [constant_value(item) for item in node.items]
    if isinstance(node, nodes.Dict):
        pairs = [(constant_value(pair.key), constant_value(pair.value)) for pair in node.items]
        if any(type(name) not in (str, int, float) for name, _ in pairs) or len(dict(pairs)) != len(pairs):
            raise ValueError
        return dict(pairs)
    raise ValueError
