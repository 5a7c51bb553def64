"""A stream of the caller's own family, relayed event by event without a parse.

The model's name is replaced at the place where its events hold it. That place is learned from the first event: as a
rule all events of a stream begin with the same bytes up to it, so that the next ones only need a comparison. Where
they do not, the event is scanned; a search through the event would also find `"model": "x"` inside a tool's input.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import orjson

from .answer_checks import error_in
from .errors import TemplateError, UpstreamError
from .provider_errors import provider_error, scrub_bytes
from .recorded_usage import usage_of_event
from .splicing import locate, replace_first
from .streams import parser, splitter, violation

if TYPE_CHECKING:
    from .passthrough import PassThrough
    from .upstream import UpstreamAnswer

ERROR = b"error"
MANY = 8
"""From so many events on that came together, it is cheaper to look at them together."""
ENDING = 3
"""So many events at the end of a stream may tell counts, or that it ends."""
ENDS = {"sse": b"\n\n", "ndjson": b"\n", "json-array": b""}
"""What the last event of a stream ends with, if the provider forgot it."""


class Relay:
    """One stream on its way through."""

    __slots__ = (
        "call", "counts", "door", "empty", "end", "framing", "journey", "learned", "models", "new_prefix", "no_counts",
        "parse", "paths", "reframed", "requested", "unread", "withhold",
    )  # fmt: skip

    def __init__(self, journey: PassThrough) -> None:
        self.journey = journey
        self.call = journey.call
        self.door = journey.door
        self.framing = journey.door.dialect.stream.name
        self.parse = parser(self.framing)
        self.paths = [steps(pointer) for pointer in journey.door.dialect.model_in.event]
        self.models = [quoted(path[-1]) for path in self.paths if path]
        self.counts = quoted(self.door.dialect.usage_in[0]) if self.door.dialect.usage_in else None
        self.no_counts = (self.counts or b"") + b":null"
        self.end = (self.door.dialect.stream.end or "").encode()
        self.reframed = journey.writer.name != self.framing or self.framing == "json-array"
        self.requested = orjson.dumps(journey.requested)
        option = journey.door.dialect.usage_option
        self.empty = option.empty.removeprefix("/") if option is not None and option.empty else None
        self.withhold = journey.withhold_usage
        self.learned = b""
        self.new_prefix = b""
        self.unread = 0

    async def frames(self, upstream: UpstreamAnswer) -> AsyncIterator[bytes]:
        """The provider's events, one piece of bytes for each read from the network."""
        cut = splitter(self.framing)
        writer = self.journey.writer
        last: list[bytes] = []
        async for chunk in upstream.chunks():
            events = cut.feed(chunk)
            if not events:
                continue
            if len(events) > 1 or events[0][:1] != b":":
                last = events
            if not self.journey.begun:
                self.begin(events[0])
            piece = b"".join(map(self.relayed_anew, events)) if self.reframed else self.relayed_all(events)
            if writer.number is not None:
                writer.count += len(events)
            if piece:
                yield piece
        rest = cut.finish()
        if rest and self.reframed:
            yield self.relayed_anew(rest)
        elif rest:
            self.call.violations += 1
            end = ENDS[self.framing]
            yield self.relayed(rest if rest.endswith(end) else rest + end)
        elif not last and self.journey.is_conversation:
            said_nothing = f"The provider {self.journey.provider.id} ended its stream without an event."
            raise UpstreamError(said_nothing, code="stream_truncated")
        self.look_back((rest, *reversed(last)))

    def look_back(self, last: Iterable[bytes]) -> None:
        """A conversation that ended without its end, to judge by the `last` events, the very last one first."""
        if self.call.error is None and self.journey.is_conversation and not any(map(self.is_last, last)):
            self.call.violations += 1

    def is_last(self, raw: bytes) -> bool:
        """Whether an event ends a stream: by the dialect's end marker or, where it has none, by what it says."""
        name, data = self.parse(raw) if raw else (None, None)
        if data is None:
            return False
        if self.end:
            return data == self.end or (name is not None and name.encode() == self.end)
        read = self.door.dialect.read_event
        if read is None:
            return True
        with contextlib.suppress(orjson.JSONDecodeError, TemplateError):
            for loose in read({"data": orjson.loads(data), "event": name, "request": {}, "values": {}}) or ():
                if loose.get("type") in ("finish", "error"):
                    return True
        return False

    def begin(self, raw: bytes) -> None:
        """Learn from the first event which answer this is, where events of our own have to name it."""
        self.journey.begun = True
        read = self.door.dialect.read_event
        if not self.journey.client.stream.opens or read is None:
            return
        name, data = self.parse(raw)
        with contextlib.suppress(orjson.JSONDecodeError, TemplateError):
            for loose in read({"data": orjson.loads(data or b""), "event": name, "request": {}, "values": {}}) or ():
                if loose.get("type") == "start":
                    known = {member: loose[member] for member in ("id", "created") if loose.get(member)}
                    self.journey.answer = {**self.journey.answer, **known}

    def relayed_anew(self, raw: bytes) -> bytes:
        """One event in the caller's framing, which is not the provider's."""
        _, data = self.parse(self.relayed(raw))
        return b"" if data is None or data == self.end else self.journey.writer.element(data)

    def relayed_all(self, events: list[bytes]) -> bytes:
        """Some events as the caller gets them. Nearly all are like those before them, and tell no counts."""
        if self.framing == "sse" and len(events) > MANY:
            first, *middle, last = events[0], *events[1:-ENDING], events[-ENDING:]
            start = self.relayed(first)
            alike = self.relayed_alike(middle)
            if alike is not None:
                return b"".join((start, alike, *map(self.relayed, last)))
            return start + self.relayed_singly(events[1:])
        return self.relayed_singly(events)

    def relayed_singly(self, events: list[bytes]) -> bytes:
        pieces: list[bytes] = []
        learned, counts = self.learned, self.counts
        for raw in events:
            if learned and raw.startswith(learned) and (counts is None or counts not in raw):
                pieces += (self.new_prefix, raw[len(learned) :])
            else:
                pieces.append(self.relayed(raw))
                learned = self.learned
        return b"".join(pieces)

    def relayed_alike(self, events: list[bytes]) -> bytes | None:
        """Several events at once, where nothing in any of them needs a look of its own; else None."""
        joined, learned = b"".join(events), self.learned
        if self.counts is not None and self.counts in joined:
            return None
        if learned:
            known = len(learned)
            rests = [raw[known:] for raw in events if raw.startswith(learned)]
            return self.new_prefix + self.new_prefix.join(rests) if len(rests) == len(events) else None
        if ERROR in joined or not of_usual_lines(joined, len(events)):
            return None
        for name in self.models:
            if name in joined:
                return None
        return joined

    def relayed(self, raw: bytes) -> bytes:
        """One event as the caller gets it: with his name for the model, or nothing if it is withheld."""
        if raw.startswith(self.learned) and self.learned:
            if self.counted(raw) and self.usage(raw):
                return b""
            return self.new_prefix + raw[len(self.learned) :]
        if self.framing == "sse" and violation(raw):
            self.call.violations += 1
        if ERROR in raw:
            raw = self.error(raw)
        if self.counted(raw) and self.usage(raw):
            return b""
        for name in self.models:
            if name in raw:
                return self.renamed(raw)
        return raw

    def counted(self, raw: bytes) -> bool:
        """Whether an event seems to tell token counts."""
        return self.counts is not None and self.counts in raw and self.no_counts not in raw

    def error(self, raw: bytes) -> bytes:
        """An event that tells an error, without what is secret; the log tells of it. Any other event as it is."""
        name, data = self.parse(raw)
        try:
            body = orjson.loads(data or b"")
        except orjson.JSONDecodeError:
            return raw
        if name != "error" and error_in(self.door.dialect, body) is None:
            return raw
        secrets = self.call.engine.secrets
        self.call.failed(provider_error(self.journey.provider, self.door, None, {}, data or b"", secrets))
        return scrub_bytes(raw, self.call.engine.secret_bytes)

    def renamed(self, raw: bytes) -> bytes:
        _, data = self.parse(raw)
        if data is None:
            return raw
        at = raw.find(data)
        if at < 0:  # several data lines: their JSON is not one piece of the event
            return raw
        for path in self.paths:
            place = locate(data, path)
            if place is None or data[place[0] : place[0] + 1] != b'"':
                continue
            start, end = at + place[0], at + place[1]
            if len(path) == 1:
                self.learned = raw[:end]
                self.new_prefix = raw[:start] + self.requested
            return raw[:start] + self.requested + raw[end:]
        return raw

    def usage(self, raw: bytes) -> bool:
        """Note the usage that an event tells; True if the caller did not ask for this event."""
        name, data = self.parse(raw)
        try:
            body = orjson.loads(data or b"")
        except orjson.JSONDecodeError:
            return False
        try:
            found = usage_of_event(self.door.dialect, name, body)
        except TemplateError:
            self.call.violations += 1
            return False
        if not found:
            return False
        self.call.usage = {**self.call.usage, **found}
        return self.withhold and self.empty is not None and body.get(self.empty) == []


