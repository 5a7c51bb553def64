"""How bytes reach a provider: an httpx transport of our own, and the TLS that all transports share.

`PooledTransport.call` is the way the gateway takes: it needs no request, response, header or client objects, which cost
several times what the exchange itself costs. `handle_async_request` is httpx's interface to the same.

HTTP/1.1 over the event loop's own TCP and TLS (connections.py), some connections for each origin (pools.py). Nothing is
ever sent twice, nothing is followed, kept or decoded. Proxies and HTTP/2 are the business of httpx's own transport.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import AsyncIterable, Callable, Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from .addresses import Addresses
from .bodies import Exchange, Headers, Reply, Timeout, Upload, sliced
from .connections import Connection
from .pools import Origin, Pool, PoolSettings

__all__ = ["Headers", "PoolSettings", "PooledTransport", "Reply", "Timeout", "Upload", "tls_context"]

OWN_HEADERS = frozenset((
    b"host", b"content-length", b"transfer-encoding", b"connection", b"accept-encoding", b"expect", b"upgrade",
    b"keep-alive", b"te", b"trailer",
))  # fmt: skip
"""What the transport says itself; a caller's own is left out."""

COPIED = 64 * 1024
"""Up to this size it is cheaper to copy a body than to write twice."""
SLICED = 1024 * 1024
"""From this size on a body goes out in pieces: encrypting it at once would hold up everybody else."""
KNOWN_URLS = 4096
KNOWN_BLOCKS = 512
KNOWN_SIZE = 4096


class Target(NamedTuple):
    """What a URL comes to: the connections it needs, and the beginning of the request."""

    pool: Pool
    head: bytes
    bodiless: bool


def tls_context(
    verify: bool = True,
    ca: str | None = None,
    cert: str | None = None,
    key: str | None = None,
    *,
    trust_env: bool = True,
    http2: bool = False,
) -> ssl.SSLContext:
    """The TLS settings for these files; made once for all providers that share them. OSError if a file is unusable."""
    return _tls_context(verify, ca, cert, key, trust_env, http2)


@functools.lru_cache(maxsize=64)
def _tls_context(
    verify: bool, ca: str | None, cert: str | None, key: str | None, trust_env: bool, http2: bool
) -> ssl.SSLContext:
    # httpx's transport writes into its context that it speaks HTTP/2: ours must be another one.
    if ca is not None:
        context = ssl.create_default_context(cafile=ca)
        if not verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        context = httpx.create_ssl_context(verify=verify, trust_env=trust_env)
    if cert is not None:
        context.load_cert_chain(cert, key)
    if not http2:
        context.set_alpn_protocols(["http/1.1"])
    return context


