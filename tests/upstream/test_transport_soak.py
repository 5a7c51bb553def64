"""Some thousand calls among failures of all kinds: in the end nothing is open, nothing runs, nothing was mixed up."""

from __future__ import annotations

import asyncio
import gc
import random
from pathlib import Path

import httpx
from upstream.provider_settings import run
from upstream.sockets import STREAM, Connection, Provider, chunked, whole
from upstream.transport_states import LIMITS, ask, at_rest, pooled

from handlers.engine.bodies import Upload
from handlers.engine.pools import PoolSettings

CALLS, TASKS = 3000, 25
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


def descriptors() -> int:
    place = Path("/proc/self/fd")
    return len(list(place.iterdir())) if place.exists() else 0


def test_thousands_of_calls_leave_nothing_behind():
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
        numbers = iter(range(CALLS))
        async with pooled(PoolSettings(limit=20, idle=10, age=0.5)) as transport:

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

    with Provider(script) as provider:
        before = descriptors()
        outcomes = run(soak(provider.url()))
        gc.collect()
    assert descriptors() <= before
    assert sum(outcomes.values()) == CALLS
    assert {"whole", "left", "cancelled", "ReadTimeout", "RemoteProtocolError", "ReadError"} <= set(outcomes)
