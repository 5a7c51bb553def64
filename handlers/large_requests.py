"""Requests with large bodies, answered by a process of their own, so that they hold up nobody else.

The work on a large body wants the interpreter all the time, and in a thread it gets it back at each read and write of
the loop, which then waits for it: with hundreds of streams that makes a tenth of a second. So when a large body comes
while others are being answered, one more worker is started beside this process (worker.py), on a port of its own that
only this machine can reach. Once it serves, requests with large bodies are handed on to it (engine/forwarding.py).

Whenever it does not serve or cannot be reached, they are answered here. It ends when it was idle for a while, with this
process, and after it; if it dies, the next large body has another one started.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from .engine.attending import attended
from .engine.call import Call
from .engine.forwarding import Forwarder
from .server import Address, bound
from .work import FINISH, NOW, Work, how

if TYPE_CHECKING:
    from .engine.answers import RelayedAnswer
    from .engine.contract import Answering
    from .engine.engine import Engine

Begin = Callable[[Work, socket.socket], tuple[Any, Any]]
"""Starts a worker on a listening socket: the process, and our end of its pipe."""

LOOPBACK = "127.0.0.1"
IDLE = 300.0
"""Seconds without a large body after which the process ends, and its memory is free again."""
PATIENCE = 5.0
"""Seconds that a request waits for the process to begin."""
REST = 30.0
"""Seconds after a process that could not begin in which no other one is started."""

log = logging.getLogger("morello.workers")


class LargeRequests:
    """Who is asked about each large body: `answer` gives nothing where it has to be worked on in this process."""

    def __init__(self, engine: Engine, told: Work, begin: Begin) -> None:
        self.engine = engine
        self.running: Collection[object] = ()
        """The requests that are being answered in this process."""
        self.forwarder = Forwarder()
        self.process = LargeWorker(told, begin)

    async def answer(self, answering: Answering, raw: bytes) -> Response | None:
        """The answer to a request with this body, unpacked, from the other process; None if there is none."""
        if len(self.running) > 1:
            self.process.want()
        if not self.process.serving and not self.process.beginning:
            return None
        assert answering.operation is not None
        call = Call(
            self.engine, answering.operation, answering.dialect_name, answering.scope, answering.receive,
            request_id=answering.request_id, caller=answering.caller,
        )  # fmt: skip
        return await attended(call, self.forwarded(call, answering, raw))  # type: ignore[type-var]

    async def forwarded(self, call: Call, answering: Answering, raw: bytes) -> RelayedAnswer | None:
        if self.process.beginning:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.begun.wait(), PATIENCE)
        if not self.process.serving:
            return None
        self.process.use()
        self.engine.calls.discard(call)  # when the server ends, the other process tells its callers so itself
        return await self.forwarder.forward(call, answering, raw, self.process.port)

    def finish(self, *, now: bool = False) -> None:
        """The server ends: the process finishes what it has, or ends at once."""
        self.process.tell(now=now)

    async def close(self, seconds: float) -> None:
        """Wait for the end of the process, for `seconds` at most."""
        await self.forwarder.close()
        await asyncio.to_thread(self.process.end, seconds)


class LargeWorker:
    """The process. A thread starts it, waits with it, and sees it end; all else happens on the loop.

    `told` is what a worker beside this server would be told; `begin` starts one.
    """

    def __init__(self, told: Work, begin: Begin) -> None:
        address = replace(told.address, host=LOOPBACK, tls_cert=None, tls_key=None)
        self._told = replace(told, address=address, cors_origins=(), large=True)
        self._begin = begin
        self.port = 0
        self.serving = False
        self.begun = asyncio.Event()
        """It serves, or has failed to begin."""
        self._living: threading.Thread | None = None
        self._process: Any = None
        self._pipe: Any = None
        self._stopped = False
        self._rests_until = 0.0
        self._used_at = 0.0

    @property
    def beginning(self) -> bool:
        """Whether it has been started, and does not serve yet."""
        return self._living is not None and not self.begun.is_set()

    def want(self) -> None:
        """Start the process, unless one lives, or one has just failed to begin, or the server ends."""
        if self._living is None and not self._stopped and time.monotonic() >= self._rests_until:
            loop = asyncio.get_running_loop()
            self.begun.clear()
            self._living = threading.Thread(target=self._live, args=(loop,), name="large-requests", daemon=True)
            self._living.start()

    def use(self) -> None:
        self._used_at = time.monotonic()

    def tell(self, *, now: bool = False) -> None:
        """Have the process finish what it has, or end at once; no other one is started."""
        self._stopped = True
        self._say(now=now)

    def _say(self, *, now: bool) -> None:
        self.serving = False
        if self._pipe is not None:
            with contextlib.suppress(OSError):  # it has ended already
                self._pipe.send(NOW if now else FINISH)

    def end(self, seconds: float) -> None:
        """Wait until the process has ended; after `seconds` it is killed."""
        living, process = self._living, self._process
        if living is not None:
            living.join(seconds)
        if living is not None and living.is_alive() and process is not None:
            process.kill()
            living.join(seconds)

    # ---- in the thread ----------------------------------------------------------------------------------------

    def _live(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            served = self._begun(loop)
        except OSError as error:
            log.error("No process for large requests can be started: %s", error)
            served = False
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self._ended, served)

    def _begun(self, loop: asyncio.AbstractEventLoop) -> bool:
        """The life of the process, from here. Returns whether it has served."""
        served = False
        with bound(Address(LOOPBACK, 0)) as listener:
            self.port = listener.getsockname()[1]
            self._process, self._pipe = self._begin(self._told, listener)
        if self._stopped:
            self._say(now=True)
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._pipe.recv()
                served = True
                loop.call_soon_threadsafe(self._serves, loop)
        self._process.join()
        self._pipe.close()
        return served

    # ---- on the loop ------------------------------------------------------------------------------------------

    def _serves(self, loop: asyncio.AbstractEventLoop) -> None:
        self.serving = not self._stopped
        self.begun.set()
        log.info("Requests with large bodies have a process of their own now.")
        self.use()
        loop.call_later(IDLE, self._look, loop, self._process)

    def _look(self, loop: asyncio.AbstractEventLoop, process: Any) -> None:
        """Is it still needed?"""
        if process is not self._process or not self.serving:
            return
        left = self._used_at + IDLE - time.monotonic()
        if left > 0:
            loop.call_later(left, self._look, loop, process)
        else:
            self._say(now=False)

    def _ended(self, served: bool) -> None:
        process, expected = self._process, not self.serving
        self._living = self._process = self._pipe = None
        self.serving = False
        self.begun.set()
        if self._stopped or (served and expected):
            return
        if not served:
            self._rests_until = time.monotonic() + REST
        log.error("The process for large requests ended (%s).", how(process.exitcode) if process is not None else "-")
