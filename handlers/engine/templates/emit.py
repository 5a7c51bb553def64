"""The tree of a template as the statements of one Python function, each with the template line it comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from jinja2 import nodes

from .built import BRACKETS, Built, assign, literal, settled
from .certainty import asks_null, certain, certain_items, certain_value, may_ask_null, may_be_null
from .expressions import Expressions
from .scope import Constant, Local, Macro, Scope, constant_value
from .skeleton import (
    Block,
    Branch,
    Choice,
    Container,
    Element,
    For,
    Hole,
    If,
    Item,
    Literal,
    Member,
    Set,
    Spread,
    Value,
    names_set,
)

if TYPE_CHECKING:
    from .unit import Unit

Body = TypeVar("Body")


class Function:
    """Writes the body of one function, line by line."""

    def __init__(self, unit: Unit, scope: Scope, paths: Counter[str], depth: str, indent: int) -> None:
        self.unit = unit
        self.write = Expressions(unit, scope, paths, depth)
        self.indent = indent

    @property
    def scope(self) -> Scope:
        return self.write.scope

    def line(self, python: str, line: int) -> None:
        self.unit.line(self.indent, python, line)

    @contextmanager
    def indented(self, line: int) -> Iterator[None]:
        """A block of Python; where nothing is written in it, `pass`."""
        self.indent += 1
        before = len(self.unit.lines)
        with self.write.known.branch():
            yield
        if len(self.unit.lines) == before:
            self.line("pass", line)
        self.indent -= 1

    # ---- values

    def block(self, block: Block, *, outermost: bool = False) -> Built:
        for statement in block.sets:
            if isinstance(statement, Set):
                self.set(statement, outermost=outermost)
            else:
                self.items((statement,), "")
        return Built("None") if block.value is None else self.value(block.value)

    def value(self, value: Value) -> Built:
        if isinstance(value, Literal):
            return Built(literal(value), certain=True)
        if isinstance(value, Hole):
            return self.hole(value)
        if isinstance(value, Choice):
            return self.choice(value)
        return self.container(value)

    def hole(self, hole: Hole) -> Built:
        node = hole.expression
        if isinstance(node, nodes.Filter) and asks_null(node) and node.node is not None:
            return Built(self.write.text(node.node), certain=True)
        if may_ask_null(node):
            return Built(self.write.text(node, null=True), null=True)
        sure = certain(node, self.scope) or self.write.surely(node)
        return Built(self.write.text(node), certain=sure)

    def choice(self, choice: Choice) -> Built:
        result = self.unit.temporary("c")
        null = may_be_null(choice)
        if not certain_value(choice, self.scope):
            self.line(f"{result} = None", choice.line)

        def arm(branch: Branch[Block]) -> None:
            built = self.block(branch.body)
            if branch.body.value is not None:
                self.line(f"{result} = {settled(built, may_be_null(branch.body.value))}", branch.body.value.line)

        self.branches(choice.branches, names_set(choice), arm)
        return Built(result, certain=certain_value(choice, self.scope) and not null, null=null)

    def container(self, value: Container) -> Built:
        if not value.items or self.simple(value, value.line):
            opening, closing = BRACKETS[value.opened]
            return Built(f"{opening}{', '.join(self.piece(item) for item in value.items)}{closing}", certain=True)
        name = self.unit.temporary("o" if value.opened == "{" else "l")
        rest = self.opening(name, value)
        self.items(rest, name)
        return Built(name, certain=certain_items(value.items, self.scope), filled=True)

    def opening(self, name: str, value: Container) -> tuple[Item, ...]:
        """Writes the beginning of an object or list: its first simple items at once. Gives what remains."""
        pieces: list[tuple[str, int]] = []
        items = value.items
        while items and self.simple_item(items[0]):
            pieces.append((self.piece(items[0]), items[0].line))
            items = items[1:]
        opening, closing = BRACKETS[value.opened]
        if len({line for _, line in pieces}) < 2:
            line = pieces[0][1] if pieces else value.line
            self.line(f"{name} = {opening}{', '.join(piece for piece, _ in pieces)}{closing}", line)
        else:
            self.line(f"{name} = {opening}", value.line)
            for piece, line in pieces:
                self.line(f"    {piece},", line)
            self.line(closing, value.line)
        return items

    def simple(self, value: Value, line: int) -> bool:
        """Whether a value is one expression, always there, and of one line."""
        if self.unit.explaining or isinstance(value, Choice) or value.line != line:
            return False
        if isinstance(value, Container):
            return all(item.line == line and self.simple_item(item) for item in value.items)
        return certain_value(value, self.scope) or (isinstance(value, Hole) and self.write.surely(value.expression))

    def simple_item(self, item: Item) -> bool:
        if isinstance(item, Member) and self.static_name(item) is None:
            return False
        return isinstance(item, Member | Element) and self.simple(item.value, item.line)

    def piece(self, item: Item) -> str:
        """A simple item as it stands between brackets."""
        assert isinstance(item, Member | Element)
        python = self.value(item.value).python
        return f"{self.static_name(item)!r}: {python}" if isinstance(item, Member) else python

    def static_name(self, item: Member) -> str | None:
        """The name of a member, where it is written out or the dialect's own."""
        if isinstance(item.name, str):
            return item.name
        if isinstance(item.name, nodes.Name) and item.name.name == "dialect" and "dialect" not in self.scope.names:
            return self.unit.dialect
        return None

    # ---- what stands in objects and lists

    def items(self, items: Sequence[Item], target: str) -> None:
        for item in items:
            if isinstance(item, Member):
                self.member(item, target)
            elif isinstance(item, Element):
                note = f"noted_last({target}, place)"
                self.put(self.value(item.value), lambda value: f"{target}.append({value})", note, item.value.line)
            elif isinstance(item, Spread):
                self.spread(item, target)
            elif isinstance(item, Set):
                self.set(item)
            elif isinstance(item, If):
                self.branches(item.branches, names_set(item), lambda branch: self.items(branch.body, target))
            else:
                self.loop(item, target)

    def member(self, item: Member, target: str) -> None:
        name = self.static_name(item)
        if name is not None or isinstance(item.name, str):
            key = repr(name)
            self.put(self.value(item.value), assign(target, key), f"noted({target}, {key}, place)", item.value.line)
            return
        key = self.unit.temporary("k")
        self.line(f"{key} = member_name({self.write.text(item.name)})", item.line)
        self.line(f"if {key} is not None:", item.line)
        with self.indented(item.line):
            self.put(self.value(item.value), assign(target, key), f"noted({target}, {key}, place)", item.value.line)

    def spread(self, item: Spread, target: str) -> None:
        if asks_null(item.expression):
            self.write.note("T013", "`or_null` has no effect here", item.expression, "A spread adds members.")
            return
        written = self.write.text(item.expression)
        if self.unit.explaining:
            self.line(f"noted_spread({target}, {written}, {self.unit.place(item.line)})", item.line)
            return
        test, local = self.write.hold(written)
        self.line(f"if {test if test == local else f'({test})'} is not None: spread({target}, {local})", item.line)

    def put(self, built: Built, how: Callable[[str], str], note: str, line: int) -> None:
        """Puts a value into an object or list, if it is there."""
        condition, value = "", built.python
        if built.null:
            test, value = self.write.hold(built.python)
            condition, value = f"if ({test}) is not None:", f"(None if {value} is NULL else {value})"
        elif built.filled and not built.certain:
            condition = f"if {value}:"
        elif not built.certain:
            test, value = self.write.hold(value)
            condition = f"if {test} is not None:" if test == value else f"if ({test}) is not None:"
        steps = [how(value)]
        if self.unit.explaining:
            steps.append(note.replace("place", self.unit.place(line)))
        if condition:
            self.line(condition, line)
        for step in steps:
            self.line(("    " if condition else "") + step, line)

    # ---- statements

    def branches(self, branches: Sequence[Branch[Body]], sets: set[str], arm: Callable[[Branch[Body]], None]) -> None:
        """An `if` with its arms. What an arm sets is known afterwards, so it gets its variable before."""
        self.declare(sets, branches[0].line)
        first = self.write.text(branches[0].test) if branches[0].test is not None else "True"
        with self.write.known.branch():  # what a later test reads is known to the tests after it, not behind the `if`
            for index, branch in enumerate(branches):
                if index == 0:
                    self.line(f"if {first}:", branch.line)
                elif branch.test is not None:
                    self.line(f"elif {self.write.text(branch.test)}:", branch.line)
                else:
                    self.line("else:", branch.line)
                with self.indented(branch.line):
                    self.write.assume(branch.test)
                    arm(branch)
        self.forget(sets)

    def declare(self, names: set[str], line: int) -> None:
        for name in sorted(names):
            meaning = self.scope.names.get(name)
            if name not in self.scope.own or not isinstance(meaning, Local):
                value = self.write.text(nodes.Name(name, "load", lineno=line)) if self.has(name) else "None"
                local = self.unit.temporary(name)
                self.line(f"{local} = {value}", line)
                self.scope.define(name, Local(local))
        self.forget(names)

    def has(self, name: str) -> bool:
        meaning = self.scope.names.get(name)
        if meaning is None:
            return name in self.unit.inputs
        return isinstance(meaning, Local) or (isinstance(meaning, Constant) and meaning.nameable)

    def forget(self, names: set[str]) -> None:
        for name in names:
            meaning = self.scope.names.get(name)
            if isinstance(meaning, Local):
                self.write.known.forget(meaning.python)

    def set(self, statement: Set, *, outermost: bool = False) -> None:
        if self.unit.is_kept(statement) or (outermost and self.keep(statement)):
            return
        name, meaning = statement.name, self.scope.names.get(statement.name)
        if isinstance(meaning, Constant | Macro) or name == "dialect":
            sentence = f"`{name}` is already the name of something else"
            self.unit.problems.note("T015", sentence, statement.line, "Choose another name.")
        value = self.write.text(statement.expression)
        if name in self.scope.own and isinstance(meaning, Local):
            local = meaning.python
        else:
            local = self.unit.temporary(name)
            self.scope.define(name, Local(local))
        self.line(f"{local} = {value}", statement.line)
        self.write.known.forget(local)

    def keep(self, statement: Set) -> bool:
        """Whether a name could be made a constant: set once, to what is written out."""
        if not self.unit.once(statement) or statement.name in self.scope.names or statement.name == "dialect":
            return False
        try:
            self.scope.define(statement.name, self.unit.constant(constant_value(statement.expression)))
        except ValueError:
            return False
        return True

    def loop(self, item: For, target: str) -> None:
        source = self.write.text(item.iterable)
        test, local = self.write.hold(source)
        each = self.unit.temporary(item.name)
        self.line(f"for {each} in ({local} if type({test}) is list else each({local})):", item.line)
        outer = self.scope
        self.write.scope = outer.inner()
        self.scope.define(item.name, Local(each))
        with self.indented(item.line):
            if item.condition is not None:
                self.line(f"if not {self.write.text(item.condition)}: continue", item.line)
                self.write.assume(item.condition)
            self.items(item.items, target)
        self.write.scope = outer
