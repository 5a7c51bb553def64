"""What a handler returns: an answer that is whole, or one that streams. Both are ASGI responses.

They are starlette Responses, so that connexion's stock stack (the tests' reference mode) takes them as they are; they
skip starlette's own header handling, because ours are ready as bytes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from .call import Call

Headers = list[tuple[bytes, bytes]]

JSON_HEADERS: Headers = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"private, no-store"),
    (b"vary", b"authorization, x-api-key"),
]
"""An answer belongs to the caller whose key asked for it: no shared cache may keep it."""

STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]

GONE = 499
"""What the log says of a caller who left before the answer; nobody receives it."""


class Answer(Response):
    """A whole answer. `body` is bytes, or pieces of bytes that are sent one after another."""

    def __init__(self, status: int, headers: Headers, body: bytes | Sequence[bytes] = b"") -> None:
        self.status_code = status
        self.background = None
        self.pieces: Sequence[bytes] = ()
        if isinstance(body, (bytes, bytearray)):
            self.body = bytes(body)
            length = len(body)
        else:
            self.body = b""
            self.pieces = body
            length = sum(map(len, body))
        self.raw_headers = [*headers, (b"content-length", b"%d" % length)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": self.body})


class StreamAnswer(Response):
    """An answer that comes in pieces of whole frames. `frames` yields bytes; `call` is who attends the connection."""

    def __init__(self, call: Call, headers: Headers, frames: AsyncGenerator[bytes, None], status: int = 200) -> None:
        self.status_code = status
        self.background = None
        self.body = b""
        self.raw_headers = headers
        self.call = call
        self.frames = frames

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send frames as they come, until the generator ends or the caller leaves.

        `frames` itself deals with failures: it ends with an error event. Leaving early closes it, and with it the
        provider's connection.
        """
        call = self.call
        call.attend(receive)
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for piece in self.frames:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except BaseException as error:
            if not call.left(error):
                raise
        finally:
            call.release()
            await self.frames.aclose()
