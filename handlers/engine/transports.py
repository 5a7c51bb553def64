"""How bytes reach a provider: an httpx transport on aiohttp's connections, and the TLS both kinds of transport share.

`PooledTransport.call` is the way the gateway takes: it needs no request, response, header or client objects, which cost
several times what the exchange itself costs. `handle_async_request` is httpx's interface to the same.

aiohttp gives what is hard: connecting (addresses tried side by side), TLS, the pool, the parser. Its session stays out
of it, and with it the cookies it shares, the headers it adds, the URLs it rewrites, and the requests it repeats.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import Iterable
from typing import NamedTuple

import aiohttp
import httpx
from aiohttp.connector import Connection
from yarl import URL

from .bodies import BodyStream, Headers, Reply, Upload, mapped
from .connections import Connector

__all__ = ["Headers", "PooledTransport", "Reply", "Timeout", "Upload", "tls_context"]

OWN_HEADERS = frozenset((
    b"host", b"content-length", b"transfer-encoding", b"connection", b"accept-encoding", b"expect", b"upgrade",
    b"keep-alive", b"te", b"trailer",
))  # fmt: skip
"""What the transport says itself; a caller's own is left out."""

KEPT_ALIVE = 30.0
"""Seconds an idle connection is kept."""
KNOWN_URLS = 4096


class Timeout(NamedTuple):
    """Seconds for each phase; None: no limit. `read` is between two pieces of an answer."""

    connect: float | None = 10.0
    read: float | None = 600.0
    write: float | None = 60.0
    pool: float | None = 10.0


class Target(NamedTuple):
    """What a URL comes to: what the connector needs, and the beginning of the request."""

    place: aiohttp.ClientRequest
    head: bytes


@functools.lru_cache(maxsize=64)
def tls_context(
    verify: bool = True,
    ca: str | None = None,
    cert: str | None = None,
    key: str | None = None,
    *,
    trust_env: bool = True,
) -> ssl.SSLContext:
    """The TLS settings for these files; made once for all providers that share them. OSError if a file is unusable."""
    if ca is not None:
        context = ssl.create_default_context(cafile=ca)
        if not verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        context = httpx.create_ssl_context(verify=verify, trust_env=trust_env)
    if cert is not None:
        context.load_cert_chain(cert, key)
    return context


