"""One streamed answer on its way from the provider's words into the caller's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from .answer_checks import misshapen
from .assembler import Assembler
from .errors import GatewayError, TemplateError, UpstreamError
from .likeness import Learner, Likeness
from .losses import Loss, header_value
from .provider_errors import told_error
from .reasoning import before_calls, seal_event
from .snapshots import in_shreds
from .streams import READ_ONLY, parser, read_data, splitter
from .thought_tags import ThoughtTags

if TYPE_CHECKING:
    from .translation import Translation
    from .upstream import UpstreamAnswer

GRACE = 5.0
"""Seconds that a provider has after it has said why it ends: for its usage, and for its end marker."""

LINGER = 0.25
"""Seconds that a provider has after its end marker to close its answer, so that the connection can serve again."""

BYTES_PER_TOKEN = 4
"""For the count that a stream has to begin with before the provider tells it; the end corrects it. Some clients
refuse a stream that begins with no input at all."""

MAY_BE_SEALED = ("reasoning", "tool_call")

Event = dict[str, Any]
Write = Callable[[dict[str, Any]], Any]


class TranslatedStream:
    """Frames in, frames out. Whatever the provider sends, what leaves is a well-formed stream of the caller's."""

    __slots__ = (
        "assembler", "before", "call", "end", "end_name", "ended", "estimate", "failure", "journey", "learner", "maker",
        "parse",
        "read", "read_event", "renames", "renaming", "seals", "tags", "write", "write_event", "writer",
    )  # fmt: skip

    def __init__(self, journey: Translation) -> None:
        self.journey = journey
        self.writer = journey.writer
        self.call = journey.call
        dialect = journey.door.dialect
        self.read_event = dialect.read_event
        self.write_event = journey.client.write_event
        self.parse = parser(dialect.stream.name)
        self.end = dialect.stream.end.encode() if dialect.stream.end else None
        self.end_name = dialect.stream.end
        self.ended = False
        self.failure: GatewayError | None = None
        """Why the stream ends early. What came before it is written first: it may have come in the same bytes."""
        self.estimate = max(1, len(self.call.raw) // BYTES_PER_TOKEN)
        self.read: dict[str, Any] = {"data": None, "event": None, "request": journey.request, "values": journey.values}
        """What the reader of events is given: the same dict each time, with another event in it."""
        self.renaming = journey.renaming
        self.renames = journey.renaming.active
        tags = journey.provider.thought_tags
        self.tags = ThoughtTags(tags) if tags is not None else None
        foreign = journey.client.family != dialect.family
        self.maker = journey.provider.reasoning_scope if foreign else None
        self.before = foreign and journey.client.reasoning.calls == "before"
        self.seals = journey.client.reasoning.seals
        known = journey.answer
        self.assembler = Assembler(
            id=known["id"], created=known["created"], answer_as=journey.requested, dialect=dialect.family
        )
        journey.answer, journey.assembler, journey.parts = self.assembler.response, self.assembler, []
        self.write: dict[str, Any] = {
            "event": None, "response": None, "request": journey.request, "asked": self.call.body,
            "values": journey.client.values,
        }  # fmt: skip
        """What the writer is given."""
        if journey.begun:
            self.assembler.start()
        self.learner = Learner(self)
        self.call.usage = self.assembler.response["usage"]  # it grows: who leaves early has cost something

    async def frames(self, upstream: UpstreamAnswer) -> AsyncIterator[bytes]:
        """Pieces of whole frames, one for each read from the network that gave any."""
        cut = splitter(self.journey.door.dialect.stream.name)
        chunks = aiter(upstream.chunks())
        deadline: float | None = None
        while not self.ended:
            chunk = await next_chunk(chunks, deadline)
            if chunk is None:
                break
            piece = self.written(cut.feed(chunk))
            if piece:
                yield piece
            if self.failure is not None:
                raise self.failure
            if self.assembler.finished and deadline is None:
                deadline = asyncio.get_running_loop().time() + GRACE
        rest = cut.finish()
        last = self.written([rest]) if rest and not self.ended else b""
        if self.failure is None:
            last += self.finale()
        if last:
            yield last
        if self.failure is not None:
            raise self.failure
        if self.ended:
            await next_chunk(chunks, None if upstream.complete else asyncio.get_running_loop().time() + LINGER)

    def written(self, events: Sequence[bytes]) -> bytes:
        """The caller's frames for some of the provider's events."""
        pieces: list[bytes] = []
        frames: list[Any] = []
        known, at, count = self.learner.known, 0, len(events)
        try:
            while at < count and not self.ended:
                if known is not None and (alike := known.follow(events, at, pieces, self.writer)):
                    at += alike
                    continue
                known = self.translate(events[at], frames)
                at += 1
                if known is not None and frames:
                    pieces.append(self.writer.write(frames))
                    frames = []
        except GatewayError as failure:
            self.failure = failure
        if frames:
            pieces.append(self.writer.write(frames))
        return b"".join(pieces)

    def translate(self, raw: bytes, frames: list[Any]) -> Likeness | None:
        """Add the caller's frames for one of the provider's events. Gives what is known of those like it."""
        learner = self.learner
        name, data = self.parse(raw)
        if data is None:
            return learner.known
        if self.is_end(name, data):
            self.ended = True
            return None
        body = read_data(data)
        found = self.loose(name, body)
        self.told_of(self.assembler.feed_frame(found), frames)
        return learner.learn(raw, name, body, found) if learner.patience else None

    def is_end(self, name: str | None, data: bytes) -> bool:
        """Whether an event is the provider's end marker, by its text or its name."""
        return data == self.end or (name is not None and name == self.end_name)

    def loose(self, name: str | None, data: Any) -> list[Event]:
        assert self.read_event is not None
        given = self.read
        given["data"], given["event"] = data, name
        try:
            found: list[Event] = self.read_event(given) or []
        except TemplateError as error:
            self.call.engine.log.error("%s: %s:%s: %s", self.call.request_id, error.path, error.line, error.reason)
            self.looked_at(data)
            raise UpstreamError(
                f"The stream of the provider {self.journey.provider.id} could not be read.", code="misread_answer"
            ) from error
        told = False
        for loose in found:
            if loose.get("type") == "error":
                self.assembler.feed_frame(one for one in found if one.get("type") == "usage")
                raise self.failed(loose["error"])
            told = told or is_shred(loose)
        if not told and not self.assembler.finished:
            self.looked_at(data)
        if self.before:
            found = before_calls(found)
        return found if self.tags is None else [*self.tags.loose(in_shreds(found, self.assembler.snapshots))]

    def looked_at(self, data: Any) -> None:
        """An event in which nothing is said may be an error, or one in a wrong shape."""
        self.journey.refuse_error_inside(data)
        if fault := misshapen(self.journey.door.dialect, "event", data):
            raise self.journey.no_answer(f"of an event in its stream, {fault}")

    def held_back(self) -> list[Event]:
        """At the end of the provider's stream: what waited for more, as events of the answer."""
        return self.assembler.feed_frame(self.tags.finish()) if self.tags is not None else []

    def failed(self, error: Event) -> GatewayError:
        """A neutral error of the stream as an exception."""
        return told_error(self.journey.provider, error, None, {}, self.call.engine.secrets)

    def told_of(self, events: Iterable[Event], frames: list[Any], write: Write | None = None) -> None:
        """Add the caller's frames for some events of the answer; `write` is another writer than the caller's."""
        for event in events:
            kind = event["type"]
            if kind == "part_delta" and not self.renames and event["part"]["type"] not in MAY_BE_SEALED:
                frames += self.frames_of(event, write)  # nearly all there is
                continue
            if kind == "error":
                raise self.failed(event["error"])
            if kind == "start" and "input_tokens" not in event["usage"]:
                event["usage"]["input_tokens"] = self.estimate
            for each in seal_event(event, self.maker, self.seals) if self.maker is not None else (event,):
                outward = self.renaming.event(each) if self.renames else each
                kind = outward["type"]
                if kind == "part_end":
                    self.journey.parts.append(outward["part"])
                elif kind == "start":
                    self.journey.begun = True
                frames += self.frames_of(outward, write)

    def frames_of(self, event: Event, write: Write | None = None) -> list[Any]:
        write = write or self.write_event
        assert write is not None
        response = self.assembler.response
        if event["type"] != "part_delta":
            response = {**response, "parts": self.journey.parts}
        given = self.write
        given["event"], given["response"] = event, response
        return write(given) or []

    def finale(self) -> bytes:
        """The end of the stream: what was held back, what was lost, why it ends."""
        frames: list[Any] = []
        self.told_of(self.held_back(), frames)
        events = self.assembler.end(complete=self.ended)
        response = self.assembler.response
        self.call.usage = response.get("usage") or {}
        lost = [*self.left_behind(), *self.call.engine.losses.of_answer(self.journey.client, response)]
        if lost:
            self.call.losses += lost
            frames.append({"comment": f"gateway-warnings: {header_value(lost)}"})
        try:
            self.told_of(events, frames)
        except GatewayError as failure:
            self.failure = failure
        return self.writer.write(frames)

    def left_behind(self) -> list[Loss]:
        """What the provider's reader could not take along."""
        return [Loss("unsupported", name) for name in self.assembler.lost]

    def told(self, response: Event) -> bytes:
        """A whole neutral response as a stream in one piece."""
        frames: list[Any] = []
        for loose in as_loose(response):
            self.told_of(self.assembler.feed(loose), frames)
        self.ended = True
        whole = self.writer.write(frames) + self.finale()
        if self.failure is not None:
            raise self.failure
        return whole


def is_shred(loose: Event) -> bool:
    """Whether a loose event is a shred of text or of a call's arguments, as nearly all are."""
    return loose.get("text").__class__ is str or (loose.get("arguments").__class__ is str and "end" not in loose)


async def next_chunk(chunks: AsyncIterator[bytes], deadline: float | None) -> bytes | None:
    """The next bytes; None at the end, or when the time is up: what is known by then is enough."""
    try:
        if deadline is None:
            return await anext(chunks)
        async with asyncio.timeout_at(deadline):
            return await anext(chunks)
    except (StopAsyncIteration, TimeoutError):
        return None


def as_loose(response: Event) -> Iterable[Event]:
    """The loose events that a whole neutral response amounts to."""
    names = ("id", "model", "created", "service_tier")
    yield {"type": "start", **{key: response[key] for key in (*names, "extra") if key in response}}
    for key, part in enumerate(response.get("parts", ())):
        arguments = part.get("arguments")
        about = {"type": "delta", "part": part["type"], "key": key}
        delta = {**part, **about}
        if part["type"] == "tool_call":
            delta["arguments"] = arguments if isinstance(arguments, str) else orjson.dumps(arguments or {}).decode()
        citations = delta.pop("citations", None)
        yield delta
        if isinstance(citations, list):
            yield from ({**about, "citation": one} for one in citations)
        yield {**about, "end": True}
    yield {"type": "finish", **{key: response[key] for key in ("finish_reason", "raw_finish_reason", "stop_sequence")
                                if response.get(key) is not None}}  # fmt: skip
    if response.get("usage"):
        yield {"type": "usage", **response["usage"]}


def assembled(journey: Translation, raw: bytes) -> Event:
    """A whole neutral response from the bytes of a stream that nobody asked for."""
    stream = TranslatedStream(journey)
    declared = journey.door.dialect.stream.name
    framing = declared if declared in READ_ONLY else "sse" if raw.lstrip()[:1] not in b"{[" else "ndjson"
    cut, stream.parse = splitter(framing), parser(framing)
    for event in (*cut.feed(raw), cut.finish()):
        name, data = stream.parse(event) if event else (None, None)
        if data is None:
            continue
        stream.ended = stream.ended or stream.is_end(name, data)
        for loose in stream.loose(name, read_data(data)) if not stream.ended else ():
            stream.assembler.feed(loose)
    stream.held_back()
    journey.call.losses += stream.left_behind()
    for last in stream.assembler.end(complete=stream.ended):
        if last["type"] == "error":
            raise stream.failed(last["error"])
    return stream.assembler.response
