"""What the log says a request took is all of its time, also what it spent waiting for its turn."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
from serving import KEY, home_with, morello_of

from handlers.engine.request_log import RequestLog
from handlers.engine.upstreams import Upstreams

HOME = "providers: {o: {type: openai, base_url: 'http://127.0.0.1:1', models: any}}\n"
SAID = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [
    {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}  # fmt: skip


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.time = SimpleNamespace(
            perf_counter=lambda: self.now, time=time.time, strftime=time.strftime, localtime=time.localtime
        )


class Slow(httpx.AsyncBaseTransport):
    """A provider to whom a request gets only after three seconds, as where all connections are taken."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.clock.now += 3
        return httpx.Response(200, json=SAID)


def test_waiting_before_the_work_counts_defect_178(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the body, and for the provider's turn: nothing that a caller waits for is left out of the figure."""
    clock, written = Clock(), []
    for module in ("contract.middleware", "request_log"):
        monkeypatch.setattr(f"handlers.engine.{module}.time", clock.time)

    async def scenario() -> None:
        log = RequestLog(written.append)
        app = morello_of(home_with(tmp_path, HOME), upstreams=Upstreams({"o": Slow(clock)}), log=log).asgi
        body = orjson.dumps({"model": "o:m", "messages": [{"role": "user", "content": "hi"}]})
        incoming = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not incoming:
                await asyncio.Event().wait()
            clock.now += 4
            return incoming.pop()

        async def send(message: dict[str, Any]) -> None:
            pass

        headers = [(b"content-type", b"application/json"), (b"authorization", f"Bearer {KEY}".encode())]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": "/v1/chat/completions", "raw_path": b"/v1/chat/completions", "query_string": b"", "root_path": "",
            "headers": headers, "client": ("127.0.0.1", 0), "server": ("127.0.0.1", 0), "state": {}, "extensions": {},
        }  # fmt: skip
        await app(scope, receive, send)
        log.close()

    asyncio.run(scenario())
    assert re.search(r" o:m 200 7000ms", "".join(written)), written
