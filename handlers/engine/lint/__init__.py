"""`morello lint`: everything that can be found wrong with a configuration without asking anybody.

    loading       bad YAML, unknown keys and types, unset variables, templates that do not compile (configuration.py)
    files         files that nothing reaches
    required      members that a schema requires and a template can leave out, told from the template's form
    trials        specimens of what a template is given, run; what comes out is held to its schema
    carried       what each template does not carry, as notes

A finding is `file:line  CODE level  sentence. what to do`; the codes with P and L are in problems.py, those with T in
templates/problems.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..configuration import Configuration
from ..dialects import EIGHT, Dialect
from ..problems import Problem, Problems
from .carried import tell_losses
from .files import find_unreachable
from .required import find_optional
from .speech import Speech
from .trials import try_templates


def lint(configuration: Configuration, *, bundled: bool = False) -> Problems:
    """All findings, those of loading first, each file's by line.

    Dialects of which no file is the operator's own are left out unless `bundled`: they were tried when they were made.
    """
    found = Problems()
    if not configuration.dialects and configuration.problems.errors:
        return Problems(by_line(configuration.problems))
    everything = bundled or configuration.resources.home == configuration.resources.bundled
    find_unreachable(configuration, found, everything=everything)
    for dialect in judged(configuration, everything=everything):
        speech = Speech(dialect, configuration)
        found += speech.problems
        find_optional(dialect, speech, found)
        try_templates(dialect, speech, found)
        tell_losses(dialect, speech, found)
    unique = dict.fromkeys(found)
    rest = sorted(unique, key=lambda problem: (problem.file, problem.line, problem.code))
    return Problems([*by_line(configuration.problems), *rest])


def by_line(problems: Problems) -> list[Problem]:
    """The findings file by file, in the order in which the files were read, and by line within each."""
    files = list(dict.fromkeys(problem.file for problem in problems))
    return sorted(problems, key=lambda problem: (files.index(problem.file), problem.line))


def judged(configuration: Configuration, *, everything: bool) -> Iterator[Dialect]:
    """The dialects that have templates of the operator's own; or all that have any of their own."""
    resources = configuration.resources
    for dialect in configuration.dialects.values():
        changed = any(resources.origin(path) == "home" for path in dialect.files.values())
        if own_templates(dialect) and (everything or changed):
            yield dialect


def own_templates(dialect: Dialect) -> bool:
    """Whether it has templates that are compiled for it; a child without a folder shares its parent's."""
    return any(template.name.startswith(f"{dialect.name}/") for template in dialect.templates.values())


def summary(configuration: Configuration, problems: Problems) -> str:
    """The last line: what was looked at, and how it is."""
    counts = {level: sum(problem.level == level for problem in problems) for level in ("error", "warning")}
    templates = sum(kind in dialect.files for dialect in configuration.dialects.values() for kind in EIGHT)
    looked = (
        f"{_some(len(configuration.dialects), 'dialect')}, {_some(len(configuration.providers), 'provider')}, "
        f"{_some(templates, 'template')}"
    )
    return f"{looked}: {_some(counts['error'], 'error')}, {_some(counts['warning'], 'warning')}"


def _some(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
