"""Serving: uvicorn around the app, the table at the start, and an orderly end.

Ctrl-C closes the door, gives what is running five seconds, then ends it with an error of the caller's own kind; a
second Ctrl-C ends at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from .app import Morello
from .engine.configuration import Configuration
from .engine.contract import favour_the_loop
from .engine.errors import ConfigurationError
from .engine.guard import GuardedProtocol
from .engine.upstream import raise_descriptor_limit
from .security import Access
from .version import VERSION

GRACE = 5.0
"""Seconds that running calls have after the door is closed."""
LAST_WORDS = 2.0
"""Seconds in which their last frames reach slow readers."""


@dataclass(frozen=True)
class Address:
    """Where the server listens, and how callers reach it."""

    host: str
    port: int
    root_path: str = ""
    tls_cert: Path | None = None
    tls_key: Path | None = None

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls_cert else 'http'}://{host}:{self.port}{self.root_path}"


@dataclass
class Notice:
    """What the table at the start shows."""

    address: Address
    access: Access
    configuration: Configuration
    workers: int = 1

    def lines(self) -> Iterable[str]:
        """Each provider, on, or off and why; the address; the documentation; where the key is."""
        yield f"Morello {VERSION}"
        yield ""
        providers = self.configuration.providers
        width = max((len(name) for name in providers), default=0)
        for name, provider in providers.items():
            said = f"off  {provider.off}" if provider.off else f"on   {provider.type}, {self.models(provider)}"
            yield f"  {name.ljust(width)}  {said}"
        yield ""
        for warning in self.configuration.warnings:
            if " P002 " in warning:  # a provider whose variable is not set: the table says so already
                continue
            yield f"  warning  {warning}"
        yield f"  address  {self.address.url}"
        yield f"  docs     {self.address.url}/api-docs"
        yield f"  key      {self.key()}"
        if self.workers > 1:
            yield f"  workers  {self.workers}"

    def show(self) -> None:
        print(*self.lines(), sep="\n", file=sys.stderr, flush=True)  # noqa: T201 - for who started it

    @staticmethod
    def models(provider: Any) -> str:
        if provider.any_model:
            return "any model"
        return f"{len(provider.models)} model{'s' if len(provider.models) != 1 else ''}"

    def key(self) -> str:
        access = self.access
        if access.keys is None:
            return "none is asked for (--no-auth)"
        opened = f"; none for {' '.join(access.open_paths)}" if access.open_paths else ""
        return self.where_it_is() + opened

    def where_it_is(self) -> str:
        access = self.access
        if access.fresh:
            return f"{access.fresh}   (made just now, shown this once; kept in {access.file})"
        if access.file:
            return f"in {access.file}   (morello key --show)"
        return f"from {', '.join(access.sources)}"


class Server(uvicorn.Server):
    """uvicorn, with calls ended in their own words when the time is up. `begun` is called once it serves."""

    def __init__(self, config: uvicorn.Config, morello: Morello, begun: Callable[[], object]) -> None:
        super().__init__(config)
        self.morello = morello
        self.begun = begun
        if morello.large is not None:
            morello.large.running = self.server_state.tasks

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            favour_the_loop()
            self.begun()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal. Who is cut off by the second Ctrl-C was meant to be: uvicorn need not show where."""
        super().handle_exit(sig, frame)
        if self.force_exit:
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
            if self.morello.large is not None:
                self.morello.large.finish(now=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        large = self.morello.large
        last = asyncio.get_running_loop().call_later(GRACE, self.morello.engine.interrupt_calls)
        if large is not None:
            large.finish()
        try:
            await super().shutdown(sockets)
        finally:
            last.cancel()
            if large is not None:
                await large.close(0.0 if self.force_exit else LAST_WORDS)


def serve(morello: Morello, address: Address, access: Access, *, log_level: str = "info") -> int:
    """Serve until the end is asked for. Returns the exit status; raises ConfigurationError if the port is taken."""
    configure_logging(log_level)
    raise_descriptor_limit()
    listener = bound(address)
    actual = replace(address, port=listener.getsockname()[1])
    server = Server(settings(morello, address), morello, Notice(actual, access, morello.configuration).show)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    return 0 if server.started else 1


def settings(morello: Morello, address: Address) -> uvicorn.Config:
    """How uvicorn serves the gateway, alone or as one worker of several."""
    return uvicorn.Config(
        morello.asgi, interface="asgi3", loop="auto", http=GuardedProtocol, ws="none", lifespan="on", access_log=False,
        log_config=None, log_level="warning", root_path=address.root_path, server_header=False, date_header=True,
        proxy_headers=False, timeout_keep_alive=75, timeout_graceful_shutdown=int(GRACE + LAST_WORDS), backlog=2048,
        ssl_certfile=str(address.tls_cert) if address.tls_cert else None,
        ssl_keyfile=str(address.tls_key) if address.tls_key else None,
    )  # fmt: skip


def bound(address: Address) -> socket.socket:
    """The listening socket. Raises ConfigurationError in one clear line where the address cannot be had."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"Port {address.port} on {address.host} is in use.",
                hint="Choose another with --port, or end what uses it.",
            ) from error
        reason = error.strerror or str(error)
        raise ConfigurationError(f"{address.host}:{address.port} cannot be listened on: {reason}.") from error
    listener.set_inheritable(True)
    return listener


def configure_logging(level: str) -> None:
    """Our own words on stderr at `level`; those of the libraries only when something is wrong."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%H:%M:%S", level="WARNING")
    logging.getLogger("morello").setLevel(level.upper())
