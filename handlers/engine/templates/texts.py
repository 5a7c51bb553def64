"""Texts with holes, for paths and headers: "Bearer {{ key }}"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import TemplateSyntaxError, nodes

from .certainty import certain
from .expressions import Expressions
from .kinds import Kind
from .problems import Problems, sentence_of
from .runtime import as_text, failer
from .scope import Scope
from .unit import ENVIRONMENT, Unit


class Text:
    """A compiled text. Calling it with the inputs gives the text, or None where a hole is absent.

    `constant` is the text itself where it has no holes, else None; `reads` are the inputs it uses.
    """

    def __init__(
        self, source: str, inputs: tuple[str, ...], where: tuple[str, int], encode: Callable[[str], str] | None
    ) -> None:
        self.source, self.where = source, where
        file, line = where
        problems = Problems(file, line)
        pieces = self._pieces(source, problems)
        self.constant = "".join(pieces) if all(isinstance(piece, str) for piece in pieces) else None  # type: ignore[arg-type]
        self.reads = frozenset(
            name.name
            for piece in pieces
            if isinstance(piece, nodes.Node)
            for name in [*piece.find_all(nodes.Name), *([piece] if isinstance(piece, nodes.Name) else [])]
        )
        self._encode = encode or (lambda text: text)
        self._function = self._compile(pieces, inputs, problems, line)

    def __call__(self, given: Mapping[str, Any]) -> str | None:
        if self.constant is not None:
            return self.constant
        result: str | None = self._function(given)
        return result

    @staticmethod
    def _pieces(source: str, problems: Problems) -> list[str | nodes.Node]:
        try:
            tree = ENVIRONMENT.parse(source)
        except TemplateSyntaxError as error:
            problems.fail("T016", sentence_of(error), error.lineno)
        pieces: list[str | nodes.Node] = []
        for node in tree.body:
            if not isinstance(node, nodes.Output):
                problems.fail("T014", "a text has holes only, no statements", node.lineno, "Write {{ a if b else c }}.")
            pieces += [part.data if isinstance(part, nodes.TemplateData) else part for part in node.nodes]
        return pieces

    def _compile(
        self, pieces: list[str | nodes.Node], inputs: tuple[str, ...], problems: Problems, line: int
    ) -> Callable[[Mapping[str, Any]], Any]:
        unit = Unit(source="", filename=problems.file, kind=None, dialect="", imported=lambda _: {})
        unit.problems, unit.inputs = problems, inputs
        write = Expressions(unit, Scope({}), Counter(), "1")
        unit.line(0, "def build(given):", line)
        unit.line(1, "try:", line)
        names = []
        for piece in pieces:
            if isinstance(piece, str):
                names.append(repr(piece))
                continue
            name = unit.temporary("hole")
            unit.line(2, f"{name} = {write.text(piece)}", line)
            if not certain(piece, Scope({})):
                unit.line(2, f"if {name} is None: return None", line)
            names.append(f"hole({name})")
        unit.line(2, f"return ''.join([{', '.join(names)}])", line)
        unit.line(1, "except Exception as error:", line)
        unit.line(2, "raise failed(error) from error", line)
        if problems.found:
            raise problems.found[0]
        unit.namespace["hole"] = lambda value: self._encode(as_text(value))
        unit.namespace["failed"] = failer(*Kind.WRITE_REQUEST.failure)
        unit.run()
        function: Callable[[Mapping[str, Any]], Any] = unit.namespace["build"]
        return function
