"""A place in a request, in several companies: what is tried is put there, and the translation is run.

Companies: all other members set, or the required ones only; of first values, or of second ones. One rich request
alone gives wrong answers both ways: members mask each other, and some are carried only beside others.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from typing import Any


class Absent:
    """Nothing stands here."""


class Failed:
    """The translation raised; equal to nothing, since two failures say nothing about each other."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return False


ABSENT, FAILED = Absent(), Failed()
PLAIN = (str, int, float)
MOST_FAILURES = 50

Translate = Callable[[Any], Any]
Watch = Callable[[Any, Any], None]


class Verdict(enum.Enum):
    CARRIED = "carried"
    LOST = "lost"           # as if nothing stood there
    MERGED = "merged"       # as if an earlier value stood there


class Trial:
    """Runs a translation, and counts."""

    def __init__(self, translate: Translate, watch: Watch | None = None) -> None:
        self.translate, self.watch, self.runs = translate, watch, 0
        self.failures: list[tuple[Any, Exception]] | None = []    # None: not kept

    def __call__(self, request: Any) -> Any:
        self.runs += 1
        try:
            output = self.translate(request)
        except Exception as error:  # whatever it was, it was not silent
            if self.failures is not None and len(self.failures) < MOST_FAILURES:
                self.failures.append((request, error))
            return FAILED
        if self.watch is not None:
            self.watch(request, output)
        return output


class Hole:
    """`put` builds the whole request around a value; `rich` and `second` say in which company it stands."""

    __slots__ = ("known", "put", "rich", "second", "trial")

    def __init__(self, trial: Trial, put: Callable[[Any], Any], rich: bool, second: bool) -> None:
        self.trial, self.put, self.rich, self.second = trial, put, rich, second
        self.known: list[tuple[Any, Any]] = []    # values whose output is known already, and that output

    def run(self, value: Any) -> Any:
        for tried, output in self.known:
            if tried is value or (isinstance(value, PLAIN) and type(tried) is type(value) and tried == value):
                return output
        return self.trial(self.put(value))

    @property
    def nothing(self) -> Any:
        """What is sent if nothing stands here."""
        output = self.run(ABSENT)
        if not any(tried is ABSENT for tried, _ in self.known):
            self.known.append((ABSENT, output))
        return output

    def outputs(self, tried: Sequence[Any]) -> list[Any] | None:
        """What each value gives; None if this company says nothing, because it fails whatever stands here.

        If only the absence fails (a member is required), the values are still told apart from each other.
        """
        found = [self.run(value) for value in tried]
        return None if self.nothing is FAILED and all(output is FAILED for output in found) else found

    def within(self, put: Callable[[Any], Any]) -> Hole:
        """A hole inside this one: `put` builds what stands in this one."""
        return Hole(self.trial, lambda value: self.put(put(value)), self.rich, self.second)

    def alone(self, value: Any) -> bool | None:
        """Whether this value is not carried here; None if this company says nothing."""
        return None if self.nothing is FAILED else same(self.run(value), self.nothing)


def with_member(others: dict[str, Any], key: str) -> Callable[[Any], dict[str, Any]]:
    """Puts a member beside others that are set."""
    return lambda value: others if value is ABSENT else {**others, key: value}


def same(one: Any, other: Any) -> bool:
    """Whether two outputs are equal; lists compare by identity first, which two failures must not."""
    return one is not FAILED and bool(one == other)


def verdicts(outputs: Sequence[Any], nothing: Any) -> list[tuple[Verdict, int]]:
    """For each value what became of it in one company, and with which earlier value it was merged (else -1)."""
    found: list[tuple[Verdict, int]] = []
    for at, output in enumerate(outputs):
        if output == nothing:
            found.append((Verdict.LOST, -1))
            continue
        twin = next((earlier for earlier in range(at) if outputs[earlier] == output), -1)
        found.append((Verdict.CARRIED if twin < 0 else Verdict.MERGED, twin))
    return found


def mentions(output: Any, value: Any) -> bool:
    """Whether a value stands somewhere in an output as it is."""
    return any(one == value and type(one) is type(value) for one in leaves(output))


def leaves(output: Any) -> Iterator[Any]:
    if isinstance(output, dict):
        for value in output.values():
            yield from leaves(value)
    elif isinstance(output, (list, tuple)):
        for value in output:
            yield from leaves(value)
    else:
        yield output
