"""Jinja's expressions as Python expressions. The nodes that have a method here are the sandbox: there are no others."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from jinja2 import nodes

from ..vocabulary import FILTERS, TESTS
from .facts import objects, present
from .problems import nearest
from .reading import Reading
from .scope import Macro

BINARY: dict[type[nodes.Node], str] = {
    nodes.Add: "add",
    nodes.Sub: "subtract",
    nodes.Mul: "multiply",
    nodes.Div: "divide",
    nodes.FloorDiv: "divide_whole",
    nodes.Mod: "remainder",
}
ORDER = {"lt": "less", "lteq": "less_or_equal", "gt": "greater", "gteq": "greater_or_equal"}
INLINE_TESTS = {
    "string": "(type({}) is str)",
    "boolean": "(type({}) is bool)",
    "mapping": "(type({}) is dict)",
    "sequence": "(type({}) is list)",
    "number": "(type({}) in NUMBERS)",
    "none": "({} is None)",
    "undefined": "({} is None)",
    "defined": "({} is not None)",
    "true": "({} is True)",
    "false": "({} is False)",
}


class Expressions(Reading):
    """Writes the expressions of one function."""

    def text(self, node: nodes.Node, *, null: bool = False) -> str:
        """Python for an expression. `null`: where it may give NULL for a null that `or_null` asks for."""
        write = WRITERS.get(type(node))
        if write is None:
            word = type(node).__name__.lower()
            return self.note("T014", f"`{word}` has no place in an expression", node, MEANT.get(type(node), ""))
        if null and isinstance(node, nodes.Filter | nodes.CondExpr | nodes.Or):
            return NULLABLE[type(node)](self, node)
        return write(self, node)

    def assume(self, test: nodes.Node | None) -> None:
        """For code that runs only where a test is true."""
        for node in () if test is None else objects(test):
            if (local := self.local(node)) is not None:
                self.known.objects.add(local)
        for node in present(test):
            if (local := self.local(node)) is not None:
                self.known.present.add(local)

    def surely(self, node: nodes.Node) -> bool:
        """Whether what an expression reads is never absent where the code being written will run."""
        return (local := self.local(node)) is not None and local in self.known.present

    def local(self, node: nodes.Node) -> str | None:
        """The variable that holds what an expression reads, if there is one."""
        path = self.path(node)
        if path is None:
            return None
        return self.known[path] if path in self.known else path[0] if len(path) == 1 else None

    # ---- operators

    def constant(self, node: nodes.Const) -> str:
        value = node.value
        if type(value) is float and value in (float("inf"), float("-inf")):
            return self.note("T010", "a number that is too large", node)
        return f"({value!r})" if type(value) in (int, float) else repr(value)

    def either(self, node: nodes.And | nodes.Or) -> str:
        left = self.text(node.left)
        with self.known.branch():
            if isinstance(node, nodes.And):
                self.assume(node.left)
            return f"({left} {'and' if isinstance(node, nodes.And) else 'or'} {self.text(node.right)})"

    def either_or_null(self, node: nodes.Or) -> str:
        left = self.text(node.left)
        with self.known.branch():
            return f"({left} or {self.text(node.right, null=True)})"

    def negation(self, node: nodes.Not) -> str:
        return f"(not {self.text(node.node)})"

    def conditional(self, node: nodes.CondExpr, *, null: bool = False) -> str:
        test = self.text(node.test)
        with self.known.branch():
            self.assume(node.test)
            yes = self.text(node.expr1, null=null)
        with self.known.branch():
            no = "None" if node.expr2 is None else self.text(node.expr2, null=null)
        return f"({yes} if {test} else {no})"

    def conditional_or_null(self, node: nodes.CondExpr) -> str:
        return self.conditional(node, null=True)

    def arithmetic(self, node: nodes.BinExpr) -> str:
        return f"{BINARY[type(node)]}({self.text(node.left)}, {self.text(node.right)})"

    def minus(self, node: nodes.Neg) -> str:
        return f"negate({self.text(node.node)})"

    def concatenation(self, node: nodes.Concat) -> str:
        return f"joined({', '.join(self.text(piece) for piece in node.nodes)})"

    def comparison(self, node: nodes.Compare) -> str:
        """Comparisons in a chain hold for each pair; the values between are written twice, which has no effect."""
        found, left = [], node.expr
        for index, operand in enumerate(node.ops):
            if index == 0:
                found.append(self.compared(operand.op, left, operand.expr))
            else:
                with self.known.branch():
                    found.append(self.compared(operand.op, left, operand.expr))
            left = operand.expr
        return found[0] if len(found) == 1 else f"({' and '.join(found)})"

    def compared(self, operator: str, left: nodes.Node, right: nodes.Node) -> str:
        if operator in ("eq", "ne"):
            return f"({self.text(left)} {'==' if operator == 'eq' else '!='} {self.text(right)})"
        if operator in ORDER:
            return f"{ORDER[operator]}({self.text(left)}, {self.text(right)})"
        negated = "not " if operator == "notin" else ""
        table = self.table(right)
        if table is not None and type(table.value) is list and all(type(item) is str for item in table.value):
            # A tuple is searched by comparison, so that what cannot be hashed is simply not in it.
            return f"({self.text(left)} {negated}in {tuple(table.value)!r})"
        piece = self.text(left)
        found = f"contains({piece}, {table.python if table is not None else self.text(right)})"
        return f"(not {found})" if negated else found

    # ---- lists and objects

    def listed(self, node: nodes.List) -> str:
        elements = [self.text(item, null=True) for item in node.items]
        written = f"[{', '.join(elements)}]"
        return written if all(self.unit.certain(item, self.scope) for item in node.items) else f"tidy_list({written})"

    def described(self, node: nodes.Dict) -> str:
        pairs, seen = [], set()
        for pair in node.items:
            key = pair.key.value if isinstance(pair.key, nodes.Const) else None
            if isinstance(pair.key, nodes.Const) and type(key) is not str:
                self.note("T010", f"the name of a member is a text, and `{key}` is none", pair, "Put it into quotes.")
            if key is not None and key in seen:
                self.note("T015", f"`{key}` is written twice", pair)
            seen.add(key)
            name = repr(key) if isinstance(key, str) else f"member_name({self.text(pair.key)})"
            pairs.append(f"{name}: {self.text(pair.value, null=True)}")
        written = f"{{{', '.join(pairs)}}}"
        certain = all(
            isinstance(pair.key, nodes.Const) and self.unit.certain(pair.value, self.scope) for pair in node.items
        )
        return written if certain else f"tidy_object({written})"

    # ---- filters, tests, macros

    def filter(self, node: nodes.Filter) -> str:
        function = FILTERS.get(node.name)
        if node.node is None:
            return self.note("T014", "`filter … endfilter` has no place here", node)
        if function is None:
            hint = nearest(node.name, FILTERS)
            return self.note("T013", f"there is no filter `{node.name}`", node, hint)
        if node.name == "or_null":
            hint = "It is the last word of a hole: write {{ (…) | or_null }}."
            return self.note("T013", "`or_null` has no effect here", node, hint)
        arguments = self.arguments(function, "filter", node)
        if arguments is None:
            return "None"
        if node.name in ("or_empty", "default"):
            test, local = self.hold(self.text(node.node))
            with self.known.branch():
                other = (
                    "[]" if node.name == "or_empty" else self.text(node.args[0] if node.args else node.kwargs[0].value)
                )
            return f"({local} if ({test}) is not None else {other})"
        if node.name == "omit" and all(isinstance(name, nodes.Const) for name in node.args):
            names = self.unit.keep("NAMES", frozenset(name.value for name in node.args))  # type: ignore[attr-defined]
            return f"without_members({self.text(node.node)}, {names})"
        return f"filter_{node.name}({', '.join([self.text(node.node), *arguments()])})"

    def filter_or_null(self, node: nodes.Filter) -> str:
        if node.name != "or_null" or node.node is None:
            return self.filter(node)
        test, local = self.hold(self.text(node.node))
        return f"({local} if ({test}) is not None else NULL)"

    def test(self, node: nodes.Test) -> str:
        function = TESTS.get(node.name)
        if function is None:
            return self.note("T013", f"there is no test `{node.name}`", node, nearest(node.name, TESTS))
        arguments = self.arguments(function, "test", node)
        if arguments is None:
            return "None"
        if node.name in INLINE_TESTS:
            return INLINE_TESTS[node.name].format(self.text(node.node))
        return f"test_{node.name}({', '.join([self.text(node.node), *arguments()])})"

    def arguments(
        self, function: Callable[..., Any], what: str, node: nodes.Filter | nodes.Test
    ) -> Callable[[], list[str]] | None:
        """What writes the arguments of a filter or test, once they are known to fit."""
        if not self.plain_call(node):
            return None
        names = [str(pair.key) for pair in node.kwargs]
        try:
            inspect.signature(function).bind(None, *node.args, **dict.fromkeys(names))
        except TypeError as error:
            self.note("T013", f"the {what} `{node.name}` does not take these arguments: {error}", node)
            return None
        return lambda: [
            *(self.text(argument) for argument in node.args),
            *(f"{pair.key}={self.text(pair.value)}" for pair in node.kwargs),
        ]

    def plain_call(self, node: nodes.Filter | nodes.Test | nodes.Call) -> bool:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            self.note("T014", "`*` has no place before an argument", node)
            return False
        return True

    def call(self, node: nodes.Call) -> str:
        meaning = self.scope.names.get(node.node.name) if isinstance(node.node, nodes.Name) else None
        if not isinstance(meaning, Macro):
            if not isinstance(node.node, nodes.Name):
                return self.note("T013", "only macros can be called", node, "A dot means a member, never a method.")
            macros = [name for name, other in self.scope.names.items() if isinstance(other, Macro)]
            return self.note("T013", f"there is no macro `{node.node.name}`", node, nearest(node.node.name, macros))
        if not self.plain_call(node):
            return "None"
        given = self.matched(meaning, node)
        if given is None:
            return "None"
        depth = [self.depth] if meaning.recursive else []
        return f"{meaning.python}({', '.join(['given', *depth, *(self.text(argument) for argument in given)])})"

    def matched(self, macro: Macro, node: nodes.Call) -> Sequence[nodes.Node] | None:
        """The arguments of a macro in its own order, defaults filled in."""
        names = [name for name, _ in macro.parameters]
        found: dict[str, nodes.Node] = dict(zip(names, node.args, strict=False))
        wrong = "" if len(node.args) <= len(names) else f"it takes {len(names)} and not {len(node.args)}"
        for pair in node.kwargs:
            if pair.key not in names:
                wrong = f"it has no `{pair.key}`"
            elif pair.key in found:
                wrong = f"`{pair.key}` is given twice"
            found[pair.key] = pair.value
        for name, default in macro.parameters:
            if name not in found and default is not None:
                found[name] = default
            elif name not in found:
                wrong = wrong or f"`{name}` is missing"
        if wrong:
            hint = f"It is written {macro.name}({', '.join(names)}); a parameter with a default can be left out."
            self.note("T013", f"the macro `{macro.name}` does not take these arguments: {wrong}", node, hint)
            return None
        return [found[name] for name in names]


WRITERS: dict[type[nodes.Node], Callable[[Expressions, Any], str]] = {
    nodes.Name: Expressions.name,
    nodes.Getattr: Expressions.member,
    nodes.Getitem: Expressions.member,
    nodes.Const: Expressions.constant,
    nodes.And: Expressions.either,
    nodes.Or: Expressions.either,
    nodes.Not: Expressions.negation,
    nodes.Neg: Expressions.minus,
    nodes.CondExpr: Expressions.conditional,
    nodes.Concat: Expressions.concatenation,
    nodes.Compare: Expressions.comparison,
    nodes.List: Expressions.listed,
    nodes.Dict: Expressions.described,
    nodes.Filter: Expressions.filter,
    nodes.Test: Expressions.test,
    nodes.Call: Expressions.call,
    **dict.fromkeys(BINARY, Expressions.arithmetic),
}
NULLABLE: dict[type[nodes.Node], Callable[[Expressions, Any], str]] = {
    nodes.Filter: Expressions.filter_or_null,
    nodes.CondExpr: Expressions.conditional_or_null,
    nodes.Or: Expressions.either_or_null,
}
MEANT: dict[type[nodes.Node], str] = {
    nodes.Tuple: "Write a list: [a, b].",
    nodes.Slice: "Elements are taken one by one: x[0], x[-1].",
    nodes.Pow: "Write it out.",
}
