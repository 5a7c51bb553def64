"""One exchange with a provider: what goes out, and the answer as it comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, NamedTuple

import httpx

if TYPE_CHECKING:
    from .connections import Connection

Headers = list[tuple[bytes, bytes]]

SLICE = 256 * 1024
"""Bytes of a large body that go out between two looks at everything else."""


class Timeout(NamedTuple):
    """Seconds for each phase; None: no limit. `read` is between two pieces of an answer."""

    connect: float | None = 10.0
    read: float | None = 600.0
    write: float | None = 60.0
    pool: float | None = 10.0


class Upload(NamedTuple):
    """A request's body that is sent while it is still coming in. `length` in bytes, None if nobody knows it yet."""

    pieces: AsyncIterator[bytes]
    length: int | None


class Reply(NamedTuple):
    """The head of an answer, and its body, which must be closed."""

    status: int
    headers: Headers
    stream: httpx.AsyncByteStream


class Exchange(httpx.AsyncByteStream):
    """One request and its answer, which is read by iteration: each step gives all that has come since the last one.

    `connection` is the one it has; none when the answer is complete or will never be. The connection fills in
    `status`, `headers`, `pieces` and `size` (bytes received that nobody has taken yet).
    """

    __slots__ = (
        "bodiless", "complete", "connection", "error", "headers", "large", "limits", "pieces", "size", "slots",
        "status", "waiter",
    )  # fmt: skip

    def __init__(
        self, connection: Connection, limits: Timeout, slots: asyncio.Semaphore | None, *, bodiless: bool, large: bool
    ) -> None:
        self.connection: Connection | None = connection
        self.limits = limits
        self.slots = slots
        self.bodiless = bodiless
        self.large = large
        self.status = self.size = 0
        self.headers: Headers = []
        self.pieces: list[bytes] = []
        self.complete = False
        self.error: BaseException | None = None
        self.waiter: asyncio.Future[None] | None = None

    # ---- the reader ---------------------------------------------------------------------------------------------

    async def reply(self) -> Reply:
        """The head of the answer, when it comes."""
        while not self.status:
            if self.error is not None:
                raise self.error
            await self.wait()
        return Reply(self.status, self.headers, self)

    async def reply_meanwhile(self, sending: asyncio.Task[None]) -> Reply:
        """The same while the request is still going out. A refusal ends the sending, and so does a complete answer."""
        sending.add_done_callback(self.sent)
        try:
            while not self.complete and self.status < 400 and not (self.status and sending.done()):
                if self.error is not None:
                    raise self.error
                await self.wait()
        finally:
            if not sending.done():
                sending.cancel()
                await asyncio.wait([sending])
        return Reply(self.status, self.headers, self)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self.pieces:
            if self.complete:
                raise StopAsyncIteration
            if self.error is not None:
                raise self.error
            await self.wait()
        return self.take()

    def take(self) -> bytes:
        """What has come since the last time."""
        pieces = self.pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.size = 0
        if self.connection is not None and self.connection.holding:
            self.connection.hold(False)
        return data

    async def wait(self) -> None:
        """Until something has happened. Whoever stops waiting has left: the connection closes."""
        connection = self.connection
        assert connection is not None
        waiter = self.waiter = connection.loop.create_future()
        connection.watch(self)
        try:
            await waiter
        except BaseException:
            self.close()
            raise
        finally:
            self.waiter = None

    def close(self) -> None:
        """Close the connection at once, unless the answer is complete and it was given back."""
        if self.connection is not None:
            # A polite close would first send the rest of the request, and under TLS wait for the peer's good-bye.
            self.connection.fail(httpx.ReadError("The answer was left before its end."))

    async def aclose(self) -> None:
        self.close()

    # ---- the connection's side ----------------------------------------------------------------------------------

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def ended(self, error: BaseException | None = None) -> None:
        """Nothing more comes: the answer is complete, or `error` says why it is not."""
        self.complete = error is None
        self.error = error
        self.connection = None
        if self.slots is not None:
            self.slots.release()
        self.wake()

    def sent(self, sending: asyncio.Task[None]) -> None:
        """The sending has ended: well, or with an error that is the exchange's."""
        error = None if sending.cancelled() else sending.exception()
        connection = self.connection
        if connection is None:
            return
        connection.sending = False
        if error is not None:
            connection.fail(error)
        else:
            connection.watch(self)
            self.wake()


async def sliced(body: bytes) -> AsyncIterator[bytes]:
    """A large body in pieces; others have their turn between two of them."""
    view = memoryview(body)
    for start in range(0, len(body), SLICE):
        yield view[start : start + SLICE]  # type: ignore[misc]
        await asyncio.sleep(0)
