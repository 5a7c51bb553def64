"""How long others wait while the gateway works hard: the latency of /health during a flood.

    python tests/bench/health.py                four callers with 4 MB bodies, 500 paced streams, a reader that does not read
    python tests/bench/health.py --seconds 20
    python tests/bench/health.py --free         the gateway is not pinned to a core of its own

The bodies are of both kinds that hurt, one image and 28,000 messages, and they go both ways, through and translated. A
flood is four callers who ask again at once. Everything runs on loopback and ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from load import Caller, Load, run_closed
from measures import percentile
from processes import MEASURED, REST, pin_self, usage_of
from scenarios import Scenario, concurrent, core
from targets import Server, morello, provider, serving

SETTLE = 2.0
"""Seconds after which 500 connections, made in one moment, have been taken."""
BODIES = [Scenario("openai", provider, size=4 << 20, filled=filled, callers=1,
                   label=f"{filled}, {'through' if provider == 'openai' else 'translated'}")
          for filled in ("image", "messages") for provider in ("openai", "anthropic")]  # fmt: skip


@dataclass
class Flood:
    """Callers that go on until they are told to stop, each with a scenario of its own."""

    server: Server
    loads: list[Load] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    stopped: bool = False

    async def begin(self, scenario: Scenario) -> None:
        load = Load(self.server.port, self.server.request(scenario), scenario.check)
        caller = await load.caller(self._again)
        self.loads.append(load)
        self.callers.append(caller)
        caller.ask()

    def _again(self, caller: Caller) -> None:
        if not self.stopped and not caller.lost:
            caller.ask()

    async def end(self) -> None:
        self.stopped = True
        until = time.monotonic() + 60
        while any(caller.busy for caller in self.callers) and time.monotonic() < until:  # noqa: ASYNC110 - many may end it
            await asyncio.sleep(0.05)
        for caller in self.callers:
            caller.busy = False
            caller.transport.abort()


class Unread(asyncio.Protocol):
    """Asks for a stream and never reads it."""

    def __init__(self, request: bytes) -> None:
        self.request = request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self.request)  # type: ignore[attr-defined]
        transport.pause_reading()  # type: ignore[attr-defined]


async def watched(port: int, seconds: float) -> list[float]:
    """What `health` finds, from a process of its own: this one is busy with the load."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--probe", str(port), "--seconds", str(seconds), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    found: list[float] = json.loads(said)
    return found


async def health(port: int, until: float) -> list[float]:
    """The latency of /health in ms, asked fifty times a second over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = []
    while time.monotonic() < until:
        began = time.perf_counter()
        writer.write(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
        found.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(max(0.0, 0.02 - (time.perf_counter() - began)))
    writer.close()
    return found


def told(name: str, latencies: list[float]) -> str:
    return f"| {name} | {len(latencies)} | {percentile(latencies, 50):.1f} | {percentile(latencies, 99):.1f} | {max(latencies):.1f} |"


async def flooded(server: Server, scenarios: list[Scenario], seconds: float, streams: int) -> tuple[list[float], int, list[str]]:
    """The latencies of /health, how many bodies were answered meanwhile, and what went wrong."""
    flood = Flood(server)
    for scenario in scenarios:
        await flood.begin(scenario)
    calm = concurrent(1)
    for _ in range(streams):
        await flood.begin(calm)
    make = lambda: Unread(server.request(calm))  # noqa: E731
    unread, _ = await asyncio.get_running_loop().create_connection(make, "127.0.0.1", server.port)
    await asyncio.sleep(SETTLE)
    latencies = await watched(server.port, seconds)
    await flood.end()
    unread.abort()
    answered = sum(len(load.outcome.latencies) for load in flood.loads[: len(scenarios)])
    return latencies, answered, [one for load in flood.loads for one in load.outcome.failures]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=8.0)
    options.add_argument("--streams", type=int, default=500)
    options.add_argument("--only-all", action="store_true", help="only the last row")
    options.add_argument("--free", action="store_true", help="the gateway may use all cores, and shares them with the load")
    options.add_argument("--probe", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    if not given.free:
        pin_self()
    on = MEASURED | REST if given.free else MEASURED
    if given.probe:
        print(json.dumps(asyncio.run(health(given.probe, time.monotonic() + given.seconds))))
        return
    with (
        tempfile.TemporaryDirectory() as folder, provider(Path(folder)) as port,
        serving(morello(), port, Path(folder), on) as server,
    ):  # fmt: skip
        for scenario in core():  # templates are compiled, and losses looked for, with the first request of each kind
            run_closed(server.port, server.request(scenario), scenario.check, 1, 0.05)
        time.sleep(SETTLE)
        print("| while | asked | p50 ms | p99 ms | longest ms |\n|---|---|---|---|---|")
        rows: list[tuple[str, list[Scenario], int]] = [("all of it at once", BODIES, given.streams)]
        if not given.only_all:
            print(told("nothing else happens", uvloop.run(watched(server.port, given.seconds / 2))))
            rows = [*((f"4 MB bodies: {one.label}", [one] * 4, 0) for one in BODIES),
                    (f"{given.streams} streams and a reader that does not read", [], given.streams), *rows]  # fmt: skip
        for name, scenarios, streams in rows:
            latencies, answered, failures = uvloop.run(flooded(server, scenarios, given.seconds, streams))
            print(told(f"{name} ({answered} bodies answered)", latencies), *failures[:1], flush=True)
        print(f"{usage_of(server.process).memory:.0f} MB at the end")


if __name__ == "__main__":
    main()
