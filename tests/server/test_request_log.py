"""The log of requests: it never holds the loop, loses nothing in silence, and is complete at the end."""

from __future__ import annotations

import asyncio
import re
import threading

import pytest

from handlers.engine import request_log
from handlers.engine.contract.names import next_name
from handlers.engine.request_log import RequestLog

STAMPED = re.compile(r"\d\d:\d\d:\d\d\.\d{3} (.+)\n")


def test_each_line_is_written_once_and_in_order() -> None:
    """Also those that came just before the end."""
    written: list[str] = []

    async def work() -> None:
        log = RequestLog(written.append)
        for number in range(500):
            log.add(f"line {number}")
            if number % 100 == 0:
                await asyncio.sleep(request_log.TICK / 2)
        log.close()

    asyncio.run(work())
    lines = STAMPED.findall("".join(written))
    assert lines == [f"line {number}" for number in range(500)]
    assert len(written) < 50, "lines leave together"


def test_a_stderr_that_takes_nothing_holds_nobody_and_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines gather up to a bound; the next line says how many were lost."""
    monkeypatch.setattr(request_log, "MOST_WAITING", 10)
    monkeypatch.setattr(request_log, "TICK", 0.001)
    written: list[str] = []
    stuck, free = threading.Event(), threading.Event()

    def write(text: str) -> None:
        written.append(text)
        stuck.set()
        free.wait(20)

    async def work() -> None:
        log = RequestLog(write)
        log.add("first")
        while not stuck.is_set():  # noqa: ASYNC110 - set in a thread
            await asyncio.sleep(0.001)
        for number in range(25):
            log.add(f"line {number}")
            await asyncio.sleep(0.002)
        free.set()
        log.close()

    asyncio.run(work())
    lines = STAMPED.findall("".join(written))
    assert lines[:11] == ["first", *(f"line {number}" for number in range(10))]
    assert lines[11:] == ["15 lines of this log were lost: stderr did not take them in time"]


def test_names_of_requests_are_never_the_same() -> None:
    names = [next_name() for _ in range(10_000)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"req_[0-9a-f]{24}", name) for name in names)
