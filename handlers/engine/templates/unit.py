"""One file on its way from text to Python: its macros become functions, its value the function `build`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes

from ..vocabulary import FILTERS, TESTS, without_members
from .assembly import Row, code, python
from .built import Built, settled
from .certainty import certain, certain_block, may_be_null
from .duplicates import check_block
from .emit import Function
from .excerpt import excerpt
from .inventory import Inventory
from .kinds import EVERYWHERE, Kind
from .parsing import Parser
from .problems import Problems, hint_for, nearest, sentence_of
from .runtime import DEEPEST, NAMESPACE, failer
from .scope import Constant, Local, Macro, Meaning, Scope, constant_value
from .skeleton import Block, Container, Set
from .unused import check_use

ENVIRONMENT = Environment(keep_trailing_newline=True, autoescape=False)  # noqa: S701 - values are built, not text
VOCABULARY = {f"filter_{name}": function for name, function in FILTERS.items()} | {
    f"test_{name}": function for name, function in TESTS.items()
} | {"without_members": without_members}


@dataclass(slots=True)
class Written:
    """A macro of this file: what it stands for, its Jinja node and its parsed body."""

    macro: Macro
    line: int
    body: Block
    inventory: Inventory


class Unit:
    """Compiles one file. `imported` gives the macros and constants of another file of the same folder."""

    def __init__(
        self,
        *,
        source: str,
        filename: str,
        kind: Kind | None,
        dialect: str,
        imported: Callable[[str], dict[str, Meaning]],
        recorder: dict[str, Any] | None = None,
        only: str | None = None,
    ) -> None:
        self.only = only
        self.text, self.filename, self.kind, self.dialect = source, filename, kind, dialect
        self.inputs = kind.inputs if kind else EVERYWHERE
        self.imported, self.explaining = imported, recorder is not None
        self.problems = Problems(filename)
        self.lines: list[Row] = []
        self.named: set[str] = set()
        self.scope = Scope({})
        self.namespace: dict[str, Any] = {**NAMESPACE, **VOCABULARY, **(recorder or {})}
        self.macros: dict[str, Written] = {}
        self.body = Block((), None)
        self.tree = nodes.Template([])
        self.outer = Inventory(())  # of what stands outside of macros
        self.inventory = self.outer  # of the function being written
        self.kept: list[Set] = []
        self._count = 0

    # ---- what the writers of functions ask for

    def temporary(self, stem: str) -> str:
        """A Python name that nothing else has."""
        self._count += 1
        return f"{re.sub('[^A-Za-z_]', '', stem) or 'x'}_{self._count}"

    def line(self, indent: int, python: str, line: int) -> None:
        self.lines.append(Row(indent, python, line))

    def place(self, line: int) -> str:
        return f"({self.filename!r}, {line})"

    def constant(self, value: Any) -> Constant:
        """Keeps a value that is written out in the template."""
        if type(value) not in (dict, list):
            return Constant(repr(value), value)
        return Constant(self.keep("TABLE", value), value)

    def keep(self, stem: str, value: Any) -> str:
        """The Python name of something that all calls share."""
        name = self.temporary(stem)
        self.namespace[name] = value
        return name

    def once(self, statement: Set) -> bool:
        """Whether a name is set in one place only, so that a constant can stand for it."""
        return self.inventory.stores[statement.name] == 1

    certain = staticmethod(certain)

    # ---- reading

    def read(self) -> None:
        """Parses the file; problems are noted, the first that makes the rest senseless ends it."""
        try:
            self.tree = tree = ENVIRONMENT.parse(self.text, filename=self.filename)
        except TemplateSyntaxError as error:
            self.problems.fail("T016", sentence_of(error), error.lineno, hint_for(error))
        except (ValueError, RecursionError) as error:
            self.problems.fail("T016", f"Jinja cannot read this file: {error}", 0)
        for node in tree.body:
            if isinstance(node, nodes.FromImport):
                self.bring(node)
        macros = [node for node in tree.body if isinstance(node, nodes.Macro)]
        top = [node for node in tree.body if not isinstance(node, nodes.FromImport | nodes.Macro)]
        for node in macros:
            self.declare(node)
        self.inventory = self.outer = Inventory(top)
        self.body = Parser(top, 1, self.problems).block()
        if self.only is not None:
            self.body = excerpt(self.body, self.only) or self.body
        self.keep_constants()
        for node in macros:
            body = Parser(node.body, node.lineno, self.problems).block()
            self.macros[node.name] = Written(self.own(node.name), node.lineno, body, Inventory(node.body))

    def own(self, name: str) -> Macro:
        meaning = self.scope.names[name]
        assert isinstance(meaning, Macro)
        return meaning

    def bring(self, node: nodes.FromImport) -> None:
        """Makes the names of an import known."""
        file = node.template.value if isinstance(node.template, nodes.Const) else None
        if type(file) is not str or not re.fullmatch(r"[\w.-]+", file):
            hint = 'Write {% from "_parts.j2" import … %}.'
            self.problems.fail("T017", "an import names a file of its own folder", node.lineno, hint)
        if node.with_context:
            self.problems.note("T014", "`with context` has no place here", node.lineno, "Pass what the macro needs.")
        try:
            found = self.imported(file)
        except FileNotFoundError:
            self.problems.fail("T017", f"there is no file `{file}` in this folder", node.lineno)
        for name in node.names:
            there, here = (name, name) if isinstance(name, str) else name
            if isinstance(found.get(there), Local):
                sentence = f"`{there}` is worked out in `{file}`, and only what is written out there can be imported"
                hint = f"Make it a macro: {{% macro {there}() %}}…{{% endmacro %}}, and call it."
                self.problems.note("T017", sentence, node.lineno, hint)
            elif there not in found:
                known = [name for name, meaning in found.items() if not isinstance(meaning, Local)]
                self.problems.note("T017", f"`{file}` has no `{there}`", node.lineno, nearest(there, known))
            elif self.free(here, node.lineno):
                self.scope.define(here, self.adopt(found[there]))

    def adopt(self, meaning: Meaning) -> Meaning:
        if isinstance(meaning, Constant):
            return self.constant(meaning.value)
        assert isinstance(meaning, Macro)
        python = self.temporary(f"macro_{meaning.name}_")
        self.namespace[python] = meaning.function
        return replace(meaning, python=python)

    def free(self, name: str, line: int) -> bool:
        """Whether a name may be given to a macro."""
        taken = name in self.inputs or name in self.scope.names
        if taken:
            self.problems.note("T015", f"`{name}` is already the name of something else", line, "Choose another name.")
        return not taken

    def declare(self, node: nodes.Macro) -> None:
        names = [argument.name for argument in node.args]
        defaults: list[nodes.Node | None] = [None] * (len(names) - len(node.defaults)) + list(node.defaults)
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.problems.note("T015", f"the parameter `{name}` is written twice", node.lineno)
        for default in node.defaults:
            try:
                constant_value(default)
            except ValueError:
                self.problems.note("T014", "a default is a value that is written out", default.lineno)
        self.free(node.name, node.lineno)
        python = self.temporary(f"macro_{node.name}_")
        self.scope.define(node.name, Macro(node.name, python, tuple(zip(names, defaults, strict=True)), home=self))

    def keep_constants(self) -> None:
        """The constants that are set at the top of the file: macros see them, and other files can import them."""
        for statement in self.body.sets:
            if not isinstance(statement, Set):
                continue
            if self.once(statement) and statement.name not in self.scope.names and statement.name != "dialect":
                try:
                    self.scope.define(statement.name, self.constant(constant_value(statement.expression)))
                except ValueError:
                    continue
                self.kept.append(statement)

    def is_kept(self, statement: Set) -> bool:
        return any(statement is other for other in self.kept)

    # ---- writing

    def settle(self) -> None:
        """Finds which macros can come back to themselves, and which are never absent."""
        calls = {name: written.inventory.called for name, written in self.macros.items()}
        for name, written in self.macros.items():
            reached: set[str] = set()
            waiting = [name]
            while waiting:
                new = calls.get(waiting.pop(), set()) - reached
                reached |= new
                waiting += new
            written.macro.recursive = name in reached
        changed = True
        while changed:
            changed = False
            for written in self.macros.values():
                scope = self.parameters(written)
                if not written.macro.certain and certain_block(written.body, scope):
                    written.macro.certain = changed = True

    def parameters(self, written: Written) -> Scope:
        """The scope a macro begins with. What it sets itself hides a constant of the file."""
        hidden = written.inventory.assigned
        known = self.scope.names.items()
        scope = Scope({name: m for name, m in known if not (name in hidden and isinstance(m, Constant))})
        for index, (name, _) in enumerate(written.macro.parameters):
            scope.define(name, Local(f"{re.sub('[^A-Za-z_]', '', name) or 'x'}_p{index}"))
        return scope

    def emit(self) -> None:
        """Writes the Python of all macros and of the value."""
        for written in self.macros.values():
            check_block(written.body, self.problems)
            self.emit_macro(written)
        check_block(self.body, self.problems)
        if self.only is None:
            check_use(self)
        if self.kind is not None:
            self.emit_build(self.kind)
        elif self.body.value is not None:
            hint = "Only its macros and constants can be used."
            self.problems.note("T017", "a file that is imported has no value of its own", self.body.value.line, hint)

    def emit_macro(self, written: Written) -> None:
        macro, line = written.macro, written.line
        scope = self.parameters(written)
        parameters = [scope.names[name] for name, _ in macro.parameters]
        names = [meaning.python for meaning in parameters]
        self.inventory = written.inventory
        self.line(0, f"def {macro.python}({', '.join(['given', *['depth'] * macro.recursive, *names])}):", line)
        function = Function(self, scope, written.inventory.paths, "depth + 1" if macro.recursive else "1", 1)
        if macro.recursive:
            function.line(f"if depth > {DEEPEST}: too_deep()", line)
        built = function.block(written.body, outermost=True)
        self.no_null(written.body, line)
        function.line(f"return {settled(built, False)}", self.last_line(line))

    def emit_build(self, kind: Kind) -> None:
        if self.body.value is None:
            self.problems.fail("T010", "a value is missing: the file has none", 0)
        self.inventory = self.outer
        self.line(0, "def build(given):", 1)
        self.line(1, "try:", 1)
        function = Function(self, Scope(dict(self.scope.names)), self.outer.paths, "1", 2)
        built = function.block(self.body, outermost=True)
        self.no_null(self.body, self.body.value.line)
        for step in self.result(built, kind):
            function.line(step, self.last_line(1))
        self.line(1, "except Exception as error:", 1)
        self.line(2, "raise failed(error) from error", 1)
        self.namespace["failed"] = failer(*kind.failure)

    def result(self, built: Built, kind: Kind) -> list[str]:
        """How `build` gives its value. The outermost list or object is given also when it stays empty."""
        wanted = "list" if kind.gives_list else "dict"
        value = self.body.value
        if isinstance(value, Container):
            if value.opened != ("[" if kind.gives_list else "{"):
                what = "a list" if kind.gives_list else "an object"
                self.problems.note("T010", f"this file gives {what}", value.line)
            return [f"return {built.python}"]
        empty = "if result is None: return []" if kind.gives_list else "if result is None: no_value(result)"
        return [
            f"result = {settled(built, False)}",
            empty,
            f"if type(result) is not {wanted}: no_value(result)",
            "return result",
        ]

    def no_null(self, body: Block, line: int) -> None:
        if may_be_null(body.value):
            hint = "Write `| or_null` where the macro is called." if line else ""
            self.problems.note("T013", "the outermost value cannot be null", line, hint)

    def last_line(self, otherwise: int) -> int:
        return self.lines[-1].line if self.lines else otherwise

    # ---- Python

    def python(self) -> str:
        return python(self.lines)

    def run(self) -> None:
        """Compiles the Python and fills the namespace."""
        try:
            compiled = code(self.lines, self.filename)
        except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
            self.problems.fail("T010", f"this template nests too deeply: {error}", 0)
        exec(compiled, self.namespace)  # noqa: S102 - written by this compiler, from a whitelist of nodes
        for written in self.macros.values():
            written.macro.function = self.namespace[written.macro.python]
