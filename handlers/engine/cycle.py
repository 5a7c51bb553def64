"""One request and its answer on a connection of guard.py: what an ASGI app sees of them, with little work for each.

It does what uvicorn's own cycle does, to the letter of ASGI, and two things more. A head waits until the end of the
loop's round for the first bytes of its body, so that both leave in one write. And an app that has a whole answer may
say so in one message, where the scope's extensions have WHOLE:

    {"type": "morello.whole", "status": 200, "headers": [...], "body": b"..."}      (the length is added)
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

if TYPE_CHECKING:
    from .guard import GuardedProtocol

WHOLE = "morello.whole"
COPIED = 64 << 10
"""Up to this size it is cheaper to copy a body behind its head than to hand over two pieces."""
HARMLESS = bytes(byte for byte in range(256) if byte == 9 or (byte >= 32 and byte != 127))
"""What may stand in a header's value."""
HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
LENGTH = re.compile(rb"[0-9]{1,18}\Z")

Message = Any
Headers = Iterable[tuple[bytes, bytes]]

MOST_NAMES = 1024
known_names: set[bytes] = set()
"""Names of headers that are in order; there are few."""


class Cycle:
    """`receive` and `send` for one request. `keep_alive`: the connection serves another one afterwards."""

    __slots__ = (
        "body", "chunked", "disconnected", "event", "flow", "head", "keep_alive", "left", "more_body", "news",
        "protocol", "response_complete", "response_started", "scope", "task", "transport", "waiting_for_100_continue",
    )  # fmt: skip

    def __init__(self, protocol: GuardedProtocol, scope: Any, keep_alive: bool, expects_100: bool) -> None:
        self.protocol = protocol
        self.scope = scope
        self.transport = protocol.transport
        self.flow = protocol.flow
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects_100
        self.task: asyncio.Task[None] | None = None
        self.disconnected = False
        self.body: bytes | bytearray = b""
        self.more_body = True
        self.news = False
        self.event: asyncio.Event | None = None
        self.response_started = False
        self.response_complete = False
        self.chunked = False
        self.left = 0
        """Bytes of the answer's body that its head has announced and that are still to come."""
        self.head = b""
        """The answer's head, until it is written."""

    async def run(self, app: Any) -> None:
        """Have the app answer. Whatever it does wrong is logged, and the caller gets a 500 or a cut connection."""
        protocol = self.protocol
        try:
            result = await app(self.scope, self.receive, self.send)
        except BaseException as error:
            await self.fail("Exception in ASGI application\n", error)
        else:
            if result is not None:
                protocol.logger.error("ASGI callable should return None, but returned '%s'.", result)
                self.transport.close()
            elif not self.response_complete and not self.disconnected:
                how = "completing" if self.response_started else "starting"
                await self.fail(f"ASGI callable returned without {how} response.", None)
        finally:
            protocol.tasks.discard(self.task)

    async def fail(self, what: str, error: BaseException | None) -> None:
        self.protocol.logger.error(what, exc_info=error)
        if self.response_started:
            self.flush()
            self.transport.close()
            return
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        await self.send({"type": WHOLE, "status": 500, "headers": headers, "body": b"Internal Server Error"})

    # ---- the request --------------------------------------------------------------------------------------------

    def tell(self) -> None:
        """There is news for who receives."""
        self.news = True
        if self.event is not None:
            self.event.set()

    def take(self, body: bytes) -> None:
        """More of the request's body."""
        if not self.body:
            self.body = body
        elif isinstance(self.body, bytearray):
            self.body += body
        else:
            self.body = bytearray(self.body)
            self.body += body
        self.tell()

    async def receive(self) -> Message:
        """ASGI's `receive`: what has come of the body, or that nobody waits for the answer (any more)."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            if self.flow.read_paused:
                self.flow.resume_reading()
            if not self.news:
                if self.event is None:
                    self.event = asyncio.Event()
                await self.event.wait()
                self.event.clear()
            self.news = False
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = self.body, b""
        if self.flow.read_paused:  # or nobody would notice that the caller leaves, as nothing more is asked for
            self.flow.resume_reading()
        if body.__class__ is not bytes:
            body = bytes(body)
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    # ---- the answer ---------------------------------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        """ASGI's `send`, which waits while the caller does not take what was written."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if not self.response_started:
            if kind == WHOLE:
                self.whole(message["status"], message["headers"], message["body"])
            elif kind == "http.response.start":
                self.start(message["status"], message.get("headers", ()))
            else:
                raise RuntimeError(f"Expected ASGI message 'http.response.start', but got '{kind}'.")
        elif self.response_complete:
            raise RuntimeError(f"Unexpected ASGI message '{kind}' sent, after response already completed.")
        elif kind != "http.response.body":
            raise RuntimeError(f"Expected ASGI message 'http.response.body', but got '{kind}'.")
        else:
            self.piece(message.get("body", b""), message.get("more_body", False))

    def start(self, status: int, headers: Headers) -> None:
        """Begin the answer: its head leaves with the first piece of the body, or at the end of this round."""
        headers = [(name.lower(), value) for name, value in headers]
        lines = written(headers)
        framed = said = False
        for name, value in headers:
            if name == b"content-length" and not framed:
                framed, self.left = True, announced(value)
            elif name == b"transfer-encoding" and value.lower() == b"chunked":
                framed, self.left, self.chunked = True, 0, True
            elif name == b"connection" and says_close(value):
                said, self.keep_alive = True, False
        if not self.keep_alive and not said:
            lines.append(b"connection: close")
        if not framed and self.scope["method"] != "HEAD" and status not in (204, 304):
            self.chunked = True
            lines.append(b"transfer-encoding: chunked")
        self.begin(status, lines)
        self.protocol.loop.call_soon(self.flush)

    def begin(self, status: int, lines: list[bytes]) -> None:
        self.response_started = True
        self.waiting_for_100_continue = False
        for name, value in self.protocol.server_state.default_headers:  # the date
            lines.append(name + b": " + value)
        lines.append(b"\r\n")
        self.head = STATUS_LINE[status] + b"\r\n".join(lines)

    def flush(self) -> None:
        """Write the head, if that has not happened."""
        head, self.head = self.head, b""
        if head and not self.disconnected and not self.transport.is_closing():
            self.transport.write(head)

    def piece(self, body: bytes, more: bool) -> None:
        """A piece of the answer's body, behind the head if that is still here."""
        head, self.head = self.head, b""
        if self.scope["method"] == "HEAD":
            self.left, body = 0, b""
        elif self.chunked:
            if body:
                body = b"%x\r\n%b\r\n" % (len(body), body) if more else b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
            elif not more:
                body = b"0\r\n\r\n"
        elif len(body) > self.left:
            raise RuntimeError("Response content longer than Content-Length")
        else:
            self.left -= len(body)
        if body or head:
            self.write(head, body)
        if not more:
            if self.left:
                raise RuntimeError("Response content shorter than Content-Length")
            self.complete()

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """The whole answer in one go. Its length is added; what else speaks of the framing is not among `headers`."""
        lines = written(headers)
        if b"connection: close" in lines:
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close")
        lines.append(b"content-length: %d" % len(body))
        self.begin(status, lines)
        head, self.head = self.head, b""
        self.write(head, b"" if self.scope["method"] == "HEAD" else body)
        self.complete()

    def write(self, head: bytes, body: bytes) -> None:
        if not head:
            self.transport.write(body)
        elif len(body) <= COPIED:
            self.transport.write(head + body)
        else:
            self.transport.writelines((head, body))

    def complete(self) -> None:
        self.response_complete = True
        self.tell()
        if not self.keep_alive:
            self.transport.close()
        self.protocol.on_response_complete()


def written(headers: Headers) -> list[bytes]:
    """The headers as lines. Raises RuntimeError for one that is none: it could end the head, or begin another."""
    lines = [name + b": " + value for name, value in headers]
    if b"".join(lines).translate(None, HARMLESS):
        raise RuntimeError("Invalid HTTP header value.")
    for name, _ in headers:
        if name not in known_names:
            if HEADER_NAME.fullmatch(name) is None:
                raise RuntimeError("Invalid HTTP header name.")
            if len(known_names) < MOST_NAMES:
                known_names.add(name)
    return lines


def announced(length: bytes) -> int:
    if not LENGTH.match(length):
        raise RuntimeError("Invalid HTTP header value.")
    return int(length)


def says_close(value: bytes) -> bool:
    return b"close" in [token.strip() for token in value.lower().split(b",")]
