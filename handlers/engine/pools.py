"""The connections to one origin: made when they are needed, kept for a while, given out once more if they are sound."""

from __future__ import annotations

import asyncio
import contextlib
import math
import ssl
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import httpx

from .addresses import Addresses, connected
from .connections import Connection

if TYPE_CHECKING:
    from .bodies import Headers

CLOSING = 1.0
"""Seconds that the loop may take to close sockets."""


class PoolSettings(NamedTuple):
    """`limit`: calls under way at once, `idle`: connections kept for later, 0 and None: no limit.

    Seconds: `idle_for` is how long an unused connection is kept, `age` after which one is not used any more, so that
    a name that has moved is followed.
    """

    limit: int = 0
    idle: int = 1000
    idle_for: float = 30.0
    age: float = 600.0


class Origin(NamedTuple):
    """Where requests go."""

    scheme: str
    host: str
    port: int


class Pool:
    """`open` are all connections, `idle` those that nobody uses, the longest unused first."""

    def __init__(
        self, origin: Origin, settings: PoolSettings, addresses: Addresses, context: ssl.SSLContext | None
    ) -> None:
        self.origin = origin
        self.settings = settings
        self.addresses = addresses
        self.context = context
        self.open: set[Connection] = set()
        self.idle: dict[Connection, None] = {}
        self.closed = False
        self._sweeping: asyncio.TimerHandle | None = None
        self._empty: asyncio.Future[None] | None = None

    def take(self) -> Connection | None:
        """The idle connection that was used last, if it is sound."""
        idle = self.idle
        while idle:
            connection, _ = idle.popitem()
            if connection.usable(monotonic()):
                return connection
            connection.abort()
        return None

    async def connect(self, seconds: float | None) -> Connection:
        """A new connection. Raises ConnectError and ConnectTimeout; what the system said is their cause."""
        try:
            async with asyncio.timeout(seconds):
                connection = await self._connect()
        except TimeoutError as error:
            raise httpx.ConnectTimeout("The connection was not made in time.") from error
        except (OSError, RuntimeError, UnicodeError, ValueError) as error:
            self.addresses.forget(self.origin.host, self.origin.port)
            raise httpx.ConnectError(str(error) or type(error).__name__) from error
        if self.closed or connection.transport.is_closing():
            connection.abort()
            raise httpx.ConnectError("The connection was closed before anything was sent.")
        self.open.add(connection)  # not earlier: a loop need not tell of the end of what was never finished
        return connection

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        infos = await self.addresses.of(self.origin.host, self.origin.port)
        socket = await connected(infos)
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(loop, self), sock=socket, ssl=self.context,
                server_hostname=self.origin.host.rstrip(".") if self.context is not None else None,
            )  # fmt: skip
        except BaseException:
            with contextlib.suppress(OSError):
                socket.close()
            raise
        return connection

    def give(self, connection: Connection, headers: Headers) -> None:
        """A connection whose answer is complete is idle from now on, unless it is old or there are enough."""
        now = monotonic()
        settings = self.settings
        if self.closed or now - connection.born > settings.age or (settings.idle and len(self.idle) >= settings.idle):
            connection.abort()
            return
        if connection.idle_since == connection.born:  # servers say the same each time
            connection.kept_for = min(settings.idle_for, server_keeps(headers))
        connection.idle_since = now
        self.idle[connection] = None
        if self._sweeping is None:
            self._sweeping = connection.loop.call_later(settings.idle_for, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle for too long."""
        self._sweeping = None
        now = monotonic()
        for connection in list(self.idle):
            if now - connection.idle_since >= connection.kept_for:
                connection.abort()
        if self.idle:
            oldest = next(iter(self.idle))
            wait = max(0.1, oldest.idle_since + self.settings.idle_for - now)
            self._sweeping = oldest.loop.call_later(wait, self._sweep)

    def forget(self, connection: Connection) -> None:
        """A connection that must not be used again."""
        self.idle.pop(connection, None)

    def lost(self, connection: Connection) -> None:
        """A connection is closed."""
        self.open.discard(connection)
        if self._empty is not None and not self.open and not self._empty.done():
            self._empty.set_result(None)

    async def close(self) -> None:
        """Close all connections; answers under way break off."""
        self.closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connection in list(self.open):
            connection.fail(httpx.ReadError("The connections were closed."))
        if self.open:
            self._empty = asyncio.get_running_loop().create_future()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSING):
                    await self._empty


def server_keeps(headers: Headers) -> float:
    """How long a server says it keeps an idle connection, less a second for the way (`Keep-Alive: timeout=5`)."""
    for name, value in headers:
        if name.lower() == b"keep-alive":
            for parameter in value.split(b","):
                key, _, seconds = parameter.strip().partition(b"=")
                if key.strip().lower() == b"timeout" and seconds.strip().isdigit():
                    return max(0.0, int(seconds) - 1.0)
    return math.inf
