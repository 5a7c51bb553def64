"""One line for each request, on stderr, written where it cannot hold the event loop.

A line waits in memory until the next tick of a twentieth of a second; one thread writes what has gathered. If stderr
does not take it (a full pipe), lines gather up to a bound, and the next line says how many were lost.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
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
SHORT = 256
ONE_WRITE = 4096
"""Characters, all of them ASCII: what POSIX lets a pipe take undivided on Linux (PIPE_BUF)."""

Write = Callable[[str], object]


class RequestLog:
    """Takes finished calls, writes lines. Used from one event loop."""

    def __init__(self, write: Write | None = None) -> None:
        self._write = write or write_to_stderr
        self._waiting: list[str] = []
        self._lost = 0
        self._second = 0
        self._clock = ""
        self._timer: asyncio.TimerHandle | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="request-log")
        self._writing: Future[object] | None = None

    def add(self, line: str) -> None:
        """Have `line` written soon, with the time before it."""
        if len(self._waiting) >= MOST_WAITING:
            self._lost += 1
            return
        self._waiting.append(f"{self._stamp()} {line}\n")
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK, self._flush)

    def _stamp(self) -> str:
        at = time.time()
        second = int(at)
        if second != self._second:
            self._second, self._clock = second, time.strftime("%H:%M:%S", time.localtime(second))
        return f"{self._clock}.{int((at - second) * 1000):03d}"

    def _flush(self) -> None:
        """Hand over what has gathered, unless what came before is still being written: then it gathers on."""
        self._timer = None
        if self._writing is not None and not self._writing.done():
            self._timer = asyncio.get_running_loop().call_later(TICK, self._flush)
            return
        self._hand_over()

    def _hand_over(self) -> None:
        lines, self._waiting = self._waiting, []
        if self._lost:
            lost = f"{self._lost} lines of this log were lost: stderr did not take them in time"
            lines.append(f"{self._stamp()} {lost}\n")
            self._lost = 0
        if lines:
            self._writing = self._thread.submit(self._write_all, lines)

    def _write_all(self, lines: list[str]) -> None:
        self._write("".join(lines))

    def close(self) -> None:
        """Write what is left."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._hand_over()
        self._thread.shutdown()


def write_to_stderr(text: str) -> None:
    """Whole lines in pieces that a pipe takes in one go, so that those of other workers do not land within them."""
    begin = 0
    while begin < len(text):
        end = text.rfind("\n", begin, begin + ONE_WRITE) + 1 or len(text)
        sys.stderr.write(text[begin:end])
        sys.stderr.flush()
        begin = end


def shown(text: str) -> str:
    """A word of the line."""
    return known(text) if len(text) < SHORT else visible(text).decode("ascii")


@lru_cache(maxsize=2048)
def known(text: str) -> str:
    """Callers, paths and models are the same few."""
    return visible(text).decode("ascii")


def line_of(answering: Answering) -> str:
    """`req_… laptop POST /v1/messages acme:large 200 412ms in=12 out=40 lost="unsupported seed" upstream=…`"""
    scope = answering.scope
    call: Call | None = answering.call
    path = scope["path"]
    if scope.get("root_path"):
        path = below_prefix(path, scope["root_path"])
    target, status = "-", answering.status or GONE
    if call is not None:
        if call.provider:
            target = shown(f"{call.provider}:{call.model}")
        if call.gone:
            status = GONE
    milliseconds = (time.perf_counter() - answering.started) * 1000
    caller = shown(answering.caller) if answering.caller else "-"
    line = f"{answering.request_id} {caller} {scope['method']} {shown(path)} {target} {status} {milliseconds:.0f}ms"
    error = answering.error
    if call is not None:
        line += details(call)
        error = error or call.error
    return line if error is None else f"{line} error={shown(error.code or error.type)}"


def details(call: Call) -> str:
    """What the line says of a call that reached its handler."""
    found = ""
    usage = call.usage
    if usage:
        found = f" in={usage.get('input_tokens', '-')} out={usage.get('output_tokens', '-')}"
    if call.losses:
        found += f' lost="{header_value(call.losses, LOG_LIMIT)}"'
    if call.violations:
        found += f" violations={call.violations}"
    if call.upstream_request_id:
        found += f" upstream={visible(call.upstream_request_id).decode()}"
    return found