class PooledTransport(httpx.AsyncBaseTransport):
    """Requests over pools of HTTP/1.1 connections, one for each origin.

    `settings.limit` is the number of calls under way at once; who must wait longer than `limits.pool` for a place gets
    httpx.PoolTimeout. Places are given in the order in which they were asked for. The TLS settings, or what makes them,
    are only looked at for https.
    """

    def __init__(
        self, context: ssl.SSLContext | Callable[[], ssl.SSLContext] = tls_context, settings: PoolSettings | None = None
    ) -> None:
        self._context = context
        self._settings = settings or PoolSettings()
        self._addresses = Addresses()
        self._slots = asyncio.Semaphore(self._settings.limit) if self._settings.limit else None
        self._pools: dict[Origin, Pool] = {}
        self._targets: dict[tuple[str, str], Target] = {}
        self._blocks: dict[tuple[tuple[bytes, bytes], ...], bytes] = {}

    async def call(
        self, method: str, url: str, headers: Iterable[tuple[bytes, bytes]], body: bytes | Upload, limits: Timeout
    ) -> Reply:
        """Send a request, give the head of the answer. The URL goes out as it is written.

        Raises httpx's errors: UnsupportedProtocol, ConnectError, ConnectTimeout and PoolTimeout when nothing was sent;
        ReadTimeout, ReadError, WriteTimeout, WriteError and RemoteProtocolError when something may have been.
        """
        target = self._targets.get((method, url)) or self._target(method, url)
        pairs = tuple(headers)
        block = self._blocks.get(pairs) or self._block(pairs)
        if self._slots is not None:
            await self._slot(limits.pool)
        try:
            connection = target.pool.take() or await target.pool.connect(limits.connect)
        except BaseException:
            if self._slots is not None:
                self._slots.release()
            raise
        bodiless = target.bodiless
        if isinstance(body, Upload) or len(body) >= SLICED:
            exchange = Exchange(connection, limits, self._slots, bodiless=bodiless, large=True)
            return await self._call_slowly(exchange, connection, target.head + block, body)
        size = len(body)
        exchange = Exchange(connection, limits, self._slots, bodiless=bodiless, large=size > COPIED)
        if size > COPIED:
            connection.begin(exchange, b"%b%bcontent-length: %d\r\n\r\n" % (target.head, block, size))
            connection.transport.write(body)
        elif body or not target.head.startswith((b"GET ", b"HEAD ")):
            connection.begin(exchange, b"%b%bcontent-length: %d\r\n\r\n%b" % (target.head, block, size, body))
        else:
            connection.begin(exchange, b"%b%b\r\n" % (target.head, block))
        return await exchange.reply()

    async def _call_slowly(
        self, exchange: Exchange, connection: Connection, head: bytes, body: bytes | Upload
    ) -> Reply:
        """The same with a body that goes out piece by piece, while the answer may already come in."""
        upload = body if isinstance(body, Upload) else Upload(sliced(body), len(body))
        length = upload.length
        ends = b"transfer-encoding: chunked" if length is None else b"content-length: %d" % length
        connection.sending, connection.unsent = True, length != 0
        connection.begin(exchange, b"%b%b\r\n\r\n" % (head, ends))
        sending = connection.loop.create_task(connection.send(upload, exchange.limits.write))
        return await exchange.reply_meanwhile(sending)

    async def _slot(self, seconds: float | None) -> None:
        assert self._slots is not None
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("Too many requests are under way.") from None

    def _target(self, method: str, url: str) -> Target:
        scheme, separator, rest = url.partition("://")
        end = min((at for mark in "/?#" if (at := rest.find(mark)) >= 0), default=len(rest))
        authority, path = rest[:end], rest[end:].partition("#")[0]
        if scheme.lower() not in ("http", "https") or not separator or not authority or "@" in authority:
            raise httpx.UnsupportedProtocol("The URL must be http:// or https:// and a host, without a user's name.")
        if not path.startswith("/"):
            path = "/" + path
        try:
            origin = origin_of(scheme.lower(), authority)
            head = f"{method} {path} HTTP/1.1\r\nhost: {authority}\r\n".encode("ascii")
        except ValueError as error:
            raise httpx.UnsupportedProtocol("The URL is no valid one.") from error
        if any(byte <= 0x20 or byte == 0x7F for byte in path.encode() + authority.encode()):
            raise httpx.UnsupportedProtocol("The URL has a space or a control character in it.")
        if len(self._targets) >= KNOWN_URLS:
            self._targets.clear()
        found = self._targets[method, url] = Target(self._pool(origin), head, method == "HEAD")
        return found

    def _pool(self, origin: Origin) -> Pool:
        found = self._pools.get(origin)
        if found is None:
            context = None
            if origin.scheme == "https":
                context = self._context() if callable(self._context) else self._context
            found = self._pools[origin] = Pool(origin, self._settings, self._addresses, context)
        return found

    def _block(self, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
        """The lines of these headers. ValueError if one would end before its end."""
        lines = [name + b": " + value for name, value in headers if name.lower() not in OWN_HEADERS]
        block = b"".join([b"accept-encoding: identity\r\n", *(line + b"\r\n" for line in lines)])
        if block.count(b"\n") != len(lines) + 1 or block.count(b"\r") != len(lines) + 1 or b"\0" in block:
            raise ValueError("A header of the request has a line break in it.")
        if len(self._blocks) >= KNOWN_BLOCKS:
            self._blocks.clear()
        if len(block) <= KNOWN_SIZE:
            self._blocks[headers] = block
        return block

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """httpx's interface to `call`. Where `extensions` has no "timeout", Timeout's defaults hold."""
        timeout = Timeout(**request.extensions["timeout"]) if "timeout" in request.extensions else Timeout()
        status, headers, stream = await self.call(
            request.method, str(request.url), request.headers.raw, await body_of(request), timeout
        )
        return httpx.Response(status, headers=headers, stream=stream, extensions={"http_version": b"HTTP/1.1"})

    async def aclose(self) -> None:
        """Close the pools. Answers under way break off."""
        pools = list(self._pools.values())
        self._pools.clear()
        self._targets.clear()
        for pool in pools:
            await pool.close()
        await asyncio.sleep(0)  # the sockets beneath TLS are closed in the loop's next round


def origin_of(scheme: str, authority: str) -> Origin:
    """Host and port of a URL. ValueError if they are none."""
    parts = urlsplit(f"//{authority}")
    host = parts.hostname
    if not host or parts.path or not authority.isascii():
        raise ValueError("There is no host.")
    port = parts.port
    return Origin(scheme, host.replace("%25", "%"), (443 if scheme == "https" else 80) if port is None else port)


async def body_of(request: httpx.Request) -> bytes | Upload:
    """A request's body: whole if it is known, else as it comes."""
    stream = request.stream
    if isinstance(stream, httpx.ByteStream) or not isinstance(stream, AsyncIterable):
        return await request.aread()
    length = request.headers.get("content-length")
    return Upload(aiter(stream), None if length is None else int(length))
