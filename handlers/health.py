"""Whether the gateway is up, and where to go from its root: the operations under the tag `health`."""

from __future__ import annotations

import time

import orjson

from .engine.answers import JSON_HEADERS, Answer
from .engine.call import Call
from .version import VERSION

STARTED = time.monotonic()


async def get_health(call: Call) -> Answer:
    """Say that we live. Nothing is asked of any provider."""
    body = {"status": "ok", "version": VERSION, "uptime": round(time.monotonic() - STARTED, 3)}
    return Answer(200, JSON_HEADERS, orjson.dumps(body))


async def get_hello(call: Call) -> Answer:
    """Say hello to clients that look whether anybody is there before they ask for anything."""
    return Answer(200, JSON_HEADERS, b'{"message":"hello"}')


async def get_root(call: Call) -> Answer:
    """What this is, and where its contract and its documentation are."""
    prefix = call.scope.get("root_path", "")
    body = {
        "name": "Morello", "version": VERSION,
        "documentation": f"{prefix}/api-docs", "contract": f"{prefix}/api-docs.json",
    }  # fmt: skip
    return Answer(200, JSON_HEADERS, orjson.dumps(body))
