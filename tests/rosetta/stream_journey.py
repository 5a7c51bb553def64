"""The way of a stream through the engine, without a network: a provider's bytes in, each client's bytes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from handlers.engine.assembler import Assembler
from handlers.engine.streams import parse_event, read_data, splitter, write_frames
from handlers.engine.templates import Compiler, Kind

TEMPLATES = Path(__file__).parents[2] / "templates"
END = {"openai": b"[DONE]", "anthropic": None}
"""The data that ends a stream and is no JSON."""

Json = dict[str, Any]


def load(name: str) -> tuple[str, str]:
    path = TEMPLATES / name
    return path.read_text(encoding="utf-8"), str(path)


@cache
def template(dialect: str, kind: Kind) -> Callable[[Mapping[str, Any]], Any]:
    """One of the eight functions of a dialect."""
    return Compiler(load).compile(f"{dialect}/{kind.value}.j2", kind=kind, dialect=dialect).function


class Journey:
    """One streamed answer, from a provider of one dialect to clients of several.

    After `feed` of all pieces and `finish`: `events` are the neutral events, `out` the bytes by client's dialect.
    """

    def __init__(self, provider: str, clients: Iterable[str], request: Json) -> None:
        self.provider, self.request = provider, request
        self.events: list[Json] = []
        self.out = dict.fromkeys(clients, b"")
        self.splitter = splitter("sse")
        self.assembler = Assembler(id="made-up", model="m", created=1, dialect=provider)

    def feed(self, piece: bytes) -> None:
        for raw in self.splitter.feed(piece):
            self.take(raw)

    def finish(self) -> None:
        self.take(self.splitter.finish())
        self.write(self.assembler.end())

    def take(self, raw: bytes) -> None:
        name, data = parse_event("sse", raw)
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
                self.out[client] += write_frames(template(client, Kind.WRITE_EVENT)(given) or [])


def travel(provider: str, clients: Iterable[str], request: Json, pieces: Iterable[bytes]) -> Journey:
    journey = Journey(provider, clients, request)
    for piece in pieces:
        journey.feed(piece)
    journey.finish()
    return journey


def frames_of(stream: bytes) -> list[tuple[str | None, Any]]:
    """Name and data of each event in what was written for a client; comments are left out."""
    cutter = splitter("sse")
    parsed = [parse_event("sse", raw) for raw in [*cutter.feed(stream), cutter.finish()]]
    return [(name, read_data(data)) for name, data in parsed if data is not None]
