"""What is known of a template without running it: what it reads, and what it can write.

`lint` compares the shape with the schema: a member that the schema requires and the template can leave out is a
mistake, unless what it is read from is required too (`absent_with`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from jinja2 import nodes

from .certainty import KEEPING, certain, certain_value
from .facts import present
from .reading import key_of
from .scope import Local, Macro, Scope
from .skeleton import Block, Choice, Element, For, Hole, If, Item, Member, Set, Spread, Value
from .skeleton import Literal as Written

if TYPE_CHECKING:
    from .unit import Unit

DEEPEST = 2
"""How often a macro is followed into itself."""

SAME = frozenset(("only", "without", "merged", "or_empty", "default", "or_null", "take", "before", "since"))
"""Filters that give (some of) the elements of what they are given."""


@dataclass(frozen=True, slots=True)
class MemberShape:
    """A member that an object may have. Several shapes: one for each branch that can write it."""

    name: str
    line: int
    optional: bool
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value can look like.

    `constant` is what is written out, `...` where it comes from a hole. `absent_with`: the value is absent only where
    each of these inputs is; empty where nothing is known about that. `open`: an object that a spread or a computed name
    may add members to, a value that is not followed further.
    """

    kind: Literal["object", "list", "value"]
    file: str
    line: int
    members: dict[str, MemberShape] = field(default_factory=dict)
    elements: tuple[Shape, ...] = ()
    open: bool = False
    constant: object = ...
    absent_with: frozenset[str] = frozenset()


Names = dict[str, str | None]
"""The names of one scope and the path each stands for, if it stands for one."""


