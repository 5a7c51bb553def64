"""A provider that is never the bottleneck: an asyncio protocol, answers prepared as bytes, one process.

    python tests/bench/mock_provider.py PORT

POST …/chat/completions and …/v1/messages answer in their vendor's words; a body with `"stream":true` gets a stream.
What the answer is like is in the model's name, joined by dashes:

    bench           1 KB of text; a stream of 100 events in one burst
    bench-k100      about 100 KB of text
    bench-e1000     a stream of 1,000 events
    bench-tools     a call of a tool, its arguments in as many pieces as there are events
    bench-paced     one event every 10 ms; bench-calm: one every 100 ms, for 5 s (how fast models speak)

Each event of a stream says its number, ` word7`, a paced one also when it was written: ` word7 @123456789;` (ns of the
machine's monotonic clock). So whoever reads can tell what is missing, and how late it comes.
"""

from __future__ import annotations

import asyncio
import functools
import re
import sys
import time
from typing import NamedTuple

import orjson
from wire_words import Piece, answer_of, events_of

MODEL = re.compile(rb'"model"\s*:\s*"(?:[^"]*[:/])?([^"]*)"')
STREAM = re.compile(rb'"stream"\s*:\s*true')
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


class Kind(NamedTuple):
    """What a model's name asks for."""

    kilobytes: int = 1
    events: int = 100
    tools: bool = False
    gap: float = 0.0


STAND_INS = {
    "gpt-4o-mini": "tools", "gpt-4.1": "calm", "gpt-4.1-mini": "paced", "gpt-4.1-nano": "k100",
    "claude-haiku-4-5": "tools", "claude-opus-4-1": "calm", "claude-opus-4-5": "paced", "claude-sonnet-4-0": "k100",
}  # fmt: skip
"""Names for gateways that take only those they know."""


@functools.cache
def kind_of(model: str) -> Kind:
    kind = Kind()
    for word in STAND_INS.get(model, model).split("-"):
        if word == "tools":
            kind = kind._replace(tools=True)
        elif word == "paced":
            kind = kind._replace(gap=0.01)
        elif word == "calm":
            kind = kind._replace(gap=0.1, events=50)
        elif found := re.fullmatch(r"k(\d+)", word):
            kind = kind._replace(kilobytes=int(found[1]))
        elif found := re.fullmatch(r"e(\d+)", word):
            kind = kind._replace(events=int(found[1]))
    return kind


@functools.cache
def whole(dialect: str, kind: Kind) -> bytes:
    body = orjson.dumps(answer_of(dialect, kind.kilobytes, tools=kind.tools))
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


@functools.cache
def pieces(dialect: str, kind: Kind) -> list[Piece]:
    return events_of(dialect, kind.events, tools=kind.tools, stamped=kind.gap > 0)


@functools.cache
def burst(dialect: str, kind: Kind) -> bytes:
    return HEAD + b"".join(chunked(piece.before) for piece in pieces(dialect, kind)) + END


def chunked(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


class Provider(asyncio.Protocol):
    """One connection: requests with a Content-Length or chunked, one after another."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.buffer[:end]).lower()
            at = head.find(b"\r\ncontent-length:")
            if at < 0 and b"\r\ntransfer-encoding:" in head:
                if not self.buffer.endswith(b"\r\n0\r\n\r\n"):
                    return
                length = len(self.buffer) - end - 4
            else:
                length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body = bytes(self.buffer[end + 4 : end + 4 + length])
            del self.buffer[: end + 4 + length]
            self.answer("anthropic" if b"/messages" in head.split(b"\r\n", 1)[0] else "openai", body)

    def answer(self, dialect: str, body: bytes) -> None:
        assert self.transport is not None
        model = MODEL.search(body)
        kind = kind_of(model[1].decode() if model else "")
        if not STREAM.search(body):
            self.transport.write(whole(dialect, kind))
        elif kind.gap:
            self.transport.write(HEAD)
            self.paced(iter(pieces(dialect, kind)), kind.gap)
        else:
            self.transport.write(burst(dialect, kind))

    def paced(self, rest: object, gap: float) -> None:
        """One event, and the next after `gap` seconds; what frames them (a head, a tail) goes with its neighbour."""
        assert self.transport is not None
        if self.transport.is_closing():
            return
        out = b""
        for piece in rest:  # type: ignore[attr-defined]
            if piece.after is None:
                out += chunked(piece.before)
                continue
            out += chunked(b"%b%d%b" % (piece.before, time.monotonic_ns(), piece.after))
            self.transport.write(out)
            asyncio.get_running_loop().call_later(gap, self.paced, rest, gap)
            return
        self.transport.write(out + END)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(int(sys.argv[1])))
