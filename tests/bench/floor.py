"""The floor that the gateway is measured against: uvicorn relaying a request on an asyncio protocol, and nothing else.

    python tests/bench/floor.py PORT PROVIDER_PORT

No validation, no key, no translation, no log: the least that a Python server under uvicorn can do to pass a body on.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import httptools
import uvicorn


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


def relay(provider_port: int) -> Any:
    idle: list[Connection] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if idle:
            connection = idle.pop()
        else:
            _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", provider_port)
        head = b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        connection.send(head % (scope["path"].encode(), len(body)) + body)
        while not connection.headers or not (connection.pieces or connection.done):
            await connection.wait()
        kind = next(value for name, value in connection.headers if name.lower() == b"content-type")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        while not (connection.done and not connection.pieces):
            if connection.pieces:
                piece, connection.pieces = b"".join(connection.pieces), []
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            else:
                await connection.wait()
        await send({"type": "http.response.body", "body": b""})
        idle.append(connection)

    return app


if __name__ == "__main__":
    uvicorn.run(relay(int(sys.argv[2])), port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off")
