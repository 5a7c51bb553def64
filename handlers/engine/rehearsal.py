"""The two outside ends of the gateway, played: a caller that asks an ASGI app, and a provider behind httpx's transport.

For `morello test` and `morello explain`; nothing here touches a network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from .event_stream import write_event
from .problems import Problem

Message = dict[str, Any]


UNSAID: dict[str, Any] = {"status": 503, "body": {"error": {"message": "The test does not say what I answer."}}}


class PlayedProvider(httpx.AsyncBaseTransport):
    """Remembers the request it gets and answers what it was told to.

    `says` is `{status, headers, body | stream}`; `stream` is text, sent as it is, or a list of what the frames carry.
    `framing` is how the provider's dialect frames its streams.
    """

    def __init__(self, says: Mapping[str, Any] | None = None) -> None:
        self.says = says
        self.framing = "sse"
        self.url: str | None = None
        self.headers: dict[str, str] = {}
        self.body: Any = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raw = await request.aread()
        self.url = str(request.url)
        self.headers = {name.lower(): value for name, value in request.headers.items()}
        self.body = orjson.loads(raw) if raw else None
        says = UNSAID if self.says is None else self.says
        headers = {name.lower(): value for name, value in says.get("headers", {}).items()}
        if "stream" in says:
            headers.setdefault("content-type", MEDIA_TYPES[self.framing])
            content = stream_bytes(says["stream"], self.framing)
            return httpx.Response(says.get("status", 200), headers=headers, content=content)
        headers.setdefault("content-type", "application/json")
        body = says.get("body", {})
        content = body.encode() if isinstance(body, str) else orjson.dumps(body)
        return httpx.Response(says.get("status", 200), headers=headers, content=content)


MEDIA_TYPES = {"sse": "text/event-stream", "ndjson": "application/x-ndjson", "json-array": "application/json",
               "aws-event-stream": "application/octet-stream"}  # fmt: skip
"""What a stream of each framing says that it is."""


def stream_bytes(stream: str | bytes | list[Any], framing: str = "sse") -> bytes:
    """A stream as bytes. Of a list each element is a frame; of server-sent events, text is sent as it is, and the
    `type` of JSON names the event. In a binary event stream an element is an object whose only member names the event.
    """
    if isinstance(stream, str | bytes):
        return stream.encode() if isinstance(stream, str) else stream
    if framing == "ndjson":
        return b"".join(orjson.dumps(carried) + b"\n" for carried in stream)
    if framing == "json-array":
        return orjson.dumps(stream)
    if framing == "aws-event-stream":
        return b"".join(write_event(name, orjson.dumps(told)) for carried in stream for name, told in carried.items())
    frames = []
    for carried in stream:
        name = carried.get("type") if isinstance(carried, dict) else None
        event = f"event: {name}\n" if isinstance(name, str) else ""
        data = carried if isinstance(carried, str) else orjson.dumps(carried).decode()
        frames.append(f"{event}data: {data}\n\n")
    return "".join(frames).encode()


@dataclass(slots=True)
class Heard:
    """What the caller hears; names of headers are lower case. `misread`: what readers of the provider's answer made
    that breaks the neutral form."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    misread: list[Problem] = field(default_factory=list)

    def json(self) -> Any:
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return self.body.decode("utf-8", "replace")

    def events(self) -> list[Any]:
        """What the frames of a streamed answer carry: JSON, or text that is none."""
        found: list[Any] = []
        for frame in self.body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n\n"):
            data = "\n".join(line[5:].removeprefix(" ") for line in frame.split("\n") if line.startswith("data:"))
            if data:
                try:
                    found.append(orjson.loads(data))
                except orjson.JSONDecodeError:
                    found.append(data)
        return found


async def ask(app: Any, path: str, headers: Mapping[str, str], body: Any) -> Heard:
    """POST `body` to an ASGI app and hear the whole answer."""
    raw = orjson.dumps(body)
    given = {"content-type": "application/json", **{name.lower(): value for name, value in headers.items()}}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 0), "server": ("127.0.0.1", 0), "state": {}, "extensions": {},
    }  # fmt: skip
    incoming: list[Message] = [{"type": "http.request", "body": raw, "more_body": False}]
    heard = Heard()

    async def receive() -> Message:
        if incoming:
            return incoming.pop()
        await asyncio.Event().wait()  # the caller never leaves; the app cancels who waits for it to
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            heard.status = message["status"]
            heard.headers = {name.decode().lower(): value.decode("latin-1") for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            heard.body += message.get("body", b"")

    await app(scope, receive, send)
    return heard
