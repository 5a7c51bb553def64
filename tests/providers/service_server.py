"""A provider of services: it answers what it was told to, also with bytes that are no JSON, and takes forms."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from providers.vendor_server import Received, Reply, VendorServer


@dataclass
class Pieces(Reply):
    """An answer whose bytes come in pieces, and are cut off if `cut`."""

    pieces: list[bytes] = field(default_factory=list)
    cut: bool = False


class ServiceServer(VendorServer):
    """Answers what it was told to. Forms are kept as they came, and may be answered before they are complete."""

    def __init__(self) -> None:
        super().__init__()
        self.early: Reply | None = None
        self.seen = 0

    def reply(self, request: object) -> Reply:
        raise AssertionError(f"nothing was scripted for {request}")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.early is not None and scope["type"] == "http":
            early, self.early = self.early, None
            await receive()
            await self.send(early, send)
            return
        await super().__call__(scope, receive, send)

    @staticmethod
    async def read(scope: Any, receive: Any) -> Received:
        raw, more = b"", True
        while more:
            message = await receive()
            raw += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        is_json = headers.get("content-type", "").startswith("application/json")
        body = json.loads(raw) if is_json else None
        return Received(scope["method"], scope["raw_path"].decode(), scope["query_string"].decode(), headers, raw, body)

    @staticmethod
    async def send(reply: Reply, send: Any) -> None:
        if not isinstance(reply, Pieces):
            await VendorServer.send(reply, send)
            return
        pairs = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
        if reply.cut:
            pairs.append((b"content-length", b"1000000"))
        await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
        for piece in reply.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if not reply.cut:
            await send({"type": "http.response.body", "body": b""})
