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
        other = test.ops[0].expr
        if (test.ops[0].op == "eq" and written_out(other)) or (
            test.ops[0].op == "in" and isinstance(other, nodes.List) and all(written_out(item) for item in other.items)
        ):
            yield from holders(test.expr)
    elif isinstance(test, nodes.Test) and test.name in PRESENT:
        if test.name == "mapping":
            yield test.node
        yield from holders(test.node)
    else:
        yield from holders(test)


def holders(node: nodes.Node) -> Iterator[nodes.Node]:
    """The objects on the way to a value that is not absent."""
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(key_of(node), str):
            yield node.node
        node = node.node


def written_out(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and node.value is not None
