"""A process that serves for another one: one of several, or the one that answers requests with large bodies.

Processes are spawned, never forked, so it is the same everywhere, and told what to do by a pipe. One whose parent has
died finishes what it has.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import FrameType

from . import health
from .app import CONTRACT, Morello
from .engine.checked_templates import CheckedTemplates
from .engine.configuration import load_configuration
from .engine.contract import kept_document
from .engine.errors import ConfigurationError
from .engine.request_log import RequestLog
from .engine.resources import state_folder
from .engine.upstream import raise_descriptor_limit
from .large_requests import LargeRequests
from .server import Server, configure_logging, settings
from .work import NOW, SERVING, Work

spawn = get_context("spawn")
log = logging.getLogger("morello.workers")


class WorkerServer(Server):
    """The server in a worker. It obeys the pipe; Ctrl-C is the parent's business, SIGTERM ends this worker alone."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig != signal.SIGINT:
            self.should_exit = True

    def obey(self, pipe: Connection) -> None:
        """Do what the parent says, until it is gone. Runs in a thread of its own."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                if pipe.recv() == NOW:
                    self.should_exit = self.force_exit = True
                    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
                self.should_exit = True
        self.should_exit = True


def work(told: Work, listener: socket.socket, pipe: Connection) -> None:
    """The whole life of a worker. Ends the process with 1 if it could not begin."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what the server puts back when it has ended, while threads end
    configure_logging(told.log_level)
    raise_descriptor_limit()
    health.STARTED = told.started
    try:
        checked = CheckedTemplates(state_folder(os.environ) / "checked-templates")
        configuration = load_configuration(told.home, os.environ, checked)
        document = kept_document(CONTRACT, state_folder(os.environ) / "contract.json")
        morello = Morello(
            configuration, told.access, document=document, cors_origins=told.cors_origins, log=RequestLog()
        )
    except ConfigurationError as error:
        log.error("A worker cannot begin: %s", error)
        sys.exit(1)
    if told.large:
        morello.engine.looks_ahead = False
        give_way()
    else:
        morello.large = LargeRequests(morello.engine, told, spawned)
    server = WorkerServer(settings(morello, told.address), morello, lambda: pipe.send(SERVING))
    threading.Thread(target=server.obey, args=(pipe,), name="parent", daemon=True).start()
    server.run(sockets=[listener])
    sys.exit(0 if server.started else 1)


def give_way() -> None:
    """Where the cores are busy, this process waits rather than the one that answers everybody else."""
    if hasattr(os, "nice"):
        os.nice(5)


def spawned(told: Work, listener: socket.socket) -> tuple[SpawnProcess, Connection]:
    """A worker that has just begun, and our end of its pipe.

    Ctrl-C, which a terminal sends to all, is blocked in it from its first moment.
    """
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=work, args=(told, listener, theirs), name="morello-worker", daemon=told.large)
    blocks = hasattr(signal, "pthread_sigmask")
    if blocks:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        if blocks:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    theirs.close()
    return process, ours