class Survey:
    """Walks one template, and the macros it calls, once."""

    def __init__(self, unit: Unit) -> None:
        self.reads: set[str] = set()
        self.following: list[Macro] = []
        self.present: list[nodes.Node] = []
        """What is not absent here, because a test around it says so."""
        self.shapes: tuple[Shape, ...] = self.block(unit, unit.body, {})

    # ---- what is written

    def block(self, unit: Unit, block: Block, names: Names) -> tuple[Shape, ...]:
        self.members(unit, block.sets, names)
        return () if block.value is None else self.value(unit, block.value, names)

    def value(self, unit: Unit, value: Value, names: Names) -> tuple[Shape, ...]:
        if isinstance(value, Written):
            return (Shape("value", unit.filename, value.line, constant=value.value),)
        if isinstance(value, Hole):
            return self.hole(unit, value.expression, names)
        if isinstance(value, Choice):
            found: tuple[Shape, ...] = ()
            for branch in value.branches:
                self.read(unit, branch.test, names)
                with self.where(branch.test):
                    found += self.block(unit, branch.body, names)
            return found
        if value.opened == "[":
            return (Shape("list", unit.filename, value.line, elements=self.elements(unit, value.items, names)),)
        members, is_open = self.members(unit, value.items, names)
        return (Shape("object", unit.filename, value.line, members=members, open=is_open),)

    def hole(self, unit: Unit, node: nodes.Node, names: Names) -> tuple[Shape, ...]:
        """The shapes of a hole: those of the macros it may call, else a value that is not followed."""
        if isinstance(node, nodes.CondExpr):
            self.read(unit, node.test, names)
            return self.hole(unit, node.expr1, names) + (
                self.hole(unit, node.expr2, names) if node.expr2 is not None else ()
            )
        if isinstance(node, nodes.Or):
            return self.hole(unit, node.left, names) + self.hole(unit, node.right, names)
        if isinstance(node, nodes.Filter) and node.name in SAME and node.node is not None:
            for argument in node.args:
                self.read(unit, argument, names)
            return self.hole(unit, node.node, names)
        if isinstance(node, nodes.Call) and (found := self.call(unit, node, names)) is not None:
            return found
        self.read(unit, node, names)
        constant = node.value if isinstance(node, nodes.Const) else ...
        absent_with = frozenset(self.sources(unit, node, names))
        return (Shape("value", unit.filename, node.lineno, open=True, constant=constant, absent_with=absent_with),)

    def members(self, unit: Unit, items: Iterable[Item], names: Names) -> tuple[dict[str, MemberShape], bool]:
        found: dict[str, MemberShape] = {}
        is_open = False
        for item in items:
            if isinstance(item, Member) and isinstance(item.name, str):
                optional = not self.certain(unit, item.value, names)
                shapes = self.value(unit, item.value, names)
                found[item.name] = MemberShape(item.name, item.line, optional, shapes)
            elif isinstance(item, If):
                branches = []
                for branch in item.branches:
                    self.read(unit, branch.test, names)
                    with self.where(branch.test):
                        members, more = self.members(unit, branch.body, names)
                    branches.append(members)
                    is_open = is_open or more
                found |= united(branches if item.complete else [*branches, {}])
            else:
                self.other(unit, item, names)
                is_open = is_open or not isinstance(item, Set)
        return found, is_open

    def elements(self, unit: Unit, items: Iterable[Item], names: Names) -> tuple[Shape, ...]:
        found: tuple[Shape, ...] = ()
        for item in items:
            if isinstance(item, Element):
                found += self.value(unit, item.value, names)
            elif isinstance(item, If):
                for branch in item.branches:
                    self.read(unit, branch.test, names)
                    with self.where(branch.test):
                        found += self.elements(unit, branch.body, names)
            elif isinstance(item, For):
                found += self.elements(unit, item.items, self.loop(unit, item, names))
            else:
                self.other(unit, item, names)
        return found

    def other(self, unit: Unit, item: Item, names: Names) -> None:
        """Items that tell nothing about members by name."""
        if isinstance(item, Set):
            self.assign(unit, item, names)
        elif isinstance(item, Spread):
            self.hole(unit, item.expression, names)
        elif isinstance(item, Member) and not isinstance(item.name, str):
            self.read(unit, item.name, names)
            self.value(unit, item.value, names)
        elif isinstance(item, For):
            self.members(unit, item.items, self.loop(unit, item, names))

    def assign(self, unit: Unit, statement: Set, names: Names) -> None:
        self.read(unit, statement.expression, names)
        path = self.path(unit, statement.expression, names)
        names[statement.name] = path if statement.name not in names else None

    def loop(self, unit: Unit, item: For, names: Names) -> Names:
        self.read(unit, item.iterable, names)
        path = self.path(unit, item.iterable, names)
        inner = {**names, item.name: path and f"{path}[]"}
        self.read(unit, item.condition, inner)
        return inner

    def call(self, unit: Unit, node: nodes.Call, names: Names) -> tuple[Shape, ...] | None:
        """The shapes of a macro, which is read with the paths of its arguments; None where it is not followed."""
        macro = unit.scope.names.get(node.node.name) if isinstance(node.node, nodes.Name) else None
        if not isinstance(macro, Macro) or macro.home is None or self.following.count(macro) >= DEEPEST:
            return None
        given: Names = {}
        for (name, _), argument in zip(macro.parameters, node.args, strict=False):
            given[name] = self.path(unit, argument, names)
        for pair in node.kwargs:
            given[str(pair.key)] = self.path(unit, pair.value, names)
        for argument in [*node.args, *(pair.value for pair in node.kwargs)]:
            self.read(unit, argument, names)
        given |= {name: None for name, _ in macro.parameters if name not in given}
        self.following.append(macro)
        home: Unit = macro.home
        outside, self.present = self.present, []
        found = self.block(home, home.macros[macro.name].body, given)
        self.present = outside
        self.following.pop()
        return found

    # ---- what is certain

    @contextlib.contextmanager
    def where(self, test: nodes.Node | None) -> Iterator[None]:
        """What follows is written only where a test is true."""
        before = len(self.present)
        self.present += present(test)
        yield
        del self.present[before:]

    def certain(self, unit: Unit, value: Value, names: Names) -> bool:
        """Whether a value is never absent where it stands."""
        if isinstance(value, Hole) and self.guarded(value.expression):
            return True
        return certain_value(value, self.scope(unit, names))

    def guarded(self, node: nodes.Node | None) -> bool:
        while isinstance(node, nodes.Filter) and node.name in KEEPING:
            node = node.node
        return node in self.present

    def scope(self, unit: Unit, names: Names) -> Scope:
        scope = Scope(dict(unit.scope.names))
        scope.names |= {name: Local(name) for name in names}
        return scope

    # ---- what is read

    def read(self, unit: Unit, node: nodes.Node | None, names: Names) -> None:
        """Adds what an expression reads, and what the macros in it read."""
        if node is None:
            return
        path = self.path(unit, node, names)
        if path is not None and isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
            self.add(path)
            if isinstance(node, nodes.Getitem):
                self.read(unit, node.arg, names)
        elif isinstance(node, nodes.Call):
            if self.call(unit, node, names) is None:
                for argument in node.args:
                    self.read(unit, argument, names)
        else:
            for child in node.iter_child_nodes():
                self.read(unit, child, names)

    def add(self, path: str) -> None:
        while path and path not in self.reads:
            self.reads.add(path)
            path = path[: max(path.rfind("."), path.rfind("["), 0)]

    def path(self, unit: Unit, node: nodes.Node, names: Names) -> str | None:
        """The path into the inputs that an expression stands for: `messages[].parts`."""
        if isinstance(node, nodes.Name):
            if node.name in names:
                return names[node.name]
            return node.name if node.name in unit.inputs and node.name not in unit.scope.names else None
        if isinstance(node, nodes.Getattr | nodes.Getitem):
            base = self.path(unit, node.node, names)
            return None if base is None else base + step(unit, node)
        if isinstance(node, nodes.Or) and isinstance(node.right, nodes.List | nodes.Dict) and not node.right.items:
            return self.path(unit, node.left, names)
        if isinstance(node, nodes.Filter) and node.node is not None and node.name in (*SAME, "first", "last"):
            base = self.path(unit, node.node, names)
            return base if base is None or node.name in SAME else f"{base}[]"
        return None

    def sources(self, unit: Unit, node: nodes.Node, names: Names) -> set[str]:
        """The inputs that must all be absent for an expression to be absent; none where that is not known."""
        if isinstance(node, nodes.Or):
            left, right = self.sources(unit, node.left, names), self.sources(unit, node.right, names)
            return left | right if left and right else set()
        if isinstance(node, nodes.Filter) and node.node is not None and node.name in KEEPING:
            return self.sources(unit, node.node, names)
        plain = isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem)
        path = self.path(unit, node, names) if plain else None
        return {path} if path is not None and not certain(node, self.scope(unit, names)) else set()


def step(unit: Unit, node: nodes.Getattr | nodes.Getitem) -> str:
    key = key_of(node)
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Name) and node.arg.name == "dialect":
        key = unit.dialect
    if type(key) is int:
        return f"[{key}]"
    return "[*]" if key is None else f".{key}"


def united(branches: list[dict[str, MemberShape]]) -> dict[str, MemberShape]:
    """The members of an object of which one branch is taken."""
    found: dict[str, MemberShape] = {}
    for name in dict.fromkeys(name for branch in branches for name in branch):
        ways = [branch[name] for branch in branches if name in branch]
        optional = len(ways) < len(branches) or any(way.optional for way in ways)
        shapes = tuple(shape for way in ways for shape in way.shapes)
        found[name] = MemberShape(name, ways[0].line, optional, shapes)
    return found
