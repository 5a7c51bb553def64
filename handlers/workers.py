"""`morello serve --workers N`: one listening socket, N processes that serve on it, a parent that keeps them there.

The parent reads the configuration, makes the key, opens the door, and says so once all workers serve; it answers
nothing itself. A worker that ends is replaced, which the log tells. Ctrl-C and SIGTERM reach the parent alone: it
closes the door and has every worker finish as a single gateway does; a second Ctrl-C ends them at once. Workers whose
parent has died finish, too (worker.py). uvicorn's own supervisor signals workers twice when a terminal sends Ctrl-C,
and leaves them orphans when it dies.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from . import health
from .engine.configuration import Configuration
from .engine.errors import ConfigurationError
from .security import Access
from .server import GRACE, LAST_WORDS, Address, Notice, bound, configure_logging
from .work import FINISH, NOW, Work, how
from .worker import spawn, spawned

MOST_WORKERS = 256
PATIENCE = GRACE + LAST_WORDS + 5.0
"""Seconds until a worker that was told to finish is killed."""
SHORT_LIFE = 10.0
"""A worker that lived for fewer seconds is replaced only after a while, which doubles up to LONGEST_WAIT."""
LONGEST_WAIT = 30.0

log = logging.getLogger("morello.workers")


@dataclass
class Worker:
    process: SpawnProcess
    pipe: Connection
    began: float = field(default_factory=time.monotonic)
    serving: bool = False

    def tell(self, word: str) -> None:
        with contextlib.suppress(OSError):  # it has ended already
            self.pipe.send(word)


class Supervisor:
    """Keeps `count` workers at their work until the end is asked for."""

    def __init__(self, told: Work, listener: socket.socket, count: int, notice: Notice) -> None:
        self.told, self.listener, self.count, self.notice = told, listener, count, notice
        self.workers: list[Worker] = []
        self.due: list[float] = []  # when workers that were lost are to be replaced
        self.short_lives = 0
        self.shown = self.stopping = self.failed = False
        self.deadline = float("inf")
        self.signals, self.told_of_signal = spawn.Pipe(duplex=False)

    def run(self) -> int:
        """Returns the exit status: 1 if a worker could not even begin, else 0."""
        with self.signals_caught():
            for _ in range(self.count):
                self.begin()
            while self.workers or (self.due and not self.stopping):
                self.look()
        self.listener.close()
        return 1 if self.failed else 0

    @contextlib.contextmanager
    def signals_caught(self) -> Iterator[None]:
        kinds = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(kind, lambda kind, _frame: self.told_of_signal.send(kind)) for kind in kinds]
        try:
            yield
        finally:
            for kind, handler in zip(kinds, before, strict=True):
                signal.signal(kind, handler)

    def begin(self) -> None:
        self.workers.append(Worker(*spawned(self.told, self.listener)))

    def look(self) -> None:
        """Wait until something happens, and do what it asks for."""
        pipes = {worker.pipe: worker for worker in self.workers if not worker.pipe.closed}
        ends = {worker.process.sentinel: worker for worker in self.workers}
        moment = min([self.deadline, *self.due])
        timeout = None if moment == float("inf") else max(0.0, moment - time.monotonic())
        for thing in wait([self.signals, *pipes, *ends], timeout):
            if thing is self.signals:
                self.signalled(self.signals.recv())
            elif isinstance(thing, Connection):
                self.heard(pipes[thing])
            elif isinstance(thing, int):
                self.ended(ends[thing])
        now = time.monotonic()
        if now >= self.deadline:
            for worker in self.workers:
                worker.process.kill()
            self.deadline = float("inf")
        while self.due and self.due[0] <= now and not self.stopping:
            self.due.pop(0)
            self.begin()

    def heard(self, worker: Worker) -> None:
        try:
            worker.pipe.recv()
        except (EOFError, OSError):
            worker.pipe.close()
            return
        worker.serving = True
        if not self.shown and not self.stopping and all(one.serving for one in self.workers):
            self.shown = True
            self.notice.show()

    def ended(self, worker: Worker) -> None:
        self.workers.remove(worker)
        worker.process.join()
        worker.pipe.close()
        if self.stopping:
            return
        if not self.shown:  # it never worked; what is wrong with one is wrong with all
            log.error("Worker %d ended (%s) before it served.", worker.process.pid, how(worker.process.exitcode))
            self.failed = True
            self.finish()
            return
        lived = time.monotonic() - worker.began
        self.short_lives = self.short_lives + 1 if lived < SHORT_LIFE else 0
        pause = min(LONGEST_WAIT, 2.0 ** (self.short_lives - 1)) if self.short_lives else 0.0
        self.due = sorted([*self.due, time.monotonic() + pause])
        log.error("Worker %d ended (%s); another takes its place%s.", worker.process.pid, how(worker.process.exitcode),
                  f" in {pause:.0f} s" if pause else "")  # fmt: skip

    def signalled(self, kind: int) -> None:
        if not self.stopping:
            self.finish()
        elif kind == signal.SIGINT:
            for worker in self.workers:
                worker.tell(NOW)

    def finish(self) -> None:
        """Close the door, and have every worker do the same and finish what it has."""
        self.stopping = True
        self.deadline = time.monotonic() + PATIENCE
        self.listener.close()
        for worker in self.workers:
            worker.tell(FINISH)


def serve_with_workers(
    configuration: Configuration, address: Address, access: Access, count: int, *, cors_origins: tuple[str, ...] = (),
    log_level: str = "info",
) -> int:  # fmt: skip
    """Serve until the end is asked for. Returns the exit status; raises ConfigurationError if the port is taken."""
    if not 1 <= count <= MOST_WORKERS:
        raise ConfigurationError(f"--workers {count} is not a number of processes.", hint=f"1 to {MOST_WORKERS}.")
    configure_logging(log_level)
    listener = bound(address)
    address = replace(address, port=listener.getsockname()[1])
    notice = Notice(address, access, configuration, count)
    known = replace(access, fresh=None)
    told = Work(configuration.resources.home, address, known, cors_origins, log_level, health.STARTED)
    return Supervisor(told, listener, count, notice).run()
