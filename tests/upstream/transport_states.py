"""The transport itself under test: how it is driven, and how one sees that it has come to rest."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any

from handlers.engine.bodies import Reply, Timeout, Upload
from handlers.engine.transports import PooledTransport, PoolSettings, tls_context

SHORT = Timeout(connect=5, read=0.15, write=0.15, pool=5)
LIMITS = Timeout(connect=5, read=5, write=5, pool=5)


@asynccontextmanager
async def pooled(settings: PoolSettings | None = None, context: Any = None, *, rests: bool = True):
    """A transport that is closed in the end; before that it must have come to rest, if `rests`."""
    transport = PooledTransport(context or tls_context, settings)
    try:
        yield transport
        if rests:
            await at_rest(transport)
    finally:
        pools = list(transport._pools.values())
        await transport.aclose()
        assert not any(pool.open for pool in pools)


async def at_rest(transport: PooledTransport) -> None:
    """Wait until every connection is idle or closed, and see that nothing of an exchange is left in it."""
    async with asyncio.timeout(5):
        while any(set(pool.idle) != pool.open for pool in transport._pools.values()):  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.005)
    for pool in transport._pools.values():
        for connection in pool.open:
            assert connection.exchange is None
            assert not (connection.holding or connection.paused or connection.sending or connection.unsent)
    if transport._slots is not None:
        assert transport._slots._value == transport._settings.limit


def open_connections(transport: PooledTransport) -> int:
    return sum(len(pool.open) for pool in transport._pools.values())


async def ask(
    transport: PooledTransport, url: str, body: bytes | Upload = b"{}", limits: Timeout = LIMITS, method: str = "POST"
) -> Reply:
    return await transport.call(method, url, [(b"content-type", b"application/json")], body, limits)


async def read(reply: Reply) -> bytes:
    return b"".join([piece async for piece in reply.stream])


async def asked(transport: PooledTransport, url: str, *given: Any, **named: Any) -> bytes:
    return await read(await ask(transport, url, *given, **named))
