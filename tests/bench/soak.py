"""A long load with callers who leave: does the gateway end where it began, in memory and in file descriptors?

    python tests/bench/soak.py                                   100,000 requests and 10,000 streams, a fifth of them left
    python tests/bench/soak.py --requests 10000 --streams 1000

Every direction, with and without tools. It begins to count after a tenth more (what is made once is made then), and
looks again when idle connections have been closed. Ends with status 1 if memory grew by more than 5 MB, descriptors
by more than a few, or an answer was not whole.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import uvloop
from load import Caller, Load
from processes import Usage, pin_self, usage_of
from scenarios import Scenario, core
from targets import Server, morello, provider, serving

MOST_MB = 5.0
MOST_DESCRIPTORS = 8
CALLERS = 48
WARM = 8000
"""At least so many requests, and a fifth of it streams, before it counts."""
LEAVING = 0.2
LONGEST_STAY = 0.05
IDLE = 40.0
"""Seconds after which the gateway has closed its idle connections to the provider."""


class Soak:
    """Callers one after another, `CALLERS` at a time. Some leave while they are being answered."""

    def __init__(self, server: Server, chance: random.Random) -> None:
        self.server, self.chance = server, chance
        every = [*core(), *(replace(one, model="bench-k100") for one in core() if not one.stream and not one.tools)]
        self.loads = {one: Load(server.port, server.request(one), one.check) for one in every}
        self.whole = self.left = 0
        self.failures: list[str] = []

    async def run(self, requests: int, streams: int) -> None:
        """So many of both kinds, in a random order."""
        todo = [False] * requests + [True] * streams
        self.chance.shuffle(todo)
        turns = iter(todo)
        await asyncio.gather(*(self.one_after_another(turns) for _ in range(CALLERS)))

    async def one_after_another(self, turns: object) -> None:
        for stream in turns:  # type: ignore[attr-defined]
            scenario = self.chance.choice([one for one in self.loads if one.stream == stream])
            await self.ask(scenario)

    async def ask(self, scenario: Scenario) -> None:
        load, done = self.loads[scenario], asyncio.Event()
        caller: Caller = await load.caller(lambda _caller: done.set())
        caller.ask()
        patience = self.chance.random() * LONGEST_STAY if self.chance.random() < LEAVING else 60.0
        try:
            await asyncio.wait_for(done.wait(), patience)
            self.whole += 1
        except TimeoutError:
            if patience == 60.0:
                self.failures.append(f"{scenario.name}: no answer in a minute")
            self.left += 1
        caller.busy = False
        caller.transport.abort()
        self.failures += [f"{scenario.name}: {why}" for why in load.outcome.failures]
        load.outcome = type(load.outcome)()


def told(when: str, usage: Usage) -> None:
    print(f"{when:<24} {usage.memory:7.1f} MB {usage.descriptors:5d} descriptors {usage.cpu:8.1f} s of CPU", flush=True)


def soaked(server: Server, requests: int, streams: int, idle: float, chance: random.Random) -> int:
    """The exit status."""
    soak = Soak(server, chance)
    uvloop.run(soak.run(max(requests // 10, WARM), max(streams // 10, WARM // 5)))
    time.sleep(idle)
    before = usage_of(server.process)
    told("when all is made", before)
    for part in range(1, 5):
        uvloop.run(soak.run(requests // 4, streams // 4))
        told(f"after {part} of 4 parts", usage_of(server.process))
    time.sleep(idle)
    after = usage_of(server.process)
    told("when all is quiet", after)
    print(f"{soak.whole} answers read to the end, {soak.left} left, {len(soak.failures)} wrong")
    print(*soak.failures[:5], sep="\n")
    grown, more = after.memory - before.memory, after.descriptors - before.descriptors
    print(f"{grown:+.1f} MB, {more:+d} descriptors")
    return int(grown > MOST_MB or more > MOST_DESCRIPTORS or bool(soak.failures))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--requests", type=int, default=100_000)
    options.add_argument("--streams", type=int, default=10_000)
    options.add_argument("--idle", type=float, default=IDLE)
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    pin_self()
    with (
        tempfile.TemporaryDirectory() as folder, provider(Path(folder)) as port,
        serving(morello(given.workers), port, Path(folder)) as server,
    ):  # fmt: skip
        return soaked(server, given.requests, given.streams, given.idle, random.Random(given.seed))


if __name__ == "__main__":
    sys.exit(main())
