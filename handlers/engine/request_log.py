"""One line for each request, on stderr, written where it cannot hold the event loop.

A line waits in memory until the next tick of a twentieth of a second; one thread writes what has gathered. If stderr
does not take it (a full pipe), lines gather up to a bound, and the next line says how many were lost.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .answers import GONE
from .contract.middleware import below_prefix
from .gateway_headers import visible
from .losses import LOG_LIMIT, header_value

if TYPE_CHECKING:
    from .call import Call
    from .contract.middleware import Answering

MOST_WAITING = 50_000
TICK = 0.05

Write = Callable[[str], object]


class RequestLog:
    """Takes finished calls, writes lines. Used from one event loop."""

    def __init__(self, write: Write | None = None) -> None:
        self._write = write or write_to_stderr
        self._waiting: deque[tuple[float, str]] = deque()
        self._lost = 0
        self._timer: asyncio.TimerHandle | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="request-log")

    def add(self, line: str) -> None:
        """Have `line` written soon."""
        if len(self._waiting) >= MOST_WAITING:
            self._lost += 1
            return
        self._waiting.append((time.time(), line))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK, self._flush)

    def _flush(self) -> None:
        self._timer = None
        lines = list(self._waiting)
        self._waiting.clear()
        lost, self._lost = self._lost, 0
        self._thread.submit(self._write_all, lines, lost)

    def _write_all(self, lines: list[tuple[float, str]], lost: int) -> None:
        text = "".join(f"{stamp(at)} {line}\n" for at, line in lines)
        if lost:
            text += f"{stamp(time.time())} {lost} lines of this log were lost: stderr did not take them in time\n"
        self._write(text)

    def close(self) -> None:
        """Write what is left."""
        if self._timer is not None:
            self._timer.cancel()
            self._flush()
        self._thread.shutdown()


def write_to_stderr(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def stamp(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at)) + f".{int(at % 1 * 1000):03d}"


def line_of(answering: Answering) -> str:
    """`req_… laptop POST /v1/messages acme:large 200 412ms in=12 out=40 lost="unsupported seed" upstream=…`"""
    scope = answering.scope
    call: Call | None = answering.call
    milliseconds = (time.perf_counter() - answering.started) * 1000
    words = [
        answering.request_id,
        visible(answering.caller or "-").decode(),
        scope["method"],
        visible(below_prefix(scope["path"], scope.get("root_path", ""))).decode(),
        visible(f"{call.provider}:{call.model}").decode() if call is not None and call.provider else "-",
        str(GONE if call is not None and call.gone else answering.status or GONE),
        f"{milliseconds:.0f}ms",
    ]
    error = answering.error
    if call is not None:
        words += told(call)
        error = error or call.error
    if error is not None:
        words.append(f"error={visible(error.code or error.type).decode()}")
    return " ".join(words)


def told(call: Call) -> list[str]:
    """What the line says of a call that reached its handler."""
    words: list[str] = []
    usage = call.usage
    if usage:
        words += (f"in={usage.get('input_tokens', '-')}", f"out={usage.get('output_tokens', '-')}")
    if call.losses:
        words.append(f'lost="{header_value(call.losses, LOG_LIMIT)}"')
    if call.violations:
        words.append(f"violations={call.violations}")
    if call.upstream_request_id:
        words.append(f"upstream={visible(call.upstream_request_id).decode()}")
    return words
