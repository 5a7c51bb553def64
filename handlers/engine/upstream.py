"""One provider's door: requests go out, answers come back decoded, failures come back as GatewayErrors.

A request is sent again only when nothing of it was sent, or when an operator asked for it after 429, 503 or 529.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import zlib
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import TYPE_CHECKING

import httpx

from .bodies import Exchange
from .credential_chain import Learn, NoCredentialsError, unheard
from .decoding import KNOWN, Decoder
from .descriptors import raise_descriptor_limit
from .errors import UpstreamError
from .failures import explained, wait_of
from .proxies import proxy_of
from .transports import Headers, PooledTransport, PoolSettings, Reply, Timeout, Upload, tls_context

if TYPE_CHECKING:
    from .providers import Provider

__all__ = ["Upstream", "UpstreamAnswer", "raise_descriptor_limit"]

ANSWER_LIMIT = 256 * 1024 * 1024
"""Bytes a whole answer may have, unpacked."""

# Headers that speak of the connection or of the packing, not of the answer.
_OF_THE_HOP = frozenset((
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer", b"transfer-encoding",
    b"upgrade", b"content-length", b"content-encoding", b"set-cookie",
))  # fmt: skip


@lru_cache(maxsize=256)
def media_type_of(content_type: bytes) -> str:
    """The media type that a header names. Providers name the same few."""
    return content_type.partition(b";")[0].strip().lower().decode("latin-1")


ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+")
"""Of an address what may be told: neither its path nor its query, which may hold a key."""


class UpstreamAnswer:
    """A provider's answer: its head is here, its body comes.

    `headers` have lower-case names, and only those that speak of the answer itself: no length, no packing, no cookies.
    """

    __slots__ = ("_content_type", "_encoding", "_stream", "_upstream", "headers", "status")

    def __init__(self, upstream: Upstream, reply: Reply) -> None:
        self._upstream = upstream
        self._stream = reply.stream
        self._encoding = self._content_type = b""
        self.status = reply.status
        self.headers: Headers = []
        for raw_name, value in reply.headers:
            name = raw_name.lower()
            if name not in _OF_THE_HOP:
                self.headers.append((name, value))
                if name == b"content-type":
                    self._content_type = value
            elif name == b"content-encoding":
                self._encoding = value.strip().lower()

    @property
    def media_type(self) -> str:
        """The media type in lower case, without parameters; empty if the provider names none."""
        return media_type_of(self._content_type)

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header, by its lower-case name."""
        return next((value for key, value in self.headers if key == name), None)

    def header_map(self) -> dict[str, str]:
        """All headers as text; of several of one name the last."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers}

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, unpacked; UpstreamError when it breaks off. Leaving it early closes the connection."""
        decoder = self._decoder()
        try:
            async for chunk in self._stream:
                if decoder is None:
                    yield chunk
                else:
                    for piece in decoder.feed(chunk):
                        yield piece
            if decoder is not None and not decoder.complete:
                raise httpx.RemoteProtocolError("The packed answer is cut off.")
        except httpx.HTTPError as error:
            raise self._upstream.failure(error) from error
        except zlib.error as error:
            raise self._upstream.error("sent an answer that is not packed as it says", "protocol_error") from error
        finally:
            await self._stream.aclose()

    def _decoder(self) -> Decoder | None:
        if not self._encoding or self._encoding == b"identity":
            return None
        if self._encoding in KNOWN:
            return Decoder(self._encoding)
        raise self._upstream.error("packed its answer in a way it was not asked for", "content_encoding")

    @property
    def complete(self) -> bool:
        """Whether all of it has come, so that nothing is left to be closed."""
        stream = self._stream
        return stream.__class__ is Exchange and stream.complete

    async def read(self, limit: int = ANSWER_LIMIT) -> bytes:
        """The whole body, unpacked; UpstreamError if it is longer than `limit` bytes."""
        stream = self._stream
        if isinstance(stream, Exchange) and stream.complete and not self._encoding and stream.size <= limit:
            return stream.take()  # it has all come already
        pieces: list[bytes] = []
        size = 0
        async for piece in self.chunks():
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                await self.aclose()
                raise self._upstream.error(f"sent an answer of more than {limit} bytes", "answer_too_large")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def aclose(self) -> None:
        """Close the connection, unless the body has been read to its end."""
        await self._stream.aclose()


