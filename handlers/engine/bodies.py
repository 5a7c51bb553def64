"""One exchange over one of aiohttp's connections: the request goes out, the answer's head comes, then its body."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

import aiohttp
import httpx
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError

Headers = list[tuple[bytes, bytes]]

HEADER_LIMIT = 65536
"""Bytes one header of an answer may have."""


COPIED = 65536
"""Up to this size it is cheaper to copy a body than to write twice."""


class Upload(NamedTuple):
    """A request's body that is sent while it is still coming in. `length` in bytes, None if nobody knows it yet."""

    pieces: AsyncIterator[bytes]
    length: int | None


class Reply(NamedTuple):
    """The head of an answer, and its body, which must be closed."""

    status: int
    headers: Headers
    stream: httpx.AsyncByteStream


class BodyStream(httpx.AsyncByteStream):
    """One exchange on one connection, which it gives back after the body's last byte, and closes before it."""

    __slots__ = ("_connection", "_payload", "_protocol", "_slots", "_unsent", "_watch")

    def __init__(self, connection: Connection, slots: asyncio.Semaphore | None) -> None:
        self._connection: Connection | None = connection
        self._slots = slots
        self._payload: aiohttp.StreamReader | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._unsent = False
        protocol = connection.protocol
        assert protocol is not None
        self._protocol = protocol

    async def exchange(
        self, head: bytes, body: bytes | Upload, bodiless: bool, read_timeout: float | None, write_timeout: float | None
    ) -> Reply:
        """Write the request, read the head of the answer."""
        protocol = self._protocol
        transport = protocol.transport
        if transport is None or transport.is_closing():
            raise httpx.ConnectError("The connection was closed before anything was sent.")
        protocol.set_response_params(
            skip_payload=bodiless, read_until_eof=True, auto_decompress=False, read_timeout=read_timeout,
            max_line_size=HEADER_LIMIT, max_field_size=HEADER_LIMIT,
        )  # fmt: skip
        if isinstance(body, Upload):
            transport.write(head)
            return await self._exchange_slowly(body, write_timeout)
        if len(body) < COPIED:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)
        protocol.start_timeout()
        if write_timeout and (waiting := transport.get_write_buffer_size()):
            loop = asyncio.get_running_loop()
            self._watch = loop.call_later(write_timeout, self._look, waiting, write_timeout, loop)
        return await self._head()

    async def _head(self) -> Reply:
        """The head of the answer, when it comes."""
        while True:
            message, payload = await self._protocol.read()
            if not 100 <= message.code < 200:
                break
            if message.code == 101:
                raise httpx.RemoteProtocolError("The server changed the protocol, which nobody had asked for.")
        self._payload = payload
        payload.on_eof(self._ended)
        return Reply(message.code, list(message.raw_headers), self)

    async def _exchange_slowly(self, body: Upload, write_timeout: float | None) -> Reply:
        """Send a body that is still coming in, and listen meanwhile: an answer that comes early ends the sending."""
        self._unsent = True
        sending = asyncio.ensure_future(self._send(body, write_timeout))
        reading = asyncio.ensure_future(self._head())
        try:
            await asyncio.wait((sending, reading), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                with contextlib.suppress(aiohttp.ClientError, OSError):  # then the reader knows, or has an answer
                    await sending
                self._protocol.start_timeout()
            return await reading
        finally:
            for task in (sending, reading):
                task.cancel()
            await asyncio.gather(sending, reading, return_exceptions=True)

    async def _send(self, body: Upload, write_timeout: float | None) -> None:
        """Write the body as it comes: as it is where its length was told, else in chunks."""
        transport = self._protocol.transport
        assert transport is not None
        async for piece in body.pieces:
            if piece:
                transport.write(piece if body.length is not None else b"%x\r\n%b\r\n" % (len(piece), piece))
            try:
                async with asyncio.timeout(write_timeout):
                    await self._protocol._drain_helper()
            except TimeoutError:
                raise httpx.WriteTimeout("The server does not take the request.") from None
        if body.length is None:
            transport.write(b"0\r\n\r\n")
        self._unsent = False

    def _look(self, waiting: int, seconds: float, loop: asyncio.AbstractEventLoop) -> None:
        """Whether the peer has taken any of the request since the last look."""
        transport = self._protocol.transport
        left = 0 if self._connection is None or transport is None else transport.get_write_buffer_size()
        if left and left >= waiting:
            self._protocol.set_exception(httpx.WriteTimeout("The server does not take the request."))
        elif left:
            self._watch = loop.call_later(seconds, self._look, left, seconds, loop)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        payload = self._payload
        assert payload is not None
        try:
            while data := await payload.readany():
                yield data
        except BaseException as error:
            # What came before the cut has arrived; aiohttp would keep it to itself.
            while data := _left(payload, error):
                yield data
            self.close()
            if (better := mapped(error)) is None:
                raise
            raise better from error
        self.close()

    def _ended(self) -> None:
        transport = self._protocol.transport
        if transport is None or self._unsent or transport.get_write_buffer_size():
            self.close()  # answered before it had heard us out
        elif self._connection is not None:
            connection, self._connection = self._connection, None
            connection.release()
            self._free()

    def close(self) -> None:
        """Close the connection at once, unless the answer is complete and it was given back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # A polite close would first send the rest of the request, and under TLS wait for the peer's good-bye.
            self._protocol.abort()
            connection.close()
            self._free()

    def _free(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._slots is not None:
            self._slots.release()

    async def aclose(self) -> None:
        self.close()


def _left(payload: aiohttp.StreamReader, error: BaseException) -> bytes:
    """Bytes that had arrived before `error`; none when the reader itself gave up."""
    if not isinstance(error, Exception) or not payload._buffer:
        return b""
    return payload._read_nowait_chunk(-1)


def mapped(error: BaseException) -> httpx.HTTPError | None:
    """httpx's error for what befell a request that was under way; None: the error may stay what it is."""
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.EofStream):
        return httpx.RemoteProtocolError("The server closed the connection without an answer.")
    if isinstance(error, TimeoutError):
        return httpx.ReadTimeout("The server was silent for too long.")
    if isinstance(error, HttpProcessingError | aiohttp.ClientPayloadError):
        return httpx.RemoteProtocolError("The server's answer is cut off or is no HTTP.")
    if isinstance(error, aiohttp.ClientError | OSError):
        return httpx.ReadError(str(error))
    return None
