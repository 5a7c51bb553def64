"""What can be wrong with a template, found when it is loaded.

    T001  the JSON is no JSON: a comma is missing, a bracket is never closed, text after the end
    T002  a hole inside a JSON string
    T003  a name that is not known here
    T004  a filter, test or macro that does not exist, or is called wrongly
    T008  a part of Jinja that has no place in a template of JSON
    T009  a member that is written twice
    T010  Jinja cannot read the file
    T011  an import that leads nowhere
    T012  something that is never used (a warning)

T005 to T007 belong to `lint`, which knows the schemas and the folders.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NoReturn

from ..errors import ConfigurationError


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a word that is not known: the known ones, and the likeliest.

    >>> nearest("dta", ["data", "event"])
    "Did you mean 'data'? Known here: data, event."
    """
    names = list(known)
    close = get_close_matches(word, names, n=1)
    guess = f"Did you mean '{close[0]}'? " if close else ""
    return f"{guess}Known here: {', '.join(names) or 'nothing'}."


class Problems:
    """The problems of one file. A `note` lets the work go on; a `fail` ends it, since what follows makes no sense."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[ConfigurationError] = []
        self.warnings: list[ConfigurationError] = []

    def note(self, code: str, sentence: str, line: int, hint: str = "") -> None:
        self.found.append(self._problem(code, sentence, line, hint))

    def warn(self, code: str, sentence: str, line: int, hint: str = "") -> None:
        self.warnings.append(self._problem(code, sentence, line, hint))

    def fail(self, code: str, sentence: str, line: int, hint: str = "") -> NoReturn:
        problem = self._problem(code, sentence, line, hint)
        self.found.append(problem)
        raise problem

    def _problem(self, code: str, sentence: str, line: int, hint: str) -> ConfigurationError:
        return ConfigurationError(sentence, file=self.file, line=line, hint=hint, code=code)
