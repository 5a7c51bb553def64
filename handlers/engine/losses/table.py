"""What one translation does not carry: asked once for each request.

    table = Table(translate, schema)     once for a pair of dialects: some hundred trials, a few thousand runs
    table(request)                       [Loss("unsupported", "seed"), …]; one validator's glance if nothing is lost
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .holes import FAILED, Translate, Trial, Watch, same
from .loss import Loss, Path
from .nodes import COMPATIBILITY, UNSUPPORTED, Ask, Findings, Node, look
from .probing import Prober
from .specimens import STRANGE, Schema, Schemas

MOST_TRIALS = 64
"""Trials for one request at most, for each place of the schema; many messages ask the same question again."""


class Table:
    """`translate`: a pure function of the request, that returns all of what the request can influence (the body, and
    what else is sent, or read for the answer). It may raise; it must not change its input.

    `schema`: JSON Schema of the request; references point into the same object. `watch(request, output)` sees each
    trial.
    `failures`: requests of the trials on which the translation raised, and the errors (the first fifty, for lint).
    Raises ValueError if the translation is not a function of its input alone. Safe to build in any thread.
    """

    def __init__(self, translate: Translate, schema: Schema, *, watch: Watch | None = None) -> None:
        self.trial = Trial(translate, watch)
        schemas = Schemas(schema)
        self.require_purity(schemas, schema)
        self.root: Node | None = Prober(schemas, self.trial, schema).table()
        self.failures, self.trial.failures = self.trial.failures or [], None
        self.carried = self.root.fine if self.root is not None else carries_all

    def require_purity(self, schemas: Schemas, schema: Schema) -> None:
        for rich in (True, False):
            for second in (False, True):
                given = schemas.specimen(schema, rich, second)
                first, again = self.trial(given), self.trial(given)
                if first is not FAILED and first != again:
                    raise ValueError("this translation is not a pure function of its input: it cannot be probed")

    @property
    def runs(self) -> int:
        return self.trial.runs

    def __call__(self, request: Any) -> list[Loss]:
        """What of this request is not carried, in its own words, in its own order."""
        if self.carried(request):
            return []
        found = Findings()
        look(self.root, request, (), found)
        return [*found.losses, *self.answered(request, found.asks)] if found.asks else found.losses

    def lines(self) -> list[str]:
        """The table for people: one line for each place and what becomes of it."""
        return list(self.root.lines("")) if self.root is not None else []

    # ---- asks -----------------------------------------------------------------------------------------------------

    def answered(self, request: Any, asks: list[Ask]) -> Iterator[Loss]:
        answers: dict[int, list[Loss | None]] = {}
        wholes: dict[tuple[Any, ...], Any] = {}
        for ask in asks:
            earlier = answers.setdefault(id(ask.node), [])
            if len(earlier) >= MOST_TRIALS:
                # What was lost once is told as lost here too: rather a word too many than one too few.
                if any(earlier):
                    yield Loss.at(UNSUPPORTED, ask.path, refuse=ask.refuse)
                continue
            small, path = reduced(request, ask.path)
            key = scene(request, ask.path)
            if key not in wholes:
                wholes[key] = self.trial(small)
            loss = self.answer(ask, small, path, wholes[key])
            earlier.append(loss)
            if loss is not None:
                yield loss

    def answer(self, ask: Ask, request: Any, path: Path, whole: Any) -> Loss | None:
        if whole is FAILED:
            return None
        if ask.closed:
            gone = same(self.trial(taken_out(request, path)), whole)
            merged = any(same(self.trial(replaced(request, path, rival)), whole) for rival in ask.rivals)
        else:
            merged = all(same(self.trial(other), whole) for other in changed(request, path))
            gone = merged and same(self.trial(taken_out(request, path)), whole)
        if gone:
            return Loss.at(UNSUPPORTED, ask.path, refuse=ask.refuse)
        return Loss.at(COMPATIBILITY, ask.path) if merged else None


def scene(request: Any, path: Path) -> tuple[Any, ...]:
    """Asks with the same scene have the same reduced request."""
    last = max((at for at, step in enumerate(path) if isinstance(step, int)), default=-1)
    return (path[0] if path and isinstance(request[path[0]], list) else None, path[: last + 1])


def carries_all(request: Any) -> bool:
    return True


def reduced(request: Any, path: Path) -> tuple[Any, Path]:
    """A small request that asks the same: of each array on the way only the element in question, of each array beside
    the way (at the top) only the first. So a long conversation costs no more to ask than a short one."""
    if not isinstance(request, dict) or not path:
        return request, path
    first, *rest = path
    small = {key: value[:1] if isinstance(value, list) and key != first else value for key, value in request.items()}
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
    """The request with another value of its own kind at one place; a number is made larger, and smaller."""
    old = value
    for key in path:
        old = old[key]
    for new in others(old):
        yield replaced(value, path, new)


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
