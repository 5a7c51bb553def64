"""What a handler returns: an answer that is whole, or one that streams. Both are ASGI responses.

They are starlette Responses, so that connexion's stock stack (the tests' reference mode) takes them as they are; they
skip starlette's own header handling, because ours are ready as bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING

from starlette.responses import Response

from .cycle import WHOLE
from .errors import GatewayError

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from .call import Call
    from .forwarding import ForwardedAnswer
    from .upstream import UpstreamAnswer

Headers = list[tuple[bytes, bytes]]

JSON_HEADERS: Headers = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"private, no-store"),
    (b"vary", b"authorization, x-api-key"),
]
"""An answer belongs to the caller whose key asked for it: no shared cache may keep it."""

STREAM_HEADERS: Headers = [(b"cache-control", b"no-cache, no-transform"), (b"x-accel-buffering", b"no")]
"""Nobody on the way may keep a stream, or change it, or wait until there is more of it."""


def stream_headers(media_type: bytes) -> Headers:
    return [(b"content-type", media_type), *STREAM_HEADERS]


GONE = 499
"""What the log says of a caller who left before the answer; nobody receives it."""


NOTHING: dict[str, object] = {}


class Answer(Response):
    """A whole answer. `body` is bytes, or pieces of bytes that are sent one after another."""

    background = None

    def __init__(self, status: int, headers: Headers, body: bytes | Sequence[bytes] = b"") -> None:
        self.status_code = status
        self.own_headers = headers
        self.pieces: Sequence[bytes] = ()
        if isinstance(body, (bytes, bytearray)):
            self.body = bytes(body)
        else:
            self.body = b""
            self.pieces = body

    @property
    def raw_headers(self) -> Headers:  # type: ignore[override]
        length = sum(map(len, self.pieces)) if self.pieces else len(self.body)
        return [*self.own_headers, (b"content-length", b"%d" % length)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.pieces and WHOLE in scope.get("extensions", NOTHING):
            await send({"type": WHOLE, "status": self.status_code, "headers": self.own_headers, "body": self.body})
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": self.body})


class StreamAnswer(Response):
    """An answer that comes in pieces of whole frames.

    The head waits for the first piece, so that a failure before it is told by its status: `frames` raises that one.
    Any later failure it deals with itself, and ends with an error event. When nothing has been sent for a while, `ping`
    is (between frames, never inside one); a `late` answer sends one at once, since its provider was silent all along.
    """

    def __init__(
        self, call: Call, headers: Headers, frames: AsyncGenerator[bytes, None], *, ping: Callable[[], bytes],
        late: bool = False,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.body = b""
        self.raw_headers = headers
        self.call = call
        self.frames = frames
        self.ping = ping
        self.late = late

    def head(self) -> dict[str, object]:
        """The head, which is sent once; behind what a failure that is told in the stream wants to have in it."""
        call, headers = self.call, self.raw_headers
        call.hears = True
        if call.error is not None:
            present = {name for name, _ in headers}
            headers = [*headers, *(header for header in call.error.headers if header[0] not in present)]
        return {"type": "http.response.start", "status": 200, "headers": headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send frames as they come, until the generator ends or the caller leaves.

        Leaving early closes the generator, and with it the provider's connection. Raises GatewayError for what fails
        before anything is sent.
        """
        call = self.call
        call.attend(receive)
        pulse = Pulse(send, self, call.engine.ping_after)
        try:
            if self.late:
                await pulse.send_ping()
            async for piece in self.frames:
                pulse.beat()
                if not call.hears:
                    await send(self.head())
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            pulse.stop()
            if not call.hears:
                await send(self.head())
            await send({"type": "http.response.body", "body": b""})
        except BaseException as error:
            if not call.left(error):
                raise
            self.status_code = GONE
        finally:
            pulse.stop()
            call.release()
            await self.frames.aclose()


class RelayedAnswer(Response):
    """A provider's answer that is no JSON (a sound, a picture, plain text, events), its bytes as they come.

    Nothing can be added to such bytes: a provider who fails in their middle cuts the caller's connection.
    """

    def __init__(self, call: Call, headers: Headers, upstream: UpstreamAnswer | ForwardedAnswer) -> None:
        self.status_code = upstream.status
        self.background = None
        self.body = b""
        self.raw_headers = headers
        self.call = call
        self.upstream = upstream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the bytes until they end, or the caller leaves."""
        call = self.call
        call.attend(receive)
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for piece in self.upstream.chunks():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except GatewayError as error:
            call.failed(error)
            raise
        except BaseException as error:
            if not call.left(error):
                raise
            self.status_code = GONE
        finally:
            call.release()
            await self.upstream.aclose()


class Pulse:
    """Sends the ping of `answer`, behind its head, whenever nothing else has been sent for `after` seconds.

    uvicorn writes what `send` is given before it waits for anything, so a ping from here never lands inside a frame.
    """

    __slots__ = ("after", "answer", "last", "loop", "send", "task", "timer")

    def __init__(self, send: Send, answer: StreamAnswer, after: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.send, self.answer, self.after = send, answer, after
        self.last = self.loop.time()
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = self.loop.call_later(after, self.check)

    def beat(self) -> None:
        self.last = self.loop.time()

    def check(self) -> None:
        silent = self.loop.time() - self.last
        if silent >= self.after and (self.task is None or self.task.done()):
            self.beat()
            self.task = self.loop.create_task(self.send_ping())
            silent = 0.0
        self.timer = self.loop.call_later(max(self.after - silent, 0.01), self.check)

    async def send_ping(self) -> None:
        if not self.answer.call.hears:
            await self.send(self.answer.head())
        await self.send({"type": "http.response.body", "body": self.answer.ping(), "more_body": True})

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.task is not None:
            self.task.cancel()
