"""What is wrong with what an operator wrote: collected, so that one run of `morello lint` shows all of it.

Loading stops a start at the first error; lint prints them all. Each has a place, a code, a sentence and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .errors import ConfigurationError

Level = Literal["error", "warning", "note"]

CODES = {
    "P001": "the file is not YAML",
    "P002": "a variable is not set",
    "P003": "an unknown key",
    "P004": "a value of the wrong kind",
    "P005": "an unknown type or dialect",
    "P006": "a key is written twice",
    "P007": "a key stands in the file instead of in the environment",
    "P008": "plain http to a host that is not this machine",
    "P009": "an unquoted ${NAME} inside { } or [ ]",
    "P010": "an id that cannot be used",
    "P011": "an alias that leads nowhere",
    "P012": "a patch that cannot work",
    "P013": "a header, path or query that cannot be used",
    "P014": "a package that a provider needs is not installed",
    "P015": "a loss that cannot be told",
    "L001": "a template is missing, or cannot be read",
    "L002": "a member that the schema requires can be absent",
    "L003": "what a template makes breaks the schema",
    "L004": "a file that nothing reaches",
    "L005": "what a template does not carry",
    "L006": "a template fails on its specimen",
}
"""What `morello lint` may print, and what it stands for; codes with a T are the template compiler's."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. `line` 0 means the file as a whole; `hint` is what to do, or empty."""

    code: str
    level: Level
    file: str
    line: int
    sentence: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}  {self.code} {self.level:<7}  {self.sentence}{' ' + self.hint if self.hint else ''}"

    def as_error(self, more: int = 0) -> ConfigurationError:
        """The exception that stops a start; `more` counts the errors that are not shown."""
        rest = f"(and {more} more: `morello lint` lists them)" if more else ""
        hint = " ".join(piece for piece in (self.hint, rest) if piece)
        return ConfigurationError(self.sentence, file=self.file, line=self.line, hint=hint, code=self.code)


class Problems(list[Problem]):
    """Findings in the order they were made."""

    def error(self, code: str, file: str, line: int, sentence: str, hint: str = "") -> None:
        self.append(Problem(code, "error", file, line, sentence, hint))

    def warning(self, code: str, file: str, line: int, sentence: str, hint: str = "") -> None:
        self.append(Problem(code, "warning", file, line, sentence, hint))

    def note(self, code: str, file: str, line: int, sentence: str, hint: str = "") -> None:
        self.append(Problem(code, "note", file, line, sentence, hint))

    def caught(
        self, error: ConfigurationError, code: str, file: str = "", line: int = 0, level: Level = "error"
    ) -> None:
        """Note what another part raised; its own place and code win."""
        sentence = error.sentence if error.sentence.endswith((".", "!", "?")) else f"{error.sentence}."
        place = (error.file or file, error.line or line)
        problem = Problem(error.code or code, level, *place, sentence, error.hint)
        if problem not in self:
            self.append(problem)

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self if problem.level == "error"]

    def raise_first(self) -> None:
        """Raise the first error, if there is one."""
        errors = self.errors
        if errors:
            raise errors[0].as_error(len(errors) - 1)


MOST_CANDIDATES = 2000


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean 'x'?`, or an empty text when nothing known resembles the word.

    Comparing is slow and the word may be a caller's, so only names of about its length are looked at, and not too many.
    """
    word = word[:200]
    folded = {name.lower(): name for name in known if abs(len(name) - len(word)) <= max(4, len(word) // 3)}
    near = difflib.get_close_matches(word.lower(), list(folded)[:MOST_CANDIDATES], n=2, cutoff=0.6)
    return f"Did you mean {' or '.join(repr(folded[name]) for name in near)}?" if near else ""
