"""Refusing a request that is still being sent, so that its sender gets to read why.

A connection closed with bytes unread is reset, and a reset can overtake the answer. So the answer goes out first, what
still comes is thrown away for a moment, and then the connection ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Receive, Scope

SECONDS = 1.0
MOST_BYTES = 16 << 20

Respond = Callable[[Scope, Receive, Any], Awaitable[None]]


async def linger(response: Respond, scope: Scope, receive: Receive, send: Any) -> None:
    """Send a whole response, hold back only its end, and read on for a moment before that."""

    async def held(message: Any) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            await send({"type": "http.response.body", "body": message.get("body", b""), "more_body": True})
            await _drain(receive)
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    await response({**scope, "extensions": {}}, receive, held)  # told as start and end, whatever the server can do


async def _drain(receive: Receive) -> None:
    read = 0
    try:
        async with asyncio.timeout(SECONDS):
            while read < MOST_BYTES:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
                read += len(message.get("body", b""))
    except TimeoutError:
        return
