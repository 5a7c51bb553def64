"""Some thousand calls among failures of all kinds: in the end nothing is open, nothing runs, nothing was mixed up."""

from __future__ import annotations

import asyncio
import gc
import random
import ssl
from pathlib import Path

import httpx
import pytest
from upstream.provider_settings import run
from upstream.sockets import STREAM, Connection, Provider, chunked, whole
from upstream.transport_states import LIMITS, ask, at_rest, pooled

from handlers.engine.bodies import Upload
from handlers.engine.pools import PoolSettings
from handlers.engine.transports import tls_context

TASKS = 25
FILES = Path(__file__).parent / "certificates"
CA = str(FILES / "ca.pem")
KINDS = ("whole", "chunks", "closes", "resets", "in the middle", "garbage", "close", "silent", "large")


async def script(connection: Connection) -> None:
    """Answer with what was asked, in the way that was asked for."""
    while (request := await connection.request()) is not None:
        kind, _, name = request.rpartition(b"\r\n\r\n")[2].partition(b":")
        if kind == b"whole":
            await connection.say(whole(name))
        elif kind == b"chunks":
            await connection.say(STREAM + chunked(name[:1], end=False))
            await connection.say(chunked(name[1:]))
        elif kind == b"large":
            await connection.say(whole(name * 200_000))
        elif kind == b"close":
            await connection.say(b"HTTP/1.1 200 OK\r\n\r\n" + name)
            return
        elif kind == b"in the middle":
            await connection.say(STREAM + chunked(name, end=False))
            return
        elif kind == b"garbage":
            await connection.say(b"\0" + name)
        elif kind == b"resets":
            connection.reset()
        elif kind == b"closes":
            return


def serving() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FILES / "server.pem", FILES / "server.key")
    return context


def descriptors() -> int:
    place = Path("/proc/self/fd")
    return len(list(place.iterdir())) if place.exists() else 0


@pytest.mark.parametrize(("calls", "tls"), [(2000, False), (400, True)], ids=["plain", "under TLS"])
def test_thousands_of_calls_leave_nothing_behind(calls, tls):
    """Callers leave at any moment, servers fail in any way: each complete answer is its own call's."""
    dice = random.Random(7)

    async def upload(data: bytes):
        for at in range(0, len(data), 3):
            yield data[at : at + 3]
            await asyncio.sleep(0)

    async def call(transport, url: str, number: int) -> str:
        kind, name = dice.choice(KINDS), b"%06d" % number
        sent = kind.encode() + b":" + name
        body = Upload(upload(sent), len(sent)) if number % 5 == 0 else sent
        leaves = dice.random() < 0.2
        reply = await ask(transport, url, body, LIMITS._replace(read=0.05 if kind == "silent" else 5))
        got = b""
        async for piece in reply.stream:
            got += piece
            if leaves:
                await reply.stream.aclose()
                return "left"
        assert got == (name * 200_000 if kind == "large" else name)
        return "whole"

    async def soak(url: str) -> dict[str, int]:
        outcomes: dict[str, int] = {}
        numbers = iter(range(calls))
        async with pooled(PoolSettings(limit=20, idle=10, age=0.5), tls_context(ca=CA) if tls else None) as transport:

            async def worker() -> None:
                for number in numbers:
                    calling = asyncio.create_task(call(transport, url, number))
                    if dice.random() < 0.1:
                        await asyncio.sleep(dice.choice((0, 0, 0.001, 0.003)))
                        calling.cancel()
                    await asyncio.wait([calling])
                    error = None if calling.cancelled() else calling.exception()
                    assert error is None or isinstance(error, httpx.HTTPError), error
                    outcome = "cancelled" if calling.cancelled() else type(error).__name__ if error else calling.result()
                    outcomes[outcome] = outcomes.get(outcome, 0) + 1

            await asyncio.gather(*(worker() for _ in range(TASKS)))
            await at_rest(transport)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return outcomes

    with Provider(script, context=serving() if tls else None) as provider:
        before = descriptors()
        outcomes = run(soak(provider.url()), 60)
        gc.collect()
    assert descriptors() <= before
    assert sum(outcomes.values()) == calls
    assert {"whole", "left", "cancelled", "ReadTimeout", "RemoteProtocolError"} <= set(outcomes)
