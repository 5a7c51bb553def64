"""What can be wrong with a template, found when it is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NoReturn

from jinja2 import TemplateSyntaxError

from ..errors import ConfigurationError

CODES = {
    "T010": "what should be JSON is none: a missing comma, a bracket that is never closed, text after the end",
    "T011": "a hole inside a JSON string",
    "T012": "a name that is not known here",
    "T013": "a filter, test or macro that does not exist, or is called wrongly",
    "T014": "a part of Jinja that has no place in a template of JSON",
    "T015": "a member or a name that is written twice",
    "T016": "Jinja cannot read the file",
    "T017": "an import that leads nowhere",
    "T018": "something that is never used (a warning)",
}
"""The codes of these problems; those before them belong to `lint`, which knows folders and schemas."""


class BadTemplate(ConfigurationError):
    """A template that cannot be compiled: its first problem; `others` are the rest, as far as they could be found."""

    def __init__(self, first: ConfigurationError, others: Iterable[ConfigurationError] = ()) -> None:
        super().__init__(first.sentence, file=first.file, line=first.line, hint=first.hint, code=first.code)
        self.others = tuple(others)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a word that is not known: the likeliest of the known ones, and all of them.

    >>> nearest("dta", ["data", "event"])
    "Did you mean 'data'? Known here: data, event."
    """
    names = list(dict.fromkeys(known))
    close = get_close_matches(word, names, n=1)
    guess = f"Did you mean '{close[0]}'? " if close else ""
    return f"{guess}Known here: {', '.join(names) or 'nothing'}."


class Problems:
    """The problems of one file. A `note` lets the work go on; a `fail` ends it, since what follows makes no sense.

    `first_line` is where a text begins that stands in another file.
    """

    def __init__(self, file: str, first_line: int = 1) -> None:
        self.file, self.first_line = file, first_line
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
        sentence = sentence[0].upper() + sentence[1:] + "."
        line = line + self.first_line - 1 if line else 0
        return ConfigurationError(sentence, file=self.file, line=line, hint=hint, code=code)


TAGS = {
    "end of print statement": "}}",
    "begin of print statement": "{{",
    "end of statement block": "%}",
    "begin of statement block": "{%",
}


def sentence_of(error: TemplateSyntaxError) -> str:
    """Jinja's own words, with its tags as they are written."""
    sentence = (error.message or "unreadable").rstrip(".")
    for words, tag in TAGS.items():
        sentence = sentence.replace(words, tag)
    return sentence


def hint_for(error: TemplateSyntaxError) -> str:
    """What Jinja's own words do not say."""
    if "got ':'" in (error.message or "") or "got '{'" in (error.message or ""):
        return "`{{` opens a hole: an object within an object is written `{ {`."
    return ""