class PooledTransport(httpx.AsyncBaseTransport):
    """Requests over a pool of HTTP/1.1 connections. Nothing is ever sent twice, nothing is followed, kept or decoded.

    `limit` is the number of calls under way at once, 0 for no limit; who must wait longer than `limits.pool` gets
    httpx.PoolTimeout.
    """

    def __init__(
        self, context: ssl.SSLContext | None = None, *, limit: int = 0, kept_alive: float = KEPT_ALIVE
    ) -> None:
        self._context = context
        self._kept_alive = kept_alive
        self._connector: Connector | None = None
        self._slots = asyncio.Semaphore(limit) if limit else None
        self._targets: dict[tuple[str, str], Target] = {}
        self._limits: dict[float | None, aiohttp.ClientTimeout] = {}

    async def call(
        self, method: str, url: str, headers: Iterable[tuple[bytes, bytes]], body: bytes | Upload, limits: Timeout
    ) -> Reply:
        """Send a request, give the head of the answer. The URL goes out as it is written.

        Raises httpx's errors: UnsupportedProtocol, ConnectError, ConnectTimeout and PoolTimeout when nothing was sent;
        ReadTimeout, ReadError and RemoteProtocolError when something may have been.
        """
        target = self._targets.get((method, url)) or self._target(method, url)
        head = _head(target.head, headers, body)
        if self._slots is not None:
            await self._slot(limits.pool)
        try:
            connection = await self._connect(target, limits.connect)
            stream = BodyStream(connection, self._slots)
        except BaseException:
            if self._slots is not None:
                self._slots.release()
            raise
        try:
            return await stream.exchange(head, body, method == "HEAD", limits.read, limits.write)
        except BaseException as error:
            stream.close()
            if (better := mapped(error)) is None:
                raise
            raise better from error

    async def _slot(self, seconds: float | None) -> None:
        assert self._slots is not None
        try:
            async with asyncio.timeout(seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("Too many requests are under way.") from None

    async def _connect(self, target: Target, seconds: float | None) -> Connection:
        connector = self._connector
        if connector is None:
            connector = self._connector = Connector(
                ssl=self._context or tls_context(), limit=0, keepalive_timeout=self._kept_alive, ttl_dns_cache=60
            )
        limits = self._limits.get(seconds)
        if limits is None:
            limits = self._limits[seconds] = aiohttp.ClientTimeout(connect=seconds, sock_connect=seconds)
        try:
            return await connector.connect(target.place, [], limits)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("The connection was not made in time.") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise httpx.ConnectError(str(error)) from error

    def _target(self, method: str, url: str) -> Target:
        scheme, separator, rest = url.partition("://")
        end = min((at for mark in "/?#" if (at := rest.find(mark)) >= 0), default=len(rest))
        authority, path = rest[:end], rest[end:].partition("#")[0]
        if scheme.lower() not in ("http", "https") or not separator or not authority or "@" in authority:
            raise httpx.UnsupportedProtocol("The URL must be http:// or https:// and a host, without a user's name.")
        if not path.startswith("/"):
            path = "/" + path
        try:
            place = aiohttp.ClientRequest(
                "GET", URL(f"{scheme.lower()}://{authority}/"), loop=asyncio.get_running_loop()
            )
            head = f"{method} {path} HTTP/1.1\r\nhost: {authority}\r\n".encode("ascii")
        except (ValueError, aiohttp.InvalidURL) as error:
            raise httpx.UnsupportedProtocol("The URL is no valid one.") from error
        if any(byte <= 0x20 or byte == 0x7F for byte in path.encode() + authority.encode()):
            raise httpx.UnsupportedProtocol("The URL has a space or a control character in it.")
        if len(self._targets) >= KNOWN_URLS:
            self._targets.clear()
        found = self._targets[method, url] = Target(place, head)
        return found

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """httpx's interface to `call`. Where `extensions` has no "timeout", Timeout's defaults hold."""
        url = str(request.url)
        body = await request.aread()
        timeout = Timeout(**request.extensions["timeout"]) if "timeout" in request.extensions else Timeout()
        status, headers, stream = await self.call(request.method, url, request.headers.raw, body, timeout)
        return httpx.Response(status, headers=headers, stream=stream, extensions={"http_version": b"HTTP/1.1"})

    async def aclose(self) -> None:
        """Close the pool. Answers under way break off."""
        connector, self._connector = self._connector, None
        self._targets.clear()
        if connector is not None:
            await connector.close()
            await asyncio.sleep(0)  # the sockets beneath TLS are closed in the loop's next round


def _head(head: bytes, headers: Iterable[tuple[bytes, bytes]], body: bytes | Upload) -> bytes:
    """The request up to its body. ValueError if a header would end before its end."""
    lines = [name + b": " + value for name, value in headers if name.lower() not in OWN_HEADERS]
    block = b"\r\n".join(lines)
    if block.count(b"\n") != max(0, len(lines) - 1) or block.count(b"\r") != block.count(b"\n") or b"\0" in block:
        raise ValueError("A header of the request has a line break in it.")
    if lines:
        block += b"\r\n"
    if isinstance(body, Upload):
        block += length_line(body)
    elif body or not head.startswith((b"GET ", b"HEAD ")):
        block += b"content-length: %d\r\n" % len(body)
    return b"%baccept-encoding: identity\r\n%b\r\n" % (head, block)


def length_line(body: Upload) -> bytes:
    """How an upload says where it ends."""
    return b"transfer-encoding: chunked\r\n" if body.length is None else b"content-length: %d\r\n" % body.length
