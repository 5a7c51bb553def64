"""A real little HTTP proxy: CONNECT for https, absolute URLs for http; it remembers what it was asked."""

from __future__ import annotations

import asyncio

from upstream.sockets import Connection, Script, closed


def proxying(*, port: int, refuse: bytes = b"") -> Script:
    """A proxy that leads every name to 127.0.0.1:`port`; with `refuse`, it answers that instead."""

    async def script(connection: Connection) -> None:
        head = await connection.reader.readuntil(b"\r\n\r\n")
        connection.provider.requests.append(head)
        if refuse:
            await connection.say(refuse)
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if head.startswith(b"CONNECT "):
            await connection.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            line, rest = head.split(b"\r\n", 1)
            method, url, version = line.split(b" ")
            writer.write(b"%b /%b %b\r\n%b" % (method, url.split(b"/", 3)[3], version, rest))
        await asyncio.gather(pump(connection.reader, writer), pump(reader, connection.writer))

    return script


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        await closed(writer)
