"""The sending side of a connection: how a large body goes out no faster than its server takes it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from .bodies import Upload


class Sender(asyncio.Protocol):
    """`paused`: the loop holds as much as it will hold. `sending`: a body is going out piece by piece. `unsent`: the
    server has not been told all of the request.
    """

    __slots__ = ("drained", "loop", "paused", "sending", "transport", "unsent")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # there is one before anything happens
        self.paused = self.sending = self.unsent = False
        self.drained: asyncio.Future[None] | None = None

    async def send(self, upload: Upload, seconds: float | None) -> None:
        """Write a body as it comes: as it is where its length was told, else in chunks. Each piece waits for its peer.

        Raises WriteTimeout, and LocalProtocolError where the body has not the length that was told.
        """
        try:
            await self._send(upload, seconds)
        finally:
            if (aclose := getattr(upload.pieces, "aclose", None)) is not None:
                await aclose()  # it may hold a file

    async def _send(self, upload: Upload, seconds: float | None) -> None:
        # As long as something is unsent, an answer that is complete closes the connection; behind that, it may already
        # be another call's.
        transport, length, size = self.transport, upload.length, 0
        async for piece in upload.pieces:
            size += len(piece)
            if length is not None and size > length:
                raise httpx.LocalProtocolError("The request's body is longer than its declared length.")
            if transport.is_closing():
                return  # the exchange knows why
            if piece:
                transport.write(piece if length is not None else b"%x\r\n%b\r\n" % (len(piece), piece))
                self.unsent = size != length
            if self.paused and self.unsent:
                await self.drain(seconds)
        if length is not None and size < length:
            raise httpx.LocalProtocolError("The request's body is shorter than its declared length.")
        if length is None and not transport.is_closing():
            transport.write(b"0\r\n\r\n")
            self.unsent = False

    async def drain(self, seconds: float | None) -> None:
        """Until the peer has taken what was written."""
        self.drained = self.loop.create_future()
        try:
            async with asyncio.timeout(seconds):
                await self.drained
        except TimeoutError:
            raise httpx.WriteTimeout("The server does not take the request.") from None
        finally:
            self.drained = None

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.wake_sender()

    def wake_sender(self) -> None:
        if self.drained is not None and not self.drained.done():
            self.drained.set_result(None)