class Upstream:
    """Requests to one provider. `transport` replaces the network."""

    def __init__(
        self, provider: Provider, *, transport: httpx.AsyncBaseTransport | None = None, learn: Learn = unheard
    ) -> None:
        """`learn` is told of secrets that come up later."""
        self._provider = provider
        seconds = provider.timeout
        self._limits = Timeout(seconds.connect, seconds.read, seconds.write, seconds.pool)
        kept = provider.connections
        self._pool = PoolSettings(kept.limit, kept.idle, kept.idle_for, kept.age)
        self._given = transport
        auth = provider.auth if provider.off is None else None
        looked_for = auth is not None and not auth.secret_key and transport is not None  # on no network: not there
        self._sign = auth.signer(learn) if auth is not None and not looked_for else None
        self._direct: PooledTransport | None = None
        self._routes: dict[str, httpx.AsyncBaseTransport] = {}
        self._proxied: dict[str, httpx.AsyncBaseTransport] = {}

    async def open(
        self, method: str, url: str, headers: Headers, body: bytes | Upload = b"", limits: Timeout | None = None
    ) -> UpstreamAnswer:
        """Send a request and wait for the head of its answer, whatever its status.

        `url` goes out as it is written; host, length and accepted encodings are added to `headers`. An upload is sent
        once, for it comes but once. Raises
        UpstreamError, whose `sent` tells whether the provider may have seen the request.
        """
        retries = self._provider.retries
        unsent = answered = 0
        within = limits or self._limits
        while True:
            try:
                transport = self._route(url)
                if self._sign is None and transport.__class__ is PooledTransport:
                    reply = await transport.call(method, url, headers, body, within)
                else:
                    reply = await self._send(transport, method, url, headers, body, within)
            except httpx.HTTPError as error:
                failure = self.failure(error, url)
                if failure.sent or failure.code == "pool_timeout" or unsent >= retries.unsent:
                    raise failure from error
                unsent += 1
                continue
            if answered < retries.answered and reply.status in retries.on and not isinstance(body, Upload):
                wait = wait_of(reply.headers, answered)
                if wait <= retries.longest_wait:
                    await reply.stream.aclose()
                    await asyncio.sleep(wait)
                    answered += 1
                    continue
            if reply.status >= 300 and (reply.status < 400 or reply.status >= 600):
                await reply.stream.aclose()
                raise self.no_answer(reply)
            return UpstreamAnswer(self, reply)

    async def _send(
        self, transport: httpx.AsyncBaseTransport, method: str, url: str, headers: Headers, body: bytes | Upload,
        limits: Timeout,
    ) -> Reply:  # fmt: skip
        if self._sign is not None:
            if isinstance(body, Upload):
                what = "cannot be sent a form: its requests are signed as a whole"
                raise self.error(what, "not_signable", type="invalid_request", sent=False)
            try:
                headers = await self._sign(method, url, headers, body)
            except NoCredentialsError as error:
                raise self.error(f"cannot be asked: {error}", "no_credentials", sent=False) from error
        if isinstance(transport, PooledTransport):
            return await transport.call(method, url, headers, body, limits)
        more = [(b"accept-encoding", b"identity")]
        if isinstance(body, Upload) and body.length is not None:
            more.append((b"content-length", b"%d" % body.length))
        request = httpx.Request(
            method, url, headers=[*headers, *more], content=body.pieces if isinstance(body, Upload) else body,
            extensions={"timeout": limits._asdict()},
        )  # fmt: skip
        response = await transport.handle_async_request(request)
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        return Reply(response.status_code, response.headers.raw, stream)

    def _route(self, url: str) -> httpx.AsyncBaseTransport:
        """The transport for a URL: the one given, a proxy's, or the pool; looked up once for each host."""
        if self._given is not None:
            return self._given
        origin = url[: url.find("/", 8)] if "/" in url[8:] else url
        found = self._routes.get(origin)
        if found is None:
            found = self._routes[origin] = self._transport_for(url)
        return found

    def _transport_for(self, url: str) -> httpx.AsyncBaseTransport:
        provider = self._provider
        proxy = provider.proxy or (proxy_of(url) if provider.trust_env else None)
        if proxy is None and not provider.http2:
            if self._direct is None:
                self._direct = PooledTransport(self._tls, self._pool)
            return self._direct
        return self._proxied_by(proxy)

    def _proxied_by(self, proxy: str | None) -> httpx.AsyncBaseTransport:
        """httpx's own transport knows proxies and HTTP/2."""
        key = proxy or ""
        if key not in self._proxied:
            try:
                limits = httpx.Limits(
                    max_connections=self._pool.limit or None, max_keepalive_connections=self._pool.idle or None,
                    keepalive_expiry=self._pool.idle_for,
                )  # fmt: skip
                self._proxied[key] = httpx.AsyncHTTPTransport(
                    verify=self._tls(), proxy=proxy, http2=self._provider.http2, trust_env=False, limits=limits
                )
            except (ImportError, ValueError) as error:
                what = "cannot be reached: this kind of proxy, or HTTP/2, needs a package that is not installed"
                raise self.error(what, "proxy_error", sent=False) from error
        return self._proxied[key]

    def _tls(self) -> ssl.SSLContext:
        try:
            return tls_of(self._provider)
        except OSError as error:
            raise self.error("cannot be reached: a TLS file of ours cannot be read", "tls_error", sent=False) from error

    async def aclose(self) -> None:
        """Close all connections; answers under way break off."""
        transports = {self._direct, *self._proxied.values(), self._given}
        self._direct = None
        self._routes.clear()
        self._proxied.clear()
        for transport in transports:
            if transport is not None:
                await transport.aclose()

    # ---- failures -------------------------------------------------------------------------------------------

    def no_answer(self, reply: Reply) -> UpstreamError:
        """Of a status that is neither an answer nor a failure. Requests are not sent on: they hold our key."""
        if reply.status >= 600:
            return self.error(f"answered with {reply.status}, which is no status of HTTP", "protocol_error")
        location = next((value for name, value in reply.headers if name.lower() == b"location"), b"")
        origin = ORIGIN.match(location.decode("latin-1"))
        where = f" to {origin.group()}" if origin else ""
        return self.error(f"redirects{where} ({reply.status}); its base_url must be where it answers", "redirected")

    def error(self, what: str, code: str, *, type: str = "upstream", sent: bool = True) -> UpstreamError:
        """An error that says what this provider did."""
        return UpstreamError(f"The provider {self._provider.id} {what}.", type=type, code=code, sent=sent)

    def failure(self, error: httpx.HTTPError, url: str = "") -> UpstreamError:
        """The error a caller sees for one of httpx's. It names the host, and never the URL, which may hold a key."""
        found = explained(error)
        place = f" ({authority_of(url)})" if url and found.where else ""
        return UpstreamError(
            f"The provider {self._provider.id}{place} {found.what}.", type=found.type, code=found.code, sent=found.sent
        )


def tls_of(provider: Provider) -> ssl.SSLContext:
    """The TLS settings of a provider; OSError if a file of them cannot be read."""
    tls = provider.tls
    return tls_context(tls.verify, tls.ca, tls.cert, tls.key, trust_env=provider.trust_env, http2=provider.http2)


def authority_of(url: str) -> str:
    """Host and port of a URL, without a user's name."""
    return url.partition("://")[2].partition("/")[0].partition("?")[0].rpartition("@")[2]
