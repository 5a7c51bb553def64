"""JSON with holes, parsed: the words of a Jinja body become the tree of skeleton.py.

Everything that is no JSON is an error with its line. A trailing comma is allowed; a missing one never is, also where
a block ends between two members: whatever branches are taken, what remains is JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NoReturn

from jinja2 import nodes

from .problems import Problems
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
)
from .tokens import Token, tokens

CLOSES = {"{": "}", "[": "]"}


class Comma(Enum):
    """What stands before the next item: nothing to separate it from, an item, or either, by the branch taken."""

    FREE = "free"
    NEEDED = "needed"
    EITHER = "either"


class Parser:
    """Parses the body of one template or macro."""

    def __init__(self, body: Sequence[nodes.Node], line: int, problems: Problems) -> None:
        self.problems = problems
        self.tokens = tokens(body, problems)
        self.at = 0
        self.line = line  # of the last token read

    # ---- words

    def peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def peek_kind(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at].kind if at < len(self.tokens) else "end"

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        self.line = token.line
        return token

    def fail(self, sentence: str, line: int, hint: str = "") -> NoReturn:
        self.problems.fail("T010", sentence, line, hint)

    # ---- values

    def block(self) -> Block:
        """The whole body: `set` statements, then at most one value."""
        sets = self.sets()
        value = self.value() if self.peek() is not None else None
        rest = self.peek()
        if rest is not None and rest.kind == "statement":
            self.fail("a statement after the end of the value can have no effect", rest.line)
        if rest is not None:
            self.fail("text after the end of the value", rest.line, "A file, a macro and a branch give one value.")
        return Block(sets, value)

    def sets(self) -> tuple[Set | If, ...]:
        found: list[Set | If] = []
        while (token := self.peek()) is not None:
            if isinstance(token.value, nodes.Assign):
                found.append(self.assignment(self.take().value))
            elif isinstance(token.value, nodes.If) and only_sets(token.value):
                found.append(self.branching(self.take().value, "[", Comma.FREE)[0])
            else:
                break
        return tuple(found)

    def assignment(self, node: nodes.Assign) -> Set:
        if not isinstance(node.target, nodes.Name):
            self.problems.fail("T014", "`set` defines one name", node.lineno, "Write one `set` for each name.")
        return Set(node.target.name, node.node, node.lineno)

    def value(self) -> Value:
        token = self.peek()
        if token is None:
            self.fail("a value is missing", self.line)
        kind, value, line = self.take()
        if kind == "hole":
            return Hole(value, line)
        if kind == "literal":
            return Literal(value, line)
        if kind == "statement":
            return self.choice(value)
        if kind not in CLOSES:
            self.fail(f"a value is missing before `{kind}`", line)
        return self.container(kind, line)

    def choice(self, node: nodes.Node) -> Choice:
        if not isinstance(node, nodes.If):
            self.unsupported(node, "where a value is expected")
        branches = []
        for test, body, line in arms(node):
            parser = Parser(body, line, self.problems)
            branches.append(Branch(test, parser.block(), line))
        return Choice(tuple(branches), node.lineno)

    def container(self, opened: str, line: int) -> Container:
        items, _ = self.items(opened, Comma.FREE)
        if self.peek() is None:
            self.fail(f"`{opened}` is never closed", line)
        closing = self.take()
        if closing.kind != CLOSES[opened]:
            self.fail(f"`{opened}` of line {line} is closed by `{closing.kind}`", closing.line)
        return Container(opened, items, line)

    # ---- what stands in objects and lists

    def items(self, opened: str, comma: Comma) -> tuple[tuple[Item, ...], Comma]:
        """The items up to the closing mark or the end of the body, and whether a comma must follow them."""
        found: list[Item] = []
        read: Callable[[], Item] = self.member if opened == "{" else self.element
        while (token := self.peek()) is not None and token.kind not in ("}", "]"):
            if token.kind == "statement":
                item, comma = self.statement(self.take().value, opened, comma)
                found.append(item)
            elif token.kind == ",":
                self.take()
                if comma is Comma.FREE:
                    self.fail("a comma too many", token.line)
                comma = Comma.FREE
            else:
                if comma is not Comma.FREE:
                    self.fail("a comma is missing", self.line if self.at else token.line)
                found.append(read())
                comma = Comma.NEEDED
        return tuple(found), comma

    def element(self) -> Element:
        line = self.tokens[self.at].line
        value = self.value()
        if self.peek_kind() == ":":
            self.fail("a member stands in a list", line, "Members belong into `{ }`.")
        return Element(value, line)

    def member(self) -> Member | Spread:
        kind, name, line = self.take()
        named = self.peek_kind() == ":"
        if kind == "hole" and not named:
            return Spread(name, line)
        if not named or (kind != "hole" and not isinstance(name, str)):
            self.fail('expected "name": value', line)
        self.take()
        return Member(name, self.value(), line)

    # ---- statements

    def statement(self, node: nodes.Node, opened: str, comma: Comma) -> tuple[Item, Comma]:
        if isinstance(node, nodes.Assign):
            return self.assignment(node), comma
        if isinstance(node, nodes.If):
            return self.branching(node, opened, comma)
        if not isinstance(node, nodes.For):
            self.unsupported(node, "inside of a value")
        return self.loop(node, opened, comma)

    def branching(self, node: nodes.If, opened: str, comma: Comma) -> tuple[If, Comma]:
        branches, ends = [], []
        for test, body, line in arms(node):
            items, end = self.inner(body, line, opened, comma)
            branches.append(Branch(test, items, line))
            ends.append(end)
        if branches[-1].test is not None:
            ends.append(comma)
        return If(tuple(branches), node.lineno), ends[0] if len(set(ends)) == 1 else Comma.EITHER

    def loop(self, node: nodes.For, opened: str, comma: Comma) -> tuple[For, Comma]:
        if node.else_:
            self.problems.fail("T014", "`for … else` has no place here", node.lineno, "Write an `if` of its own.")
        if node.recursive:
            self.problems.fail("T014", "`for … recursive` has no place here", node.lineno, "Write a macro.")
        if not isinstance(node.target, nodes.Name):
            hint = "Of an object, `… | items` gives {key, value} for each member."
            self.problems.fail("T014", "`for` has one name", node.lineno, hint)
        items, end = self.inner(node.body, node.lineno, opened, comma)
        if end is not comma:  # the second round begins where the first ended
            self.inner(node.body, node.lineno, opened, end)
        loop = For(node.target.name, node.iter, node.test, items, node.lineno)
        return loop, comma if end is comma else Comma.EITHER

    def inner(self, body: list[nodes.Node], line: int, opened: str, comma: Comma) -> tuple[tuple[Item, ...], Comma]:
        parser = Parser(body, line, self.problems)
        items, end = parser.items(opened, comma)
        rest = parser.peek()
        if rest is not None:
            self.fail(f"`{rest.kind}` closes what was opened outside of this block", rest.line)
        return items, end

    def unsupported(self, node: nodes.Node, where: str) -> NoReturn:
        word = STATEMENTS.get(type(node).__name__, type(node).__name__.lower())
        hint = "Macros and imports stand at the top of a file." if word in ("macro", "from") else ""
        self.problems.fail("T014", f"`{word}` has no place {where}", node.lineno, hint)


def arms(node: nodes.If) -> list[tuple[nodes.Node | None, list[nodes.Node], int]]:
    """The tests and bodies of an `if`, its `elif`s and its `else`."""
    found: list[tuple[nodes.Node | None, list[nodes.Node], int]] = [(node.test, node.body, node.lineno)]
    found += [(other.test, other.body, other.lineno) for other in node.elif_]
    if node.else_:
        found.append((None, node.else_, node.else_[0].lineno))
    return found


def only_sets(node: nodes.If) -> bool:
    """Whether an `if` defines names and writes nothing."""

    def silent(part: nodes.Node) -> bool:
        if isinstance(part, nodes.Output):
            return all(isinstance(piece, nodes.TemplateData) and not piece.data.strip() for piece in part.nodes)
        if isinstance(part, nodes.If):
            return all(silent(inner) for inner in [*part.body, *part.elif_, *part.else_])
        return isinstance(part, nodes.Assign)

    return silent(node) and node.find(nodes.Assign) is not None


STATEMENTS = {
    "FromImport": "from",
    "CallBlock": "call",
    "FilterBlock": "filter",
    "AssignBlock": "set … endset",
    "ScopedEvalContextModifier": "autoescape",
}
"""Jinja's tags, where their nodes have other names."""
