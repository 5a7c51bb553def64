"""The frame of a provider's server for tests: it keeps what it received and answers as a subclass decides.

It is the provider's end of a real socket. Subclasses speak one vendor's format to the letter and refuse what the vendor
would refuse, in the vendor's words, so that a wrong translation fails here as it would fail there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Received:
    """One request as it arrived. `body` is its JSON."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    raw: bytes
    body: Any


@dataclass
class Reply:
    """What is answered: JSON, or the events of a stream."""

    status: int = 200
    body: Any = None
    events: list[bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The vendor's refusal of a request."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.message, self.more = status, message, more


class VendorServer:
    """An ASGI app. `received` holds all requests; `next_replies` are given first, before the server's own ideas."""

    unheard: frozenset[str] = frozenset()
    """Methods that take no reply and are not kept: the gateway asks for lists of models whenever it likes."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.next_replies: list[Reply] = []

    @property
    def last(self) -> Received:
        return self.received[-1]

    def reply(self, request: Received) -> Reply:
        raise NotImplementedError

    def refusal(self, refused: Refused) -> Reply:
        raise NotImplementedError

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.lifespan(receive, send)
            return
        request = await self.read(scope, receive)
        if request.method in self.unheard:
            await self.send(Reply(404, {"error": {"message": "not here"}}), send)
            return
        self.received.append(request)
        try:
            reply = self.next_replies.pop(0) if self.next_replies else self.reply(request)
        except Refused as refused:
            reply = self.refusal(refused)
        await self.send(reply, send)

    @staticmethod
    async def lifespan(receive: Any, send: Any) -> None:
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    @staticmethod
    async def read(scope: Any, receive: Any) -> Received:
        raw, more = b"", True
        while more:
            message = await receive()
            raw += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        body = json.loads(raw) if raw else None
        return Received(scope["method"], scope["path"], scope["query_string"].decode(), headers, raw, body)

    @staticmethod
    async def send(reply: Reply, send: Any) -> None:
        kind = "application/json" if reply.events is None else "text/event-stream"
        headers = {"content-type": kind, **reply.headers}
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
        if reply.events is None:
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            await send({"type": "http.response.body", "body": body})
            return
        for event in reply.events:
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def arguments_for(tool_schema: dict[str, Any], number: int) -> dict[str, Any]:
    """Arguments for a tool: each text member says which call it belongs to."""
    return {name: f"{name}-{number}" for name in (tool_schema or {}).get("properties", {})}


def shreds(text: str, size: int = 5) -> list[str]:
    """`text` in pieces of a few characters, as arguments arrive in streams."""
    return [text[at : at + size] for at in range(0, len(text), size)]
