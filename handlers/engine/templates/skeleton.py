"""The tree of a template: values, members and statements, as the parser finds them and the emitter writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from jinja2 import nodes

Body = TypeVar("Body")


class Branch(NamedTuple, Generic[Body]):
    """One arm of an `if`; without a test it is the `else`."""

    test: nodes.Node | None
    body: Body
    line: int


# ---- values -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number, boolean or null that is written out."""

    value: Any
    line: int


@dataclass(frozen=True, slots=True)
class Hole:
    expression: nodes.Node
    line: int


@dataclass(frozen=True, slots=True)
class Container:
    """An object or a list. Without items it is written out as empty, and stays."""

    opened: str  # "{" or "["
    items: tuple[Item, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Block:
    """A value with the `set` statements before it, some of them perhaps in an `if`; without a value it is absent."""

    sets: tuple[Set | If, ...]
    value: Value | None


@dataclass(frozen=True, slots=True)
class Choice:
    """`if` where a value is expected."""

    branches: tuple[Branch[Block], ...]
    line: int


Value = Literal | Hole | Container | Choice


# ---- what stands in objects and lists -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Member:
    name: str | nodes.Node
    value: Value
    line: int


@dataclass(frozen=True, slots=True)
class Spread:
    expression: nodes.Node
    line: int


@dataclass(frozen=True, slots=True)
class Element:
    value: Value
    line: int


@dataclass(frozen=True, slots=True)
class Set:
    name: str
    expression: nodes.Node
    line: int


@dataclass(frozen=True, slots=True)
class If:
    branches: tuple[Branch[tuple[Item, ...]], ...]
    line: int

    @property
    def complete(self) -> bool:
        """Whether one of the branches is always taken."""
        return self.branches[-1].test is None


@dataclass(frozen=True, slots=True)
class For:
    name: str
    iterable: nodes.Node
    condition: nodes.Node | None
    items: tuple[Item, ...]
    line: int


Item = Member | Spread | Element | Set | If | For


# ---- files --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MacroText:
    name: str
    parameters: tuple[tuple[str, nodes.Node | None], ...]  # with defaults
    body: Block
    line: int


@dataclass(frozen=True, slots=True)
class Import:
    file: str
    names: tuple[tuple[str, str], ...]  # there, here
    line: int


@dataclass(frozen=True, slots=True)
class File:
    imports: tuple[Import, ...]
    macros: tuple[MacroText, ...]
    body: Block


def names_set(tree: Item | Value | Block | None) -> set[str]:
    """The names that `set` defines in a part of the tree. A loop's body has a scope of its own and tells nothing."""
    if isinstance(tree, Set):
        return {tree.name}
    inner: list[Item | Value | Block | None] = []
    if isinstance(tree, If):
        inner = [item for branch in tree.branches for item in branch.body]
    elif isinstance(tree, Choice):
        inner = [branch.body for branch in tree.branches]
    elif isinstance(tree, Block):
        inner = [*tree.sets, tree.value]
    elif isinstance(tree, Container):
        inner = list(tree.items)
    elif isinstance(tree, Member | Element):
        inner = [tree.value]
    return set().union(*(names_set(part) for part in inner))
