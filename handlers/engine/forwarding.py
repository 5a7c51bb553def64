"""A request handed on whole to another process of this gateway, and its answer relayed as it comes.

The other process does everything, also the answer's id and the line in the log: here is only the way there and back.
What was not sent can still be answered here; what was sent is never sent again, for the provider may have seen it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx

from .answers import Headers, RelayedAnswer
from .contract.middleware import Answering, below_prefix
from .errors import GatewayError
from .failures import explained
from .transports import PooledTransport, PoolSettings, Reply, Timeout

if TYPE_CHECKING:
    from .call import Call

LIMITS = Timeout(connect=1.0, read=None, write=None, pool=None)
"""Seconds. How long a provider may be silent is the other process's business."""
POOL = PoolSettings(idle_for=30.0)

OF_THE_WAY = frozenset((b"connection", b"keep-alive", b"transfer-encoding", b"te", b"trailer", b"upgrade", b"date"))
"""Headers of an answer that speak of the connection it came by."""
NOT_HANDED_ON = frozenset((b"origin", b"content-encoding"))
"""Headers of a request that were dealt with here: what a browser's page may do, how the body was packed."""
OWN_NAMES = frozenset((b"request-id", b"x-request-id"))


class Forwarder:
    """Sends requests to the process that listens on a port of this machine."""

    def __init__(self) -> None:
        self._transport = PooledTransport(settings=POOL)

    async def forward(self, call: Call, answering: Answering, raw: bytes, port: int) -> RelayedAnswer | None:
        """The other process's answer to a request with this body, unpacked. None if it could not be sent there.

        Raises GatewayError if the process broke off before it answered.
        """
        scope = answering.scope
        headers = [(name, value) for name, value in scope["headers"] if name not in NOT_HANDED_ON]
        answering.elsewhere = True
        try:
            url = f"http://127.0.0.1:{port}{target_of(scope['raw_path'], scope['query_string'], scope['root_path'])}"
            reply = await self._transport.call(scope["method"], url, headers, raw, LIMITS)
        except (httpx.HTTPError, UnicodeDecodeError) as error:
            answering.elsewhere = False
            if isinstance(error, UnicodeDecodeError) or not explained(error).sent:
                return None
            raise broken() from error
        answering.added = [header for header in answering.added if header[0] not in OWN_NAMES]
        return RelayedAnswer(call, kept(reply.headers), ForwardedAnswer(reply, answering))

    async def close(self) -> None:
        await self._transport.aclose()


class ForwardedAnswer:
    """An answer on its way through: what a RelayedAnswer asks of it."""

    __slots__ = ("_answering", "_stream", "status")

    def __init__(self, reply: Reply, answering: Answering) -> None:
        self.status = reply.status
        self._stream = reply.stream
        self._answering = answering

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises GatewayError when it breaks off."""
        try:
            async for chunk in self._stream:
                yield chunk
        except httpx.HTTPError as error:
            self._answering.elsewhere = False
            raise broken() from error
        finally:
            await self._stream.aclose()

    async def aclose(self) -> None:
        await self._stream.aclose()


def kept(headers: Headers) -> Headers:
    """The headers that speak of the answer itself, its length among them."""
    return [(name.lower(), value) for name, value in headers if name.lower() not in OF_THE_WAY]


def target_of(raw_path: bytes, query: bytes, root_path: str) -> str:
    """Path and query as the caller wrote them. UnicodeDecodeError if they are not ASCII."""
    path = below_prefix(raw_path.decode("ascii"), root_path) if root_path else raw_path.decode("ascii")
    return f"{path}?{query.decode('ascii')}" if query else path


def broken() -> GatewayError:
    return GatewayError("internal", "The process that worked on this request has ended.", code="process_lost")
