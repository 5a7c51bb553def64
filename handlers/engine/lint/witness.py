"""What readers make of a provider's real answers, held to the neutral form: for `morello test` and `morello explain`.

At run time the neutral form is not checked, so a reader's wrong word is dropped on the way, or passed on. Here the
readers of the operator's own dialects are watched while a case goes through the gateway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from ..configuration import Configuration
from ..dialects import Dialect
from ..problems import Problem, Problems
from . import judged
from .speech import Speech
from .trials import Trials

WATCHED = ("read_response", "read_event", "read_error")
Function = Callable[[Mapping[str, Any]], Any]


class Witness:
    """Watches the readers of one configuration; `findings` are what they made wrong, each told once."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.problems = Problems()
        everything = configuration.resources.home == configuration.resources.bundled
        for dialect in judged(configuration, everything=everything):
            for kind in WATCHED:
                if kind in dialect.templates:
                    self.watch(dialect, kind)

    @property
    def findings(self) -> list[Problem]:
        return list(dict.fromkeys(self.problems))

    def watch(self, dialect: Dialect, kind: str) -> None:
        """Put a reader that looks at what it made in the place of a dialect's own."""
        read: Function = dialect.templates[kind].function

        @cache
        def trials() -> Trials:
            return Trials(dialect, kind, Speech(dialect, self.configuration), self.problems)

        def watched(given: Mapping[str, Any]) -> Any:
            made = read(given)
            trials().hold(given, made)
            return made

        object.__setattr__(dialect, kind, watched)
