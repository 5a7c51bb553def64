"""A provider as far as an Upstream looks at one, and the ways tests drive it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

from handlers.engine.errors import UpstreamError
from handlers.engine.providers import Connections, Retries, Timeout, Tls
from handlers.engine.upstream import Upstream

loop_factory: Any = None
"""Makes the event loop of `run`; each test has both kinds (conftest.py)."""
HEADERS = [(b"authorization", b"Bearer secret-key"), (b"content-type", b"application/json")]


def settings(**changes: Any) -> Any:
    """A provider with the defaults of the real ones, but for what a test changes."""
    plain = {
        "id": "mock", "timeout": Timeout(), "retries": Retries(), "trust_env": False, "proxy": None, "tls": Tls(),
        "http2": False, "connections": Connections(), "auth": None, "off": None,
    }  # fmt: skip
    return SimpleNamespace(**plain | changes)


def run(coroutine: Coroutine[Any, Any, Any], seconds: float = 20) -> Any:
    """Run a test's coroutine; none takes longer than `seconds`."""

    async def limited() -> Any:
        async with asyncio.timeout(seconds):
            return await coroutine

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(limited())


def asked(url: str, *, method: str = "POST", body: bytes = b"{}", headers: Any = HEADERS, **changes: Any) -> Any:
    """Ask once, read the whole answer: (status, headers, body), or the UpstreamError."""

    async def ask() -> Any:
        upstream = Upstream(settings(**changes))
        try:
            answer = await upstream.open(method, url, headers, body)
            return answer.status, answer.headers, await answer.read()
        except UpstreamError as error:
            return error
        finally:
            await upstream.aclose()

    return run(ask())
