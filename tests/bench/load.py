"""The load: callers on connections that are kept alive, each of whose answers is checked to the end.

Closed loop: so many callers, each asks again as soon as it has its answer. Open loop: so many requests a second, whether
or not the answers keep up; a latency counts from the moment the request was due. Times come from the machine's monotonic
clock, the same one with which the mock provider stamps the events of paced streams.
"""

from __future__ import annotations

import asyncio
import gc
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httptools
import uvloop
from checking import Check, Wrong

THOROUGH = 2
"""So many answers of each connection are read whole."""
PATIENCE = 90.0
"""Seconds that the last answers may take."""
STAMP = re.compile(rb" @(\d+);")


@dataclass
class Outcome:
    """What callers saw. Seconds; `delays` are those of stamped events, from the provider's hand to the caller's."""

    latencies: list[float] = field(default_factory=list)
    first_words: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    took: float = 0.0

    def add(self, other: Outcome) -> None:
        for name in ("latencies", "first_words", "delays", "gaps", "failures"):
            getattr(self, name).extend(getattr(other, name))
        self.took += other.took


class Caller(asyncio.Protocol):
    """One connection. `ask()` sends the request; `then` is called when its answer is whole, or has failed."""

    def __init__(self, request: bytes, check: Check, outcome: Outcome, then: Callable[[Caller], None]) -> None:
        self.request, self.check, self.outcome, self.then = request, check, outcome, then
        self.busy = self.lost = self.stamps = False
        self.answered = 0
        self.last_at = 0.0
        self.pieces: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def ask(self, due: float | None = None) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.pieces, self.heard, self.busy = [], False, True
        self.began = time.monotonic() if due is None else due
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.fail(f"no HTTP: {error}")

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)
        if not self.heard:
            if self.check.events and b" word" not in body:
                return
            self.heard = True
            self.last_at = time.monotonic()
            self.outcome.first_words.append(self.last_at - self.began)
            self.stamps = self.check.events > 0 and STAMP.search(body) is not None
        elif self.stamps:
            now = time.monotonic()
            self.outcome.gaps.append(now - self.last_at)
            self.last_at = now
            self.outcome.delays.extend(now - int(stamp) / 1e9 for stamp in STAMP.findall(body))

    def on_message_complete(self) -> None:
        took, status, body = time.monotonic() - self.began, self.parser.get_status_code(), b"".join(self.pieces)
        try:
            if status != 200:
                raise Wrong(f"{status}: {body[:300]!r}")
            (self.check.thorough if self.answered < THOROUGH else self.check.quick)(body)
        except Wrong as error:
            self.fail(str(error))
            return
        self.answered += 1
        self.outcome.latencies.append(took)
        self.busy = False
        if not self.parser.should_keep_alive():
            self.lost = True
        self.then(self)

    def fail(self, why: str) -> None:
        self.outcome.failures.append(why)
        self.busy, self.lost = False, True
        self.transport.abort()
        self.then(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self.lost = True
        if self.busy:
            self.fail("the connection broke off before the answer was whole")


class Load:
    """A target's port, a request, and how its answers are checked."""

    def __init__(self, port: int, request: bytes, check: Check) -> None:
        self.port, self.request, self.check = port, request, check
        self.outcome = Outcome()

    async def caller(self, then: Callable[[Caller], None]) -> Caller:
        loop = asyncio.get_running_loop()
        make = lambda: Caller(self.request, self.check, self.outcome, then)  # noqa: E731
        return (await loop.create_connection(make, "127.0.0.1", self.port))[1]

    async def closed(self, callers: int, seconds: float, *, at_least: int = 1) -> Outcome:
        """`callers` at once for `seconds`, and on until each has had `at_least` answers."""
        done = asyncio.Event()
        running, until = callers, 0.0

        def then(caller: Caller) -> None:
            nonlocal running
            if not caller.lost and (time.monotonic() < until or caller.answered < at_least):
                caller.ask()
                return
            running -= 1
            if running == 0:
                done.set()

        every = [await self.caller(then) for _ in range(callers)]
        began = time.monotonic()
        until = began + seconds
        for caller in every:
            caller.ask()
        return await self._ended(done, every, began, seconds)

    async def open(self, rate: float, seconds: float) -> Outcome:
        """`rate` requests a second for `seconds`, on as many connections as it takes."""
        done, idle, every = asyncio.Event(), [], []
        due_in_all, asked, waiting = int(rate * seconds), 0, set()

        def then(caller: Caller) -> None:
            if not caller.lost:
                idle.append(caller)
            if asked == due_in_all and not any(one.busy for one in every):
                done.set()

        async def ask_on_new(due: float) -> None:
            caller = await self.caller(then)
            every.append(caller)
            caller.ask(due)

        for _ in range(16):
            caller = await self.caller(then)
            every.append(caller)
            idle.append(caller)
        began = time.monotonic()
        while asked < due_in_all:
            due = began + asked / rate
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            asked += 1
            while idle and idle[-1].lost:
                idle.pop()
            if idle:
                idle.pop().ask(due)
            else:
                task = asyncio.ensure_future(ask_on_new(due))
                waiting.add(task)
                task.add_done_callback(waiting.discard)
        return await self._ended(done, every, began, seconds)

    async def _ended(self, done: asyncio.Event, every: list[Caller], began: float, seconds: float) -> Outcome:
        try:
            await asyncio.wait_for(done.wait(), seconds + PATIENCE)
        except TimeoutError:
            self.outcome.failures.append(f"{sum(one.busy for one in every)} answers did not come")
        self.outcome.took = time.monotonic() - began
        for caller in every:
            caller.busy = False
            caller.transport.close()
        await asyncio.sleep(0)
        return self.outcome


def run_closed(port: int, request: bytes, check: Check, callers: int, seconds: float, at_least: int = 1) -> Outcome:
    gc.collect()
    return uvloop.run(Load(port, request, check).closed(callers, seconds, at_least=at_least))


def run_open(port: int, request: bytes, check: Check, rate: float, seconds: float) -> Outcome:
    gc.collect()
    return uvloop.run(Load(port, request, check).open(rate, seconds))
