"""Real servers for tests: a gateway for a home folder, and providers, each on its own port and in its own thread."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from handlers.app import Morello
from handlers.engine.configuration import load_configuration
from handlers.engine.guard import GuardedProtocol
from handlers.security import Access, Keys

KEY = "test-key-of-the-gateway"
NAME = "tester"
READY_WITHIN = 20.0


@contextlib.contextmanager
def served(app: Any, **options: Any) -> Iterator[str]:
    """The base URL of an ASGI app that uvicorn serves in a thread until the block ends."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, interface="asgi3", log_level="critical", access_log=False, ws="none",
        **{"lifespan": "on", "timeout_graceful_shutdown": 1, "http": GuardedProtocol, **options},
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    ready = threading.Event()
    started = server.startup

    async def startup(sockets: Any = None) -> None:
        await started(sockets)
        ready.set()

    server.startup = startup  # type: ignore[method-assign]
    thread.start()
    assert ready.wait(READY_WITHIN), "the server did not start"
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(READY_WITHIN)
        listener.close()


def access() -> Access:
    """One caller, `tester`, with KEY."""
    return Access(Keys({NAME: [KEY]}))


def morello_of(home: Path, environment: dict[str, str] | None = None, **options: Any) -> Morello:
    """The gateway for a home folder, not yet served."""
    return Morello(load_configuration(home, environment or {}), access(), **options)


def home_with(folder: Path, providers_yaml: str) -> Path:
    """A home folder that holds one providers.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "providers.yaml").write_text(providers_yaml, "utf-8")
    return folder


@contextlib.contextmanager
def gateway(folder: Path, providers_yaml: str, **options: Any) -> Iterator[str]:
    """The base URL of a gateway with this providers.yaml."""
    with served(morello_of(home_with(folder, providers_yaml), **options).asgi) as url:
        yield url


