"""Templates by name: `Compiler` loads, compiles and remembers them; `Template` and `Text` are what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from ..errors import ConfigurationError
from .blind import blind
from .kinds import Kind
from .problems import BadTemplate
from .scope import Constant, Local, Macro, Meaning
from .survey import Shape, Survey
from .texts import Text
from .unit import Unit

Load = Callable[[str], tuple[str, str]]


class Template:
    """One compiled template. `function` is plain Python, from the inputs of its kind to the value it describes."""

    def __init__(self, compiler: Compiler, name: str, kind: Kind, dialect: str, unit: Unit) -> None:
        self.compiler, self.name, self.kind, self.dialect = compiler, name, kind, dialect
        self.file = unit.filename
        self.source = unit.python()
        self.function: Callable[[Mapping[str, Any]], Any] = unit.namespace["build"]
        self.warnings = tuple(unit.problems.warnings)
        self._unit = unit
        self._members: dict[str, Callable[[Mapping[str, Any]], Any]] = {}

    @cached_property
    def survey(self) -> Survey:
        return Survey(self._unit)

    @cached_property
    def blind(self) -> Callable[[Mapping[str, Any]], Any]:
        """The function once more, for what may hold SHRED and UNREAD (blind.py)."""
        return blind(self.function)

    @property
    def reads(self) -> frozenset[str]:
        """The inputs it reads, each with its dotted path and every beginning of it: `messages`, `messages[].role`."""
        return frozenset(self.survey.reads)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """What it can write: one shape, or one for each branch."""
        return self.survey.shapes

    def member(self, name: str) -> Callable[[Mapping[str, Any]], Any]:
        """A function that gives an object with one of the members, and perhaps others: as a rule, just that one."""
        found = self._members.get(name)
        if found is None:
            found = self._members[name] = self.compiler.member(self, name)
        return found

    def __repr__(self) -> str:
        return f"<Template {self.name}>"


class Compiler:
    """Compiles the templates of all dialects.

    `load(name)` gives the text and the file name of a template, such as "acme/read_request.j2", wherever it lies
    (the operator's folder first, that of a `like:` child before its parent's); it raises FileNotFoundError.
    """

    def __init__(self, load: Load, recorder: dict[str, Any] | None = None) -> None:
        self.load = load
        self._recorder = recorder  # what `explain` wants to be told
        self._imports: dict[tuple[str, str], dict[str, Meaning]] = {}

    def compile(self, name: str, *, kind: Kind, dialect: str) -> Template:
        """The template of that name. `dialect` is its family's name.

        Raises ConfigurationError (the first problem, with file and line) and FileNotFoundError.
        """
        unit = self._unit(name, kind, dialect, ())
        return Template(self, name, kind, dialect, unit)

    def member(self, template: Template, member: str) -> Callable[[Mapping[str, Any]], Any]:
        """What a template gives, as far as it takes to give one member of it."""
        unit = self._unit(template.name, template.kind, template.dialect, (), member)
        function: Callable[[Mapping[str, Any]], Any] = unit.namespace["build"]
        return function

    def problems(self, name: str, *, kind: Kind | None, dialect: str) -> list[ConfigurationError]:
        """All that is wrong with a template, as far as it can be told at once; empty for a good one.

        Without a kind, the file is one of macros to be imported.
        """
        try:
            self._unit(name, kind, dialect, ())
        except BadTemplate as error:
            return [error, *error.others]
        return []

    def compile_text(
        self,
        source: str,
        *,
        inputs: tuple[str, ...],
        where: tuple[str, int] = ("", 0),
        encode: Callable[[str], str] | None = None,
    ) -> Text:
        """A text with holes, for a path or a header. It gives None where a hole is absent.

        `where`: the file and line the text stands at. `encode` is applied to what each hole gives.
        """
        return Text(source, inputs, where, encode)

    def _unit(
        self, name: str, kind: Kind | None, dialect: str, within: tuple[str, ...], only: str | None = None
    ) -> Unit:
        source, filename = self.load(name)
        folder = name.rpartition("/")[0]
        unit = Unit(
            source=source,
            filename=filename,
            kind=kind,
            dialect=dialect,
            imported=lambda file: self._imported(f"{folder}/{file}" if folder else file, dialect, (*within, name)),
            recorder=self._recorder,
            only=only,
        )
        try:
            unit.read()
            unit.settle()
            unit.emit()
            if not unit.problems.found:
                unit.run()
        except ConfigurationError as error:
            if error not in unit.problems.found:  # that of an imported file, with those beside it
                unit.problems.found += [error, *getattr(error, "others", ())]
        if unit.problems.found:
            first, *others = sorted(unit.problems.found, key=lambda problem: (problem.file != filename, problem.line))
            raise BadTemplate(first, others) from None
        return unit

    def _imported(self, name: str, dialect: str, within: tuple[str, ...]) -> dict[str, Meaning]:
        """The macros and constants of a file that another one imports; a name that is worked out there is a Local."""
        if name in within:
            raise ConfigurationError(
                "files import each other in a circle: " + " → ".join([*within[within.index(name) :], name]),
                file=self.load(within[-1])[1],
                code="T017",
            )
        key = (name, dialect)
        if key not in self._imports:
            unit = self._unit(name, None, dialect, within)
            own = {written.macro.name for written in unit.macros.values()}
            worked_out: dict[str, Meaning] = {found: Local("") for found in unit.outer.assigned}
            self._imports[key] = worked_out | {
                found: meaning
                for found, meaning in unit.scope.names.items()
                if isinstance(meaning, Constant) or (isinstance(meaning, Macro) and found in own)
            }
        return self._imports[key]
