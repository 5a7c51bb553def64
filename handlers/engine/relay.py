"""A stream of the caller's own family, relayed event by event without a parse.

The model's name is replaced at the place where its events hold it. That place is learned from the first event: as a
rule all events of a stream begin with the same bytes up to it, so that the next ones only need a comparison. Where
they do not, the event is scanned; a search through the event would also find `"model": "x"` inside a tool's input.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

import orjson

from .pointers import ABSENT, look, parse_pointer
from .provider_errors import provider_error, scrub_bytes
from .recorded_usage import usage_of_event
from .splicing import NotSpliceable, locate, replace_text
from .streams import parser, splitter, violation

if TYPE_CHECKING:
    from .passthrough import PassThrough
    from .upstream import UpstreamAnswer

USAGE = b'"usage"'
NO_USAGE = b'"usage":null'
MODEL = b'"model"'
ERROR = b"error"


class Relay:
    """One stream on its way through."""

    __slots__ = (
        "call", "door", "empty", "framing", "journey", "learned", "new_prefix", "parse", "paths", "requested", "unread",
        "withhold",
    )  # fmt: skip

    def __init__(self, journey: PassThrough) -> None:
        self.journey = journey
        self.call = journey.call
        self.door = journey.door
        self.framing = journey.door.dialect.stream.name
        self.parse = parser(self.framing)
        self.paths = [steps(pointer) for pointer in journey.door.dialect.model_in.event]
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
        relayed = self.relayed
        writer = self.journey.writer
        async for chunk in upstream.chunks():
            events = cut.feed(chunk)
            if not events:
                continue
            piece = b"".join([relayed(raw) for raw in events])
            if writer.number is not None:
                writer.count += len(events)
            if piece:
                yield piece
        rest = cut.finish()
        if rest:
            self.call.violations += 1
            yield self.relayed(rest) + (b"" if rest.endswith(b"\n\n") else b"\n\n")

    def relayed(self, raw: bytes) -> bytes:
        """One event as the caller gets it: with his name for the model, or nothing if it is withheld."""
        if raw.startswith(self.learned) and self.learned:
            if USAGE in raw and NO_USAGE not in raw and self.usage(raw):
                return b""
            return self.new_prefix + raw[len(self.learned) :]
        if self.framing == "sse" and violation(raw):
            self.call.violations += 1
        if ERROR in raw:
            raw = self.error(raw)
        if USAGE in raw and NO_USAGE not in raw and self.usage(raw):
            return b""
        return self.renamed(raw) if MODEL in raw else raw

    def error(self, raw: bytes) -> bytes:
        """An event that tells an error, without what is secret; the log tells of it. Any other event as it is."""
        name, data = self.parse(raw)
        inside = self.door.dialect.error_inside
        try:
            body = orjson.loads(data or b"")
        except orjson.JSONDecodeError:
            return raw
        found = look(body, parse_pointer(inside)) if inside is not None else ABSENT
        if name != "error" and (found is ABSENT or not found):
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
        found = usage_of_event(self.door.dialect, name, body)
        if not found:
            return False
        self.call.usage = {**self.call.usage, **found}
        return self.withhold and self.empty is not None and body.get(self.empty) == []


def steps(pointer: str) -> tuple[str, ...]:
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def replaced_models(raw: bytes, body: Any, pointers: Iterable[str], requested: str) -> bytes:
    """A whole answer with the model's name as the caller sent it, at each of `pointers` where there is a text."""
    for pointer in pointers:
        path = steps(pointer)
        value = body
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        if not isinstance(value, str) or value == requested:
            continue
        if len(path) == 1:
            with contextlib.suppress(NotSpliceable):
                raw = replace_text(raw, path[0], value, orjson.dumps(requested))
            continue
        place = locate(raw, path)
        if place is not None:
            raw = raw[: place[0]] + orjson.dumps(requested) + raw[place[1] :]
    return raw
