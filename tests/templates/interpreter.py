"""A second opinion: templates evaluated naively, node by node, without any memory of what was read.

It shares the parser with the compiler and nothing else, so that whatever the compiler keeps in local variables, moves
or writes at once can be compared with the plain meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from jinja2 import nodes

from handlers.engine.templates import skeleton as tree
from handlers.engine.templates.parsing import Parser
from handlers.engine.templates.problems import Problems
from handlers.engine.templates.runtime import each, get
from handlers.engine.templates.unit import ENVIRONMENT

NULL = object()
Names = dict[str, Any]


class Interpreter:
    """One template, ready to be evaluated."""

    def __init__(self, text: str) -> None:
        body = ENVIRONMENT.parse(text).body
        problems = Problems("template")
        self.macros = {
            node.name: ([argument.name for argument in node.args], Parser(node.body, 1, problems).block())
            for node in body
            if isinstance(node, nodes.Macro)
        }
        self.body = Parser([node for node in body if not isinstance(node, nodes.Macro)], 1, problems).block()
        self.given: Names = {}

    def __call__(self, given: Names) -> Any:
        self.given = given
        value = self.body.value
        names: Names = {}
        self.items(self.body.sets, names, lambda *_: None)
        if isinstance(value, tree.Container):
            return self.container(value, names)
        return self.settled(self.value(value, names))

    @staticmethod
    def settled(value: Any) -> Any:
        return None if value is NULL else value

    # ---- JSON

    def block(self, block: tree.Block, names: Names) -> Any:
        self.items(block.sets, names, lambda *_: None)
        return self.value(block.value, names)

    def value(self, value: tree.Value | None, names: Names) -> Any:
        """A value, None where it is absent, NULL for a null."""
        if value is None:
            return None
        if isinstance(value, tree.Literal):
            return NULL if value.value is None else value.value
        if isinstance(value, tree.Hole):
            return self.hole(value.expression, names)
        if isinstance(value, tree.Choice):
            for branch in value.branches:
                if branch.test is None or self.expression(branch.test, names):
                    return self.block(branch.body, names)
            return None
        found = self.container(value, names)
        return found if found or not value.items else None

    def hole(self, node: nodes.Node, names: Names) -> Any:
        if isinstance(node, nodes.Filter) and node.name == "or_null":
            found = self.expression(node.node, names)  # type: ignore[arg-type]
            return NULL if found is None else found
        return self.expression(node, names)

    def container(self, value: tree.Container, names: Names) -> Any:
        if value.opened == "[":
            elements: list[Any] = []
            self.items(value.items, names, lambda item, inner: self.element(item, inner, elements))
            return elements
        members: dict[str, Any] = {}
        spread: dict[str, Any] = {}
        self.items(value.items, names, lambda item, inner: self.member(item, inner, members, spread))
        return {**spread, **members}

    def items(self, items: Iterable[tree.Item], names: Names, put: Callable[[Any, Names], None]) -> None:
        for item in items:
            if isinstance(item, tree.Set):
                names[item.name] = self.expression(item.expression, names)
            elif isinstance(item, tree.If):
                for branch in item.branches:
                    if branch.test is None or self.expression(branch.test, names):
                        self.items(branch.body, names, put)
                        break
            elif isinstance(item, tree.For):
                for element in each(self.expression(item.iterable, names)):
                    inner = {**names, item.name: element}
                    if item.condition is None or self.expression(item.condition, inner):
                        self.items(item.items, inner, put)
            else:
                put(item, names)

    def element(self, item: tree.Element, names: Names, elements: list[Any]) -> None:
        value = self.value(item.value, names)
        if value is not None:
            elements.append(self.settled(value))

    def member(self, item: tree.Member | tree.Spread, names: Names, members: Names, spread: Names) -> None:
        if isinstance(item, tree.Spread):
            found = self.expression(item.expression, names)
            for name, value in ({} if found is None else found).items():
                spread.setdefault(name, value)
            return
        name = item.name if isinstance(item.name, str) else self.expression(item.name, names)
        value = self.value(item.value, names)
        if name is not None and value is not None:
            members[name] = self.settled(value)

    # ---- expressions

    def expression(self, node: nodes.Node | None, names: Names) -> Any:
        match node:
            case None:
                return None
            case nodes.Const():
                return node.value
            case nodes.Name():
                return names[node.name] if node.name in names else self.given.get(node.name)
            case nodes.Getattr():
                return get(self.expression(node.node, names), node.attr)
            case nodes.Getitem():
                return get(self.expression(node.node, names), self.expression(node.arg, names))
            case nodes.And():
                return self.expression(node.left, names) and self.expression(node.right, names)
            case nodes.Or():
                return self.expression(node.left, names) or self.expression(node.right, names)
            case nodes.Not():
                return not self.expression(node.node, names)
            case nodes.CondExpr():
                return self.expression(node.expr1 if self.expression(node.test, names) else node.expr2, names)
            case nodes.Compare():
                left, right = self.expression(node.expr, names), self.expression(node.ops[0].expr, names)
                return left == right if node.ops[0].op == "eq" else left in right
            case nodes.Test():
                found = self.expression(node.node, names)
                return found is not None if node.name == "defined" else type(found) is dict
            case nodes.List():
                return [found for item in node.items if (found := self.expression(item, names)) is not None]
            case nodes.Dict():
                pairs = [(self.expression(p.key, names), self.expression(p.value, names)) for p in node.items]
                return {name: value for name, value in pairs if value is not None}
            case nodes.Filter():
                found = self.expression(node.node, names)
                return ([] if node.name == "or_empty" else 7) if found is None else found
            case nodes.Call():
                parameters, body = self.macros[node.node.name]  # type: ignore[attr-defined]
                arguments = [self.expression(argument, names) for argument in node.args]
                return self.settled(self.block(body, dict(zip(parameters, arguments, strict=True))))
        raise AssertionError(node)
