"""Losses that a dialect declares (`told:`), because no trial finds them: of what the writer makes depend on much else.

Trials (losses/) put one member into a few companies. They are blind where three members decide together, where two
elements of a list do, and where something else goes along in its place. There a dialect says which place of the neutral
request is not carried, and when: by the members beside it (`when`), or by what the written body lacks (`unless`). What
is told so counts as carried in the trials, so nobody hears of it twice, nor is it refused there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from .errors import TemplateError
from .losses import Loss
from .patches import EACH
from .pointers import ABSENT, look, parse_pointer

Steps = tuple[str, ...]
Path = tuple[str | int, ...]
Read = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class DeclaredLoss:
    """One entry: what stands at `steps` is lost where each member in `when` is as it says, and nothing at `unless`."""

    steps: Steps
    word: str
    when: tuple[tuple[str, Callable[[Any], bool]], ...] = ()
    unless: tuple[Steps, ...] = ()

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> DeclaredLoss:
        """From the YAML. Raises ValueError for a pointer or a schema that is none."""
        unless = entry.get("unless", ())
        pointers = (unless,) if isinstance(unless, str) else tuple(unless)
        when = tuple(
            (name, jsonschema_rs.validator_for(schema).is_valid) for name, schema in entry.get("when", {}).items()
        )
        word: str = entry.get("as", "unsupported")
        return cls(parse_pointer(entry["at"]), word, when, tuple(map(parse_pointer, pointers)))

    def places(self, request: Mapping[str, Any], written: Any) -> list[Path]:
        """The places of a neutral request that are lost, given the body that was written from it."""
        if request.get(self.steps[0]) is None:
            return []
        for name, fits in self.when:
            value = request.get(name)
            if value is None or not fits(value):
                return []
        if any(look(written, steps) is not ABSENT for steps in self.unless):
            return []
        return list(expanded(request, self.steps))


def expanded(value: Any, steps: Steps, path: Path = ()) -> Iterator[Path]:
    """The places that `steps` lead to, `*` being each element of a list; nothing where nothing stands."""
    if value is None or value is False:
        return
    if not steps:
        yield path
    elif isinstance(value, list) and steps[0] == EACH:
        for index, one in enumerate(value):
            yield from expanded(one, steps[1:], (*path, index))
    elif isinstance(value, dict):
        yield from expanded(value.get(steps[0]), steps[1:], (*path, steps[0]))


def told_of(declared: Iterable[DeclaredLoss], request: Mapping[str, Any], written: Any) -> list[tuple[str, Path]]:
    """What is lost of a neutral request: how, and where."""
    return [(each.word, place) for each in declared for place in each.places(request, written)]


def losses_of(found: Iterable[tuple[str, Path]], body: dict[str, Any], read: Read) -> list[Loss]:
    """Losses in the caller's own words: at the innermost place of his body without which the neutral one is gone.

    `read` gives the neutral request of a body.
    """
    return [Loss.at(word, own_place(body, place, read) or place) for word, place in found]


def own_place(body: dict[str, Any], place: Path, read: Read) -> Path:
    """Where a body says what stands at a place of the neutral request; () where no single place does."""
    wanted = at(read(body), place)
    way: Path = ()
    inner: Any = body
    while isinstance(inner, dict) or (isinstance(inner, list) and not isinstance(wanted, list)):
        keys: Iterable[Any] = inner if isinstance(inner, dict) else range(len(inner))
        step = next((key for key in keys if says(body, (*way, key), place, wanted, read)), None)
        if step is None:
            break
        way, inner = (*way, step), inner[step]
    return way


def says(body: dict[str, Any], own: Path, place: Path, wanted: Any, read: Read) -> bool:
    """Whether the neutral place is another without what stands at a place of the body. A body that cannot be read
    without it tells nothing."""
    try:
        return bool(at(read(without(body, own)), place) != wanted)
    except TemplateError:
        return False


def at(value: Any, place: Path) -> Any:
    for step in place:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def without(value: Any, path: Path) -> Any:
    """A copy whose place at `path` is gone; an element of a list becomes null, so that the others keep their places."""
    step: Any = path[0]
    rest, copy = path[1:], value.copy()
    if rest:
        copy[step] = without(value[step], rest)
    elif isinstance(copy, list):
        copy[step] = None
    else:
        del copy[step]
    return copy
