"""What the truth of a test tells: `part.type == "text"` holds only where `part` is an object.

What the test guards then needs no second look at it.
"""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from .reading import key_of

PRESENT = frozenset(("string", "number", "integer", "boolean", "mapping", "sequence", "defined", "true", "false"))
"""Tests that nothing absent passes."""


def objects(test: nodes.Node) -> Iterator[nodes.Node]:
    """The expressions that are objects wherever a test is true."""
    if isinstance(test, nodes.And):
        yield from objects(test.left)
        yield from objects(test.right)
    elif isinstance(test, nodes.Compare) and len(test.ops) == 1:
        if of_something(test.ops[0]):
            yield from holders(test.expr)
    elif isinstance(test, nodes.Test) and test.name in PRESENT:
        if test.name == "mapping":
            yield test.node
        yield from holders(test.node)
    else:
        yield from holders(test)


def present(test: nodes.Node | None) -> Iterator[nodes.Node]:
    """The expressions that are not absent wherever a test is true."""
    if isinstance(test, nodes.And):
        yield from present(test.left)
        yield from present(test.right)
    elif isinstance(test, nodes.Compare) and len(test.ops) == 1:
        if of_something(test.ops[0]):
            yield test.expr
    elif isinstance(test, nodes.Test):
        if test.name in PRESENT:
            yield test.node
    elif isinstance(test, nodes.Not) and isinstance(test.node, nodes.Test):
        if test.node.name in ("none", "undefined"):
            yield test.node.node
    elif test is not None:
        yield test


def holders(node: nodes.Node) -> Iterator[nodes.Node]:
    """The objects on the way to a value that is not absent."""
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(key_of(node), str):
            yield node.node
        node = node.node


def of_something(operand: nodes.Operand) -> bool:
    """Whether a comparison holds only for what is not absent: with a value, or any of several, that is written out."""
    other = operand.expr
    if operand.op == "in":
        return isinstance(other, nodes.List) and all(written_out(item) for item in other.items)
    return operand.op == "eq" and written_out(other)


def written_out(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and node.value is not None
