"""What a call to a provider costs in CPU: our transport beside a bare protocol that knows nothing of HTTP.

    python tests/bench/transport.py                 µs of CPU a call and an event, and the ratio to the floor
    python tests/bench/transport.py --seconds 3 --tasks 32

The provider is mock_provider.py in a process of its own; everything runs on loopback and ends by itself. CPU is this
process's own, system calls included. Rounds of floor and transport alternate, medians are taken.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import uvloop

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from processes import free_port, pin_self, python, running  # noqa: E402
from scenarios import body_of  # noqa: E402

from handlers.engine.providers import Connections, Provider, Retries, Timeout, Tls  # noqa: E402
from handlers.engine.upstream import Upstream  # noqa: E402

HEADERS = [(b"authorization", b"Bearer key"), (b"content-type", b"application/json"), (b"user-agent", b"bench/1")]
ROUNDS = 5
PATH = "/v1/chat/completions"
DEFAULTS = {field.name: field.default for field in Provider.__dataclass_fields__.values()}


class Bare(asyncio.Protocol):
    """Writes a request, counts bytes of the answer: whose length is known before, or that ends as chunks do."""

    def __init__(self) -> None:
        self.waiter: asyncio.Future[None] | None = None
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def ask(self, request: bytes, length: int) -> None:
        self.buffer = b""
        self.transport.write(request)
        while len(self.buffer) < length and not self.buffer.endswith(b"\r\n0\r\n\r\n"):
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter


async def answer_length(port: int, body: bytes) -> int:
    """Bytes of a whole answer, head and all."""
    _, asking = await asyncio.get_running_loop().create_connection(Bare, "127.0.0.1", port)
    await asking.ask(request_of(body), 1)
    asking.transport.close()
    return len(asking.buffer) if b"chunked" not in asking.buffer else 1 << 40


def request_of(body: bytes) -> bytes:
    lines = b"".join(b"%b: %b\r\n" % pair for pair in HEADERS)
    return b"POST %b HTTP/1.1\r\nhost: x\r\n%bcontent-length: %d\r\n\r\n" % (PATH.encode(), lines, len(body)) + body


async def floor(port: int, body: bytes, tasks: int, seconds: float) -> float:
    request, length = request_of(body), await answer_length(port, body)
    idle: list[Bare] = []

    async def call() -> None:
        connection = idle.pop() if idle else (await asyncio.get_running_loop().create_connection(Bare, "127.0.0.1", port))[1]
        await connection.ask(request, length)
        idle.append(connection)

    spent = await spent_by(call, tasks, seconds)
    for connection in idle:
        connection.transport.close()
    return spent


async def ours(port: int, body: bytes, tasks: int, seconds: float) -> float:
    settings = SimpleNamespace(**DEFAULTS | {
        "id": "bench", "timeout": Timeout(), "retries": Retries(), "tls": Tls(), "connections": Connections(), "trust_env": False,
    })  # fmt: skip
    upstream, url, stream = Upstream(settings), f"http://127.0.0.1:{port}{PATH}", b'"stream":true' in body  # type: ignore[arg-type]

    async def call() -> None:
        answer = await upstream.open("POST", url, HEADERS, body)
        if not stream:
            assert await answer.read()
            return
        async for piece in answer.chunks():
            assert piece

    spent = await spent_by(call, tasks, seconds)
    await upstream.aclose()
    return spent


async def spent_by(call: Callable[[], Awaitable[None]], tasks: int, seconds: float) -> float:
    """CPU µs of one call, when `tasks` make calls one after another; the first ones do not count."""
    await asyncio.gather(*(call() for _ in range(tasks)))
    count, ends = 0, time.monotonic() + seconds

    async def worker() -> None:
        nonlocal count
        while time.monotonic() < ends:
            await call()
            count += 1

    before = time.process_time()
    await asyncio.gather(*(worker() for _ in range(tasks)))
    return (time.process_time() - before) / count * 1e6


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=1.0, help="of each round")
    options.add_argument("--tasks", type=int, default=16)
    given = options.parse_args()
    port, provider = free_port(), Path(__file__).parent / "mock_provider.py"
    pin_self()
    with running(port, python(str(provider), str(port))):
        print("| call | floor µs | ours µs | over the floor | ratio |\n|---|---|---|---|---|")
        for name, stream in (("1 KB both ways", False), ("a stream of 100 events in one burst", True)):
            body = body_of("openai", "bench", stream, 0, 1 << 10, "messages")
            taken: dict[str, list[float]] = {"floor": [], "ours": []}
            for _ in range(ROUNDS):
                for kind, measure in (("floor", floor), ("ours", ours)):
                    taken[kind].append(uvloop.run(measure(port, body, given.tasks, given.seconds)))
            least, spent = (statistics.median(taken[kind]) for kind in ("floor", "ours"))
            print(f"| {name} | {least:.1f} | {spent:.1f} | {spent - least:.1f} | {spent / least:.2f} |", flush=True)


if __name__ == "__main__":
    main()
