"""What can never be absent, whatever a template is given. The emitter saves a test there; `lint` trusts it.

A name that stands for a constant or a macro is never set again (the compiler sees to it), so it may be looked up before
the place where it is used.
"""

from __future__ import annotations

from jinja2 import nodes

from .scope import Constant, Macro, Scope
from .skeleton import Block, Choice, Container, Element, Hole, If, Item, Literal, Member, Value

ALWAYS = (nodes.List, nodes.Dict, nodes.Compare, nodes.Test, nodes.Not, nodes.Neg,
          nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod)  # fmt: skip
"""These give a value or fail."""


def certain(node: nodes.Node, scope: Scope) -> bool:
    """Whether an expression is never absent."""
    if isinstance(node, nodes.Const):
        return node.value is not None
    if isinstance(node, nodes.Name):
        meaning = scope.names.get(node.name)
        if isinstance(meaning, Constant):
            return meaning.value is not None
        return meaning is None and node.name == "dialect"
    if isinstance(node, nodes.CondExpr):
        return node.expr2 is not None and certain(node.expr1, scope) and certain(node.expr2, scope)
    if isinstance(node, nodes.Or):
        return certain(node.right, scope)
    if isinstance(node, nodes.And):
        return certain(node.left, scope) and certain(node.right, scope)
    if isinstance(node, nodes.Concat):
        return all(certain(piece, scope) for piece in node.nodes)
    if isinstance(node, nodes.Filter):
        return certain_filter(node, scope)
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
        meaning = scope.names.get(node.node.name)
        return isinstance(meaning, Macro) and meaning.certain
    return isinstance(node, ALWAYS)


KEEPING = ("to_json", "lower", "upper", "join", "split", "trim", "text_base64", "round", "at_most", "at_least")
"""Filters that are absent only where their value is."""


def certain_filter(node: nodes.Filter, scope: Scope) -> bool:
    if node.name in ("or_empty", "length"):
        return True
    if node.node is None:
        return False
    if node.name == "default" and node.args:
        return certain(node.node, scope) or certain(node.args[0], scope)
    return node.name in KEEPING and certain(node.node, scope)


def certain_value(value: Value | None, scope: Scope) -> bool:
    """Whether a value of the JSON is never absent; a null that is asked for is not absent."""
    if isinstance(value, Literal):
        return True
    if isinstance(value, Hole):
        return asks_null(value.expression) or certain(value.expression, scope)
    if isinstance(value, Container):
        return not value.items or certain_items(value.items, scope)
    if isinstance(value, Choice):
        branches = value.branches
        return branches[-1].test is None and all(certain_block(branch.body, scope) for branch in branches)
    return False


def certain_block(block: Block, scope: Scope) -> bool:
    return certain_value(block.value, scope)


def certain_items(items: tuple[Item, ...], scope: Scope) -> bool:
    """Whether at least one of the items is always there."""
    return any(certain_item(item, scope) for item in items)


def certain_item(item: Item, scope: Scope) -> bool:
    if isinstance(item, If):
        return item.complete and all(certain_items(branch.body, scope) for branch in item.branches)
    if isinstance(item, Member) and not isinstance(item.name, str) and not certain(item.name, scope):
        return False
    return isinstance(item, Member | Element) and certain_value(item.value, scope)


def asks_null(node: nodes.Node) -> bool:
    """Whether `or_null` is the last word of a hole."""
    return isinstance(node, nodes.Filter) and node.name == "or_null"


def may_ask_null(node: nodes.Node) -> bool:
    """Whether `or_null` is the last word on some way through a hole."""
    if isinstance(node, nodes.CondExpr):
        return may_ask_null(node.expr1) or (node.expr2 is not None and may_ask_null(node.expr2))
    if isinstance(node, nodes.Or):
        return may_ask_null(node.right)
    return asks_null(node)


def may_be_null(value: Value | None) -> bool:
    """Whether a value of the JSON may be a null that was asked for."""
    if isinstance(value, Literal):
        return value.value is None
    if isinstance(value, Hole):
        return may_ask_null(value.expression)
    if isinstance(value, Choice):
        return any(may_be_null(branch.body.value) for branch in value.branches)
    return False
