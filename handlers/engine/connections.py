"""One connection to a provider: HTTP/1.1 on the event loop's transport, one exchange after another.

The parser is llhttp; what it leaves open is decided here: when a body ends with the connection, what an answer to HEAD
has, how much head and framing is too much. An answer that came in one read costs one wake-up of whoever waits for it.
"""

from __future__ import annotations

import asyncio
import math
from time import monotonic
from typing import TYPE_CHECKING, Any

import httpx
from httptools import HttpParserError, HttpParserUpgrade

from .sending import Sender
from .wire import ends_with_connection, parser_for, poll_of, rest_of, told, unfolded

if TYPE_CHECKING:
    from .bodies import Exchange, Headers
    from .pools import Pool

HEAD_LIMIT = 128 * 1024
"""Bytes the head of an answer may have, interim answers counted."""
HIGH_WATER = 256 * 1024
"""Bytes that wait for a reader before no more are read; also the most that framing may have without a byte of body."""
BLANKS = frozenset((b" ", b"\t"))
"""What a value may end with on the wire, and does not contain."""
ONCE_MORE = 0.01
"""Seconds. A loop that was held up finds the timer before the bytes that came in time."""


class Connection(Sender):
    """A connection of a pool. `exchange` is the one under way; without one, whatever is heard condemns it."""

    __slots__ = (
        "born", "deadline", "exchange", "finished", "headers", "holding", "idle_since", "keep", "kept_for", "left",
        "parser", "partial", "poll", "pool", "timer", "timer_at",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, pool: Pool) -> None:
        super().__init__(loop)
        self.pool = pool
        self.parser = parser_for(self)
        self.exchange: Exchange | None = None
        self.headers: Headers = []
        self.partial = b""
        self.finished = self.keep = self.holding = False
        self.timer: asyncio.TimerHandle | None = None
        self.timer_at = self.deadline = math.inf
        self.left = 0
        self.poll: Any = None
        self.born = self.idle_since = monotonic()
        self.kept_for = pool.settings.idle_for

    # ---- the request ----------------------------------------------------------------------------------------------

    def begin(self, exchange: Exchange, data: bytes) -> None:
        """Send a request; of an upload its head."""
        self.exchange = exchange
        if self.headers:
            self.headers = []
        self.transport.write(data)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.exchange is not None and self.exchange.waiter is not None:
            self.watch(self.exchange)

    # ---- the answer -----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None:
            self.abort()  # nobody asked: it would be taken for the next one's answer
            return
        exchange.size += len(data)
        try:
            self.parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.keep = False
            if not self.finished and not self.parsed_unfolded(data):
                self.fail(httpx.RemoteProtocolError(f"The server's answer is no valid HTTP: {told(error)}."), error)
                return
            data = b""
        if self.finished:
            self.release(exchange)
        elif exchange.status:
            self.partial = b""
            if exchange.size > HIGH_WATER:
                self.flooded(exchange)
            exchange.wake()
        else:
            self.head_incomplete(exchange, data)

    def on_message_begin(self) -> None:
        if self.finished:
            raise HttpParserError("bytes after the end of the answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        headers, self.headers = self.headers, []
        if status < 200:
            if status == 101 or status < 100:
                raise HttpParserError("a change of the protocol that nobody had asked for")
            return
        for at, (name, value) in enumerate(headers):
            if value[-1:] in BLANKS:
                headers[at] = (name, value.rstrip(b" \t"))
            if len(name) == 17 and name.lower() == b"transfer-encoding" and value.rstrip().lower() != b"chunked":
                raise HttpParserError("a transfer encoding that nobody had asked for")
        exchange = self.exchange
        assert exchange is not None
        if exchange.size > HEAD_LIMIT and sum(len(name) + len(value) for name, value in headers) > HEAD_LIMIT:
            raise HttpParserError("its head is too large")
        exchange.status, exchange.headers = status, headers
        if exchange.bodiless:
            self.on_message_complete()

    def on_body(self, data: bytes) -> None:
        self.exchange.pieces.append(data)  # type: ignore[union-attr]  # without one nothing is parsed

    def on_message_complete(self) -> None:
        if self.exchange.status:  # type: ignore[union-attr]  # else it is an interim answer
            self.finished = True
            self.keep = self.parser.should_keep_alive()

    def head_incomplete(self, exchange: Exchange, data: bytes) -> None:
        """Wait for the rest of the head, if it does not become too much."""
        if exchange.size > HEAD_LIMIT:
            self.fail(httpx.RemoteProtocolError("The head of the server's answer is too large."))
            return
        self.partial += data
        self.watch(exchange)

    def parsed_unfolded(self, data: bytes) -> bool:
        """Try once more with folded header lines joined: whether that is an answer."""
        plain = None if self.exchange is None or self.exchange.status else unfolded(self.partial + data)
        if plain is None:
            return False
        self.parser, self.headers = parser_for(self), []
        try:
            self.parser.feed_data(plain)
        except (HttpParserError, HttpParserUpgrade):
            self.keep = False
            return self.finished
        self.partial = plain
        return True

    def flooded(self, exchange: Exchange) -> None:
        """The reader is slower than the server: read no more for the time being."""
        if exchange.pieces:
            self.hold(True)
        else:
            self.fail(httpx.RemoteProtocolError("The server's answer has no end of its framing."))

    def hold(self, holding: bool) -> None:
        """Read no more, or go on."""
        if holding != self.holding and not self.transport.is_closing():
            self.holding = holding
            if holding:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    # ---- its end --------------------------------------------------------------------------------------------------

    def release(self, exchange: Exchange) -> None:
        """The answer is complete: keep the connection, if it is sound and the server has heard the request out."""
        self.exchange = None
        self.finished = self.sending = False
        transport = self.transport
        heard = not (self.unsent or self.holding or transport.get_write_buffer_size())
        # Under TLS the loop does not tell what it still holds; whoever refuses a large request may not have read it.
        if exchange.large and exchange.status >= 400 and self.pool.context is not None:
            heard = False
        if exchange.bodiless:
            heard = heard and not exchange.pieces
            exchange.pieces.clear()
            self.parser = parser_for(self)
        if self.keep and heard and not transport.is_closing():
            self.pool.give(self, exchange.headers)
        else:
            self.abort()
        exchange.ended()

    def fail(self, error: BaseException, cause: BaseException | None = None) -> None:
        """Close at once; the exchange under way ends with `error`."""
        exchange, self.exchange = self.exchange, None
        self.abort()
        if exchange is not None:
            if cause is not None:
                error.__cause__ = cause
            exchange.ended(error)

    def abort(self) -> None:
        self.keep = False
        self.pool.forget(self)
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def eof_received(self) -> bool:
        self.end(None)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None and self.exchange is not None and self.pool.context is None:
            for data in rest_of(self.transport):
                self.data_received(data)
        self.end(error)
        self.pool.lost(self)
        self.wake_sender()
        self.parser = None  # it holds this connection, as this connection holds it
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def end(self, error: Exception | None) -> None:
        """The server has closed: the end of a body that has no other, or of the hope for one."""
        exchange = self.exchange
        if exchange is None:
            self.pool.forget(self)
        elif error is not None:
            writing = self.unsent or self.paused or isinstance(error, BrokenPipeError)
            broken = httpx.WriteError if writing else httpx.ReadError
            self.fail(broken(str(error) or type(error).__name__), error)
        elif exchange.status and ends_with_connection(exchange.headers):
            self.exchange = None
            self.abort()
            exchange.ended()
        else:
            seen = exchange.status or exchange.size
            what = "broke off its answer" if seen else "closed the connection without an answer"
            self.fail(httpx.RemoteProtocolError(f"The server {what}."))

    # ---- time -----------------------------------------------------------------------------------------------------

    def watch(self, exchange: Exchange) -> None:
        """Somebody waits from now on; one timer serves all waits, and is set anew only if it would be too late."""
        if self.sending:
            seconds = None  # whoever sends has a limit of his own
        elif self.paused:
            seconds, self.left = exchange.limits.write, self.transport.get_write_buffer_size()
        else:
            seconds = exchange.limits.read
        if seconds is None:
            self.deadline = math.inf
            return
        self.deadline = monotonic() + seconds
        if self.timer is None or self.timer_at > self.deadline:
            self.arm(seconds)

    def arm(self, seconds: float) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.timer_at = monotonic() + seconds
        self.timer = self.loop.call_later(seconds, self.look)

    def look(self) -> None:
        """The timer's time has come; whether anybody has waited too long, is another matter."""
        self.timer = None
        exchange = self.exchange
        if exchange is None or exchange.waiter is None or self.deadline == math.inf:
            return
        rest = self.deadline - monotonic()
        if rest > 0:
            self.arm(rest)
        elif self.paused and self.transport.get_write_buffer_size() < self.left:
            self.watch(exchange)
        elif self.paused:
            self.fail(httpx.WriteTimeout("The server does not take the request."))
        elif self.readable():
            self.arm(ONCE_MORE)
        else:
            self.fail(httpx.ReadTimeout("The server was silent for too long."))

    # ---- whether it can be used -----------------------------------------------------------------------------------

    def usable(self, now: float) -> bool:
        """Whether an idle connection may be used once more.

        One that is readable has been closed by its peer, or holds an answer that nobody asked for. The loop would
        notice in its next round; a request written before that is lost, and must not be sent again.
        """
        if now - self.idle_since > self.kept_for or self.transport.is_closing():
            return False
        return not self.readable()

    def readable(self) -> bool:
        """Whether bytes, or the end, wait at the socket."""
        if self.poll is None:
            self.poll = poll_of(self.transport)
        return bool(self.poll(0))
