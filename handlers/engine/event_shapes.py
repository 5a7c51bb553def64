"""What two events of a stream have in common: the same bytes, but for a text and perhaps a few values beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from .streams import Parsed

Path = tuple[str | int, ...]
Match = Callable[[bytes, int], re.Match[bytes] | None]
Parse = Callable[[bytes], Parsed]

MOST_DIFFERENCES = 4
MARKS: dict[type, Any] = {str: "mark 7e0c1b52a94d", int: 7_301_846_552_913}
"""Values that hardly any event has."""
TEXT_MARK = orjson.dumps(MARKS[str])
TEXT = rb'("[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")'
VALUES = {str: rb'"[ !#-\[\]-~]*"', int: rb"(?:0|[1-9][0-9]{0,17})"}


class EventShape(NamedTuple):
    """`prefix` and `suffix` are what all such events begin and end with, a JSON text between them. Where they differ in
    more than that text, `rest` is a pattern of what follows the prefix; its first group is the text."""

    prefix: bytes
    suffix: bytes
    rest: Match | None

    def texts(self, events: Iterable[bytes], known: list[str]) -> list[bytes]:
        """The texts in the first events, as JSON, as long as they are of this shape and no text is empty. What they
        say is added to `known`."""
        prefix, suffix, rest = self
        found: list[bytes] = []
        add, remember, loads = found.append, known.append, orjson.loads
        # What has its quotes around it and is JSON, is a text.
        opening, closing, start, end = prefix + b'"', b'"' + suffix, len(prefix), -len(suffix)
        for raw in events:
            if rest is None:
                quoted = raw[start:end] if raw.startswith(opening) and raw.endswith(closing) else b""
            else:
                match = rest(raw, start) if raw.startswith(prefix) else None
                quoted = match[1] if match is not None else b""
            try:
                text = loads(quoted)
            except orjson.JSONDecodeError:
                break
            if not text:
                break
            remember(text)
            add(quoted)
        return found


class Hole(NamedTuple):
    """A place in an event where those like it have another value: `begin` to `end` in its bytes."""

    path: Path
    value: Any
    begin: int
    end: int


class Event(NamedTuple):
    """An event of the provider: its bytes, its name, and the JSON in it."""

    raw: bytes
    name: str | None
    data: Any


def shape_of(
    before: Event, event: Event, text: str, parse: Parse, put: Any, beside: Any
) -> tuple[EventShape, Any] | None:
    """The shape of an event, which has its `text` in it just once, and of the one `before` it; and its JSON with `put`
    in place of that text, and `beside` in place of all else that is not always the same. None where it cannot be told
    at a glance.
    """
    return plain_shape(before, event, text, parse, put) or loose_shape(before, event, text, parse, put, beside)


# ---- where they differ in the text alone ------------------------------------------------------------------------


def plain_shape(before: Event, event: Event, text: str, parse: Parse, put: Any) -> tuple[EventShape, Any] | None:
    prefix, _, suffix = event.raw.partition(orjson.dumps(text))
    if not (before.raw.startswith(prefix) and before.raw.endswith(suffix)):
        return None
    name, data = parse(b"".join((prefix, TEXT_MARK, suffix)))
    if name != event.name or data is None:
        return None
    # Whatever text is put there, it is read in this place: what stands around a value says where it belongs.
    marked = orjson.loads(data)
    if exchanged(marked, text) != event.data or marked == event.data:
        return None
    return EventShape(prefix, suffix, None), exchanged(marked, put)


def exchanged(value: Any, other: Any) -> Any:
    """A value with another in place of the mark for texts."""
    if value.__class__ is dict:
        return {name: exchanged(member, other) for name, member in value.items()}
    if value.__class__ is list:
        return [exchanged(element, other) for element in value]
    return other if value == MARKS[str] else value


# ---- where other values differ, too -----------------------------------------------------------------------------


def loose_shape(
    before: Event, event: Event, text: str, parse: Parse, put: Any, beside: Any
) -> tuple[EventShape, Any] | None:
    holes = holes_of(event.raw, event.data, before.data, text)
    if not holes or not reads_back(event, holes, parse):
        return None
    here = next(hole for hole in holes if hole.value == text and hole.value.__class__ is str)
    raw, at = event.raw, holes[0].begin
    pattern = b""
    for hole in holes:
        pattern += re.escape(raw[at : hole.begin]) + (TEXT if hole is here else VALUES[hole.value.__class__])
        at = hole.end
    rest = compiled(pattern + re.escape(raw[at:])).fullmatch
    data = with_values(event.data, {hole.path: put if hole is here else beside for hole in holes})
    return EventShape(raw[: holes[0].begin], raw[at:], rest), data


@lru_cache(maxsize=256)
def compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


def holes_of(raw: bytes, data: Any, before: Any, text: str) -> list[Hole]:
    """Where an event has its `text`, and where else it differs from the one before it, in the order of its bytes."""
    old, new = dict(leaves(before)), dict(leaves(data))
    here = [path for path, value in new.items() if value.__class__ is str and value == text]
    if len(here) != 1 or old.keys() != new.keys():
        return []
    found: list[Hole] = []
    for path, value in new.items():
        kind, earlier = value.__class__, old[path]
        if path != here[0] and earlier == value and earlier.__class__ is kind:
            continue
        hole = located(raw, path, value) if earlier.__class__ is kind and kind in VALUES else None
        if hole is None or len(found) == MOST_DIFFERENCES:
            return []
        found.append(hole)
    return sorted(found, key=lambda hole: hole.begin)


def located(raw: bytes, path: Path, value: Any) -> Hole | None:
    """Where a member of an event stands in its bytes, if it is written there just once in the plainest way."""
    if not path or not isinstance(path[-1], str):
        return None
    name, written = orjson.dumps(path[-1]), orjson.dumps(value)
    for between in (b":", b": "):
        member = name + between + written
        if raw.count(member) == 1:
            end = raw.index(member) + len(member)
            return Hole(path, value, end - len(written), end) if raw[end : end + 1] in (b",", b"}", b" ") else None
    return None


def reads_back(event: Event, holes: list[Hole], parse: Parse) -> bool:
    """Whether bytes with other values in these places are read as the same event with those values in it."""
    marks = {hole.path: MARKS[hole.value.__class__] for hole in holes}
    pieces: list[bytes] = []
    at = 0
    for hole in holes:
        pieces += [event.raw[at : hole.begin], orjson.dumps(marks[hole.path])]
        at = hole.end
    name, marked = parse(b"".join((*pieces, event.raw[at:])))
    return name == event.name and marked is not None and orjson.loads(marked) == with_values(event.data, marks)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """All that stands in a value and holds nothing itself."""
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from leaves(member, (*path, name))
    elif isinstance(value, list) and value:
        for index, element in enumerate(value):
            yield from leaves(element, (*path, index))
    else:
        yield path, value


def with_values(value: Any, others: Mapping[Path, Any], path: Path = ()) -> Any:
    """A value with others in these places."""
    if path in others:
        return others[path]
    if isinstance(value, dict):
        return {name: with_values(member, others, (*path, name)) for name, member in value.items()}
    if isinstance(value, list):
        return [with_values(element, others, (*path, index)) for index, element in enumerate(value)]
    return value
