"""Trials with one request of a client: is what the table suspects really lost here?

The table comes from trials in a few companies, and this request may be another one. So each place that the table calls
lost, or leaves open, is taken out of the request (or changed), and the translation runs again: if that changes what
would be sent, the place is not lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from .holes import FAILED, Trial, same
from .loss import Loss, Path, place
from .nodes import COMPATIBILITY, UNSUPPORTED, Ask
from .specimens import STRANGE

Pattern = tuple[str | None, ...]

MOST_TRIALS = 64
"""Trials for one request at most; what is suspected after that is told, rather a word too many than one too few."""

ALIKE = 8
"""Places of one kind in like company that are asked (`messages[*].name`); the rest of a long conversation goes with
them."""

MANY = 100
"""Losses of one kind that are told one by one; more of them are told as one, with their number."""

MOST_LEAVES = 8
MOST_BESIDE = 64
"""Elements of arrays beside the way that are kept where a refusal is made sure of."""

BLANK = re.compile(r"\s*")


class Inquiry:
    """The trials that one request takes."""

    def __init__(self, trial: Trial, request: Any) -> None:
        self.trial, self.request = trial, request
        self.left = MOST_TRIALS
        self.wholes: dict[tuple[Any, ...], Any] = {}

    def losses(self, asks: list[Ask]) -> list[Loss]:
        """What is really lost, in the order of the request; very many of one kind are told as one."""
        groups: dict[tuple[Any, ...], list[Ask]] = {}
        for ask in asks:
            around = () if sure(ask) else company(self.request, ask.path)
            groups.setdefault((id(ask.node), ask.word, ask.refuse, pattern(ask.path), *around), []).append(ask)
        found: dict[int, Loss] = {}
        for group in sorted(groups.values(), key=lambda group: urgency(group[0])):
            found |= {id(ask): loss for ask, loss in zip(group, self.answers(group), strict=False) if loss is not None}
        return [found[id(ask)] for ask in asks if id(ask) in found]

    def answers(self, group: list[Ask]) -> Iterator[Loss | None]:
        """What becomes of asks of one kind, in their order."""
        words = [self.judged(ask) for ask in group[:ALIKE]] if not sure(group[0]) else [group[0].word]
        likely = next((word for word in words if word), "")
        if likely and len(group) > MANY:
            yield replace(group[0].loss(likely), name=place(pattern(group[0].path)), times=len(group))
            return
        for at, ask in enumerate(group):
            word = words[at] if at < len(words) else likely
            yield ask.loss(word) if word else None

    def judged(self, ask: Ask) -> str:
        """The word for what becomes of it; "" if it is carried."""
        if self.left <= 0:
            return ask.word or UNSUPPORTED
        small, path = reduced(self.request, ask.path)
        word = self.judge(ask, small, path, self.whole(ask.path, small))
        if word and ask.refuse and (fuller := reduced(self.request, ask.path, MOST_BESIDE)[0]) != small:
            # What stands beside it in arrays may matter: look again before this is refused.
            return self.judge(ask, fuller, path, self.run(fuller))
        return word

    def judge(self, ask: Ask, request: Any, path: Path, whole: Any) -> str:
        if whole is FAILED:
            return ask.word
        if ask.more:
            return UNSUPPORTED if same(self.run(taken_out(request, (*path, 1))), whole) else ""
        value = at_path(request, path)
        blank = isinstance(value, str) and BLANK.fullmatch(value) is not None
        if ask.required and blank:
            return UNSUPPORTED if same(self.run(replaced(request, path, "")), whole) else ""
        gone = not ask.required and same(self.run(taken_out(request, path)), whole)
        if gone and (ask.word or ask.closed or blank or not value):
            return UNSUPPORTED
        if ask.closed:
            return self.among(ask, request, path, whole, value)
        changes = self.outputs(changed(request, path))
        if not changes or not all(same(one, whole) for one in changes):
            return ""  # also where something beside it says the same, and would be heard without it
        ignored = ask.required and isinstance(value, str)  # whatever text stood there, nothing of it would be sent
        return UNSUPPORTED if gone or ignored else ask.word or COMPATIBILITY

    def among(self, ask: Ask, request: Any, path: Path, whole: Any, value: Any) -> str:
        """Of a closed set: whether it is told apart from the values that it was merged with, or from any."""
        rest = [one for one in ask.known if one != value][:MOST_LEAVES]
        merged = [one for one in rest if same(self.run(replaced(request, path, one)), whole)]
        if rest and len(merged) == len(rest):
            return ask.word or UNSUPPORTED
        return COMPATIBILITY if merged and (ask.rivals or ask.word == COMPATIBILITY) else ""

    def whole(self, path: Path, small: Any) -> Any:
        key = scene(self.request, path)
        if key not in self.wholes:
            self.wholes[key] = self.run(small)
        return self.wholes[key]

    def outputs(self, requests: Iterable[Any]) -> list[Any]:
        return [output for request in requests if (output := self.run(request)) is not FAILED]

    def run(self, request: Any) -> Any:
        self.left -= 1
        return self.trial(request)


def pattern(path: Path) -> Pattern:
    """A path with all indices alike."""
    return tuple(step if isinstance(step, str) else None for step in path)


def company(request: Any, path: Path) -> Iterator[tuple[str, ...]]:
    """The names of what stands around a place, within each element of an array on the way to it."""
    value, inside = request, False
    for step in path:
        if inside and isinstance(value, dict):
            yield tuple(value)
        inside = inside or isinstance(step, int)
        value = value[step]


def sure(ask: Ask) -> bool:
    """Whether the table's word is enough: in an element of an array, what it tried was much the same as what is here,
    and a warning too many harms nobody."""
    return ask.sure or (bool(ask.word) and not ask.refuse and any(isinstance(step, int) for step in ask.path))


def urgency(ask: Ask) -> int:
    """What may be refused is asked first, then what only the request decides."""
    return 0 if ask.refuse else 1 if not ask.word else 2


def scene(request: Any, path: Path) -> tuple[Any, ...]:
    """Asks with the same scene have the same reduced request."""
    last = max((at for at, step in enumerate(path) if isinstance(step, int)), default=-1)
    return (path[0] if path and isinstance(request[path[0]], list) else None, path[: last + 1])


def reduced(request: Any, path: Path, beside: int = 1) -> tuple[Any, Path]:
    """A small request that asks the same: of each array on the way only the element in question, of each array beside
    the way (at the top) only the first ones. So a long conversation costs no more to ask than a short one."""
    if not isinstance(request, dict) or not path:
        return request, path
    first, *rest = path
    small = {
        key: value[:beside] if isinstance(value, list) and key != first else value for key, value in request.items()
    }
    small[first], inner = single(request[first], tuple(rest))
    return small, (first, *inner)


def single(value: Any, path: Path) -> tuple[Any, Path]:
    if not path:
        return value, path
    key, *rest = path
    inner, steps = single(value[key], tuple(rest))
    if isinstance(value, list):
        return [inner], (0, *steps)
    return {**value, key: inner}, (key, *steps)


def at_path(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def replaced(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    key, *rest = path
    copy = value.copy()
    copy[key] = replaced(value[key], tuple(rest), new)
    return copy


def taken_out(value: Any, path: Path) -> Any:
    key, *rest = path
    if rest:
        copy = value.copy()
        copy[key] = taken_out(value[key], tuple(rest))
        return copy
    if isinstance(value, list):
        return [one for at, one in enumerate(value) if at != key]
    return {name: one for name, one in value.items() if name != key}


def changed(value: Any, path: Path) -> Iterator[Any]:
    """The request with another value of its own kind at one place; a number is made larger, and smaller. In what holds
    others, each of these is changed."""
    for inner, old in islice(leaf_paths(at_path(value, path)), MOST_LEAVES):
        for new in others(old):
            yield replaced(value, (*path, *inner), new)


def leaf_paths(value: Any) -> Iterator[tuple[Path, Any]]:
    """The single values in a value, and where they stand; what holds others counts too, for what could be added."""
    if isinstance(value, (dict, list)):
        yield (), value
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from (((key, *path), leaf) for path, leaf in leaf_paths(one))
    elif value is not None:
        yield (), value


def others(old: Any) -> list[Any]:
    if isinstance(old, bool):
        return [not old]
    if isinstance(old, int):
        return [old + 1, old - 1, 2 * old + 2]
    if isinstance(old, float):
        return [old * 1.1, old * 0.9]
    if isinstance(old, dict):
        return [{**old, STRANGE: 1}]
    if isinstance(old, list):
        return [[*old, STRANGE]]
    return [f"{old}x"]
