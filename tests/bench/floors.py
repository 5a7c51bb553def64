"""The floors that the gateway is measured against: the least that a server under uvicorn can do.

    python tests/bench/floors.py answering|relay|transport PORT PROVIDER_PORT

`answering` reads the request and gives a prepared answer; `relay` passes request and answer on over an asyncio protocol;
`transport` does the same over the gateway's own transport. No validation, no key, no translation, no log.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import httptools
import orjson
import uvicorn

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from mock_provider import MODEL, STREAM, kind_of, pieces
from wire_words import answer_of


class Connection(asyncio.Protocol):
    """One kept-alive connection to the provider. Pieces of the answer go to a queue of one waiter."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.done = True
        self.waiter: asyncio.Future[None] | None = None
        self.headers: list[tuple[bytes, bytes]] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        self.done = True

    def send(self, data: bytes) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.done, self.pieces, self.headers = False, [], []
        self.transport.write(data)

    async def wait(self) -> None:
        self.waiter = asyncio.get_running_loop().create_future()
        await self.waiter


async def body_of(receive: Any) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def begin(send: Any, kind: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})


def relay(provider_port: int) -> Any:
    idle: list[Connection] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = await body_of(receive)
        if idle:
            connection = idle.pop()
        else:
            _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", provider_port)
        head = b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        connection.send(head % (scope["path"].encode(), len(body)) + body)
        while not connection.headers or not (connection.pieces or connection.done):
            await connection.wait()
        await begin(send, next(value for name, value in connection.headers if name.lower() == b"content-type"))
        while not (connection.done and not connection.pieces):
            if connection.pieces:
                piece, connection.pieces = b"".join(connection.pieces), []
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            else:
                await connection.wait()
        await send({"type": "http.response.body", "body": b""})
        idle.append(connection)

    return app


def over_our_transport(provider_port: int) -> Any:
    from handlers.engine.transports import PooledTransport, Timeout  # noqa: PLC0415 - only this floor needs the gateway

    transport, limits = PooledTransport(), Timeout()
    headers = [(b"content-type", b"application/json")]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = await body_of(receive)
        url = f"http://127.0.0.1:{provider_port}{scope['path']}"
        _, answered, stream = await transport.call("POST", url, headers, body, limits)
        await begin(send, next(value for name, value in answered if name.lower() == b"content-type"))
        async for piece in stream:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        await stream.aclose()

    return app


async def answering(scope: Any, receive: Any, send: Any) -> None:
    body = await body_of(receive)
    dialect = "anthropic" if scope["path"].endswith("/messages") else "openai"
    model = MODEL.search(body)
    kind = kind_of(model[1].decode() if model else "")
    if not STREAM.search(body):
        await begin(send, b"application/json")
        await send({"type": "http.response.body", "body": orjson.dumps(answer_of(dialect, kind.kilobytes, tools=kind.tools))})
        return
    await begin(send, b"text/event-stream")
    for piece in pieces(dialect, kind):
        await send({"type": "http.response.body", "body": piece.before, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    which, port, provider = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    app = answering if which == "answering" else (relay if which == "relay" else over_our_transport)(provider)
    uvicorn.run(app, port=port, log_level="error", access_log=False, lifespan="off", backlog=4096)
