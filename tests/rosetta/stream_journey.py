"""The way of a stream through the engine, without a network: a provider's bytes in, each client's bytes out."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest
import yaml
from anthropic.lib.streaming._messages import accumulate_event
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk
from rosetta.stories import HERE, Json, template

from handlers.engine.assembler import Assembler
from handlers.engine.dialects import Framing
from handlers.engine.frame_writer import FrameWriter
from handlers.engine.rehearsal import stream_bytes
from handlers.engine.streams import parse_event, read_data, splitter
from handlers.engine.templates import Kind

CLIENTS = ("openai", "anthropic", "gemini", "ollama")
END = {"openai": b"[DONE]", "anthropic": None, "gemini": None, "ollama": None, "responses": b"[DONE]", "cohere": b"[DONE]", "bedrock": None}
"""The data that ends a stream and is no JSON."""
FRAMINGS = {
    "openai": Framing("sse"), "anthropic": Framing("sse"), "gemini": Framing("sse", comments=False),
    "ollama": Framing("ndjson"), "responses": Framing("sse", number="sequence_number", opens=True),
    "cohere": Framing("sse"), "bedrock": Framing("aws-event-stream"),
}  # fmt: skip


class Journey:
    """One streamed answer, from a provider of one dialect to clients of several.

    After `feed` of all pieces and `finish`: `events` are the neutral events, `out` the bytes by client's dialect.
    """

    def __init__(self, provider: str, clients: Iterable[str], request: Json) -> None:
        self.provider, self.request = provider, request
        self.events: list[Json] = []
        self.out = dict.fromkeys(clients, b"")
        self.writers = {client: FrameWriter(FRAMINGS[client]) for client in self.out}
        self.framing = FRAMINGS[provider].name
        self.splitter = splitter(self.framing)
        self.assembler = Assembler(id="made-up", model="m", created=1, dialect=provider)

    def feed(self, piece: bytes) -> None:
        for raw in self.splitter.feed(piece):
            self.take(raw)

    def finish(self) -> None:
        self.take(self.splitter.finish())
        self.write(self.assembler.end())

    def take(self, raw: bytes) -> None:
        name, data = parse_event(self.framing, raw)
        if data is None:
            return
        if data == END[self.provider]:
            self.write(self.assembler.end(complete=True))
            return
        given = {"data": read_data(data), "event": name, "request": self.request, "values": {}}
        self.write(self.assembler.feed_frame(template(self.provider, Kind.READ_EVENT)(given) or []))

    def write(self, events: list[Json]) -> None:
        self.events += events
        for client in self.out:
            for event in events:
                given = {"event": event, "response": self.assembler.response, "request": self.request, "values": {}}
                self.out[client] += self.writers[client].write(template(client, Kind.WRITE_EVENT)(given) or [])


@cache
def stream_stories() -> list[Json]:
    """All stories of streams_*.yaml (their form: test_streams.py)."""
    files = sorted(HERE.glob("streams_*.yaml"))
    return [story for file in files for story in yaml.safe_load(file.read_text("utf-8"))]


def named(story: Json) -> Any:
    """A story as a parameter of a test, under its sentence and the numbers of the defects it covers."""
    numbers = "".join(f"defect_{number} " for number in story.get("defects", []))
    return pytest.param(story, id=numbers + story["it"])


def request_of(story: Json) -> Json:
    return {"model": "m", "messages": [], "stream": True, **story.get("request", {})}


def bytes_of(story: Json) -> bytes:
    """What the provider sent: a transcript, or frames of a binary stream, each of which is `{name: what it carries}`."""
    if "frames" in story:
        return stream_bytes(story["frames"], FRAMINGS[story["from"]].name)
    sent: bytes = story["transcript"].encode()
    return sent


def journey_of(story: Json, pieces: list[bytes] | None = None) -> Journey:
    return travel(story["from"], CLIENTS, request_of(story), pieces or [bytes_of(story)])


def travel(provider: str, clients: Iterable[str], request: Json, pieces: Iterable[bytes]) -> Journey:
    journey = Journey(provider, clients, request)
    for piece in pieces:
        journey.feed(piece)
    journey.finish()
    return journey


def frames_of(stream: bytes, framing: str = "sse") -> list[tuple[str | None, Any]]:
    """Name and data of each event in what was written for a client; comments are left out."""
    cutter = splitter(framing)
    parsed = [parse_event(framing, raw) for raw in [*cutter.feed(stream), cutter.finish()]]
    return [(name, read_data(data)) for name, data in parsed if data is not None]


def accumulated_message(frames: list[tuple[str | None, Any]]) -> Any:
    """What the official package for Messages makes of a stream: a Message."""
    snapshot: Any = None
    shreds: dict[int, bytes] = {}
    for name, data in frames:
        if name != "ping":
            snapshot = accumulate_event(event=data, current_snapshot=snapshot, json_bufs=shreds)
    return snapshot


def accumulated_completion(frames: list[tuple[str | None, Any]]) -> Any:
    """What the official package for Chat Completions makes of a stream: the message of its only choice."""
    state: Any = ChatCompletionStreamState()
    for _, data in frames:
        if data != "[DONE]":
            state.handle_chunk(ChatCompletionChunk.model_validate(data))
    return state.current_completion_snapshot.choices[0].message
