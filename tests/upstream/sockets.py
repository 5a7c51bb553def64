"""A provider of scripted bytes: a real socket in a thread of its own, that says what a test wants it to say.

A script is an async function of one connection; it reads requests and writes any bytes. What happened is remembered.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable
from socket import SO_LINGER, SOL_SOCKET
from typing import Any


class Connection:
    """The provider's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, provider: Provider) -> None:
        self.reader, self.writer, self.provider = reader, writer, provider

    async def request(self) -> bytes | None:
        """The next request, head and body; None when the other side has closed."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        length = next(
            (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        request = head + await self.reader.readexactly(length)
        self.provider.requests.append(request)
        return request

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Wait until the other side has closed."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass
        self.provider.note("gone")

    def close(self) -> None:
        self.writer.close()

    def abort(self) -> None:
        """Close without a good-bye; a reset if something was left unread."""
        self.writer.transport.abort()

    def reset(self) -> None:
        """Close with a reset in any case."""
        socket = self.writer.get_extra_info("socket")
        socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Connection], Awaitable[None]]


class Provider:
    """Listens on a free port of 127.0.0.1 and plays `script` on each connection; one that returns closes it."""

    def __init__(self, script: Script, *, context: ssl.SSLContext | None = None) -> None:
        self.script, self.context = script, context
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0
        self._notes: dict[str, threading.Event] = {}
        self._errors: list[BaseException] = []

    def begin_again(self) -> None:
        """Forget what happened: another script plays now."""
        self.requests.clear()
        for event in self._notes.values():
            event.set()
        self._notes = {}

    def note(self, name: str) -> None:
        """Something has happened; `wait_for` hears of it."""
        self._notes.setdefault(name, threading.Event()).set()

    def wait_for(self, name: str, seconds: float = 5.0) -> bool:
        return self._notes.setdefault(name, threading.Event()).wait(seconds)

    async def told(self, name: str, seconds: float = 5.0) -> None:
        """`wait_for` for coroutines of the tested side; fails when it does not happen."""
        assert await asyncio.to_thread(self.wait_for, name, seconds), f"{name} did not happen"

    async def until(self, name: str) -> None:
        """The same for scripts, which run in the provider's own loop."""
        await asyncio.to_thread(self.wait_for, name)

    def url(self, path: str = "/v1/chat") -> str:
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}{path}"

    def __enter__(self) -> Provider:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: Any) -> None:
        for event in self._notes.values():
            event.set()
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)
        assert not self._thread.is_alive()
        if self._errors:
            raise self._errors[0]

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await self.script(Connection(reader, writer, self))
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            except BaseException as error:
                self._errors.append(error)
            finally:
                await closed(writer)
                tasks.discard(task)

        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=self.context, limit=1 << 22)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(5):  # transports of failed handshakes say good-bye in rounds of the loop
            await asyncio.sleep(0)


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close and wait until it is done; neither a silent peer nor the end of the test is waited for."""
    writer.close()
    try:
        async with asyncio.timeout(1):
            await writer.wait_closed()
    except (OSError, TimeoutError, asyncio.CancelledError):
        writer.transport.abort()


def answering(*answers: bytes) -> Script:
    """A script that gives these answers one after another, the last again and again, on connections that stay open."""

    async def script(connection: Connection) -> None:
        while await connection.request() is not None:
            number = min(len(connection.provider.requests), len(answers)) - 1
            await connection.say(answers[number])

    return script


def whole(body: bytes = b"{}", *, status: bytes = b"200 OK", headers: bytes = b"") -> bytes:
    """An answer with its length."""
    return b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%b\r\n%b" % (
        status, len(body), headers, body,
    )  # fmt: skip


def chunked(*pieces: bytes, end: bool = True) -> bytes:
    """A body in HTTP chunks."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return body + b"0\r\n\r\n" if end else body


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