def of_usual_lines(joined: bytes, count: int) -> bool:
    """Whether so many events consist of lines with data, or of a name and data each: there are as many lines of these
    kinds as there are lines, so all are."""
    if b"\r" in joined:
        return False
    if joined.startswith(b"event: "):
        named, lines = joined.count(b"\n\nevent: ") == count - 1, 2 * count
        return named and joined.count(b"\ndata: ") == count and joined.count(b"\n") == lines + count
    unnamed = joined.startswith(b"data: ") and joined.count(b"\n\ndata: ") == count - 1
    return unnamed and joined.count(b"\n") == 2 * count


def quoted(name: str) -> bytes:
    return orjson.dumps(name)


@lru_cache(maxsize=256)
def steps(pointer: str) -> tuple[str, ...]:
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def replaced_models(
    raw: bytes, values: Mapping[str, bytes], pointers: Iterable[str], wanted: bytes
) -> bytes:
    """A whole answer with the model's name as the caller sent it, at each of `pointers` where there is a text.

    `values` are the values of its members, as bytes; `wanted` is the name as JSON.
    """
    for pointer in pointers:
        path = steps(pointer)
        if len(path) == 1:
            value = bytes(values.get(path[0], b""))
            if value.startswith(b'"') and value != wanted:
                raw = replace_first(raw, path[0], value, wanted)
            continue
        place = locate(raw, path)
        if place is not None and raw[place[0] : place[0] + 1] == b'"':
            raw = raw[: place[0]] + wanted + raw[place[1] :]
    return raw
