"""uvicorn's HTTP protocol with limits that it does not have: on the size of a request's head, and on the time it takes.

Without them a caller can hold a connection for ever by sending a byte now and then, or fill the memory with headers.
What is refused here never reaches the app, so the refusal is plain JSON in nobody's dialect.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from .call import LEAVING

MOST_HEAD_BYTES = 64 << 10
"""Request line and headers together."""
MOST_HEADERS = 200
HEAD_SECONDS = 10.0
"""From a request's first byte (or the connection's beginning) to the end of its headers."""
UNREAD_SECONDS = 10.0
"""What is left of a body when the answer is complete already may take this long."""


class GuardedProtocol(HttpToolsProtocol):
    """HTTP/1.1 on httptools, for uvicorn's `http=`."""

    most_head_bytes = MOST_HEAD_BYTES
    most_headers = MOST_HEADERS
    head_seconds = HEAD_SECONDS
    unread_seconds = UNREAD_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head = False
        self._in_message = False
        self._has_cycle = False
        self._head_bytes = 0
        self._reading = 0
        self._refused = False
        self._leaving: set[Callable[[], None]] = set()
        self._extensions = {LEAVING: self._leaving}

    # ---- the connection ---------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._arm(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)
        self._tell_of_leaving()

    def data_received(self, data: bytes) -> None:
        """Bytes from the caller: only a head that is still incomplete after them needs watching."""
        if self._refused:
            return
        self._reading = len(data)
        super().data_received(data)
        if self._in_head and not self._refused:
            self._head_bytes += self._reading
            if self._head_bytes > self.most_head_bytes:
                self._refuse(431, f"The headers of the request are larger than {self.most_head_bytes >> 10} KB.")
            elif self._deadline is None:
                self._arm(self.head_seconds)

    # ---- a request ----------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]
        self._in_head = self._in_message = True
        self._has_cycle = False
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._disarm()
        if len(self.headers) > self.most_headers or self._head_is_too_large():
            self._refuse(431, f"The request has more than {self.most_headers} headers, or more than "
                              f"{self.most_head_bytes >> 10} KB of them.")  # fmt: skip
            return
        super().on_headers_complete()
        self._has_cycle = True

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_message = False
        if self._refused:
            return
        self._disarm()
        super().on_message_complete()
        if self.cycle.response_complete:  # answered before it was read; uvicorn's own timer is gone by now
            self._arm(self.timeout_keep_alive)

    def on_response_complete(self) -> None:
        """The answer is out. A body that is still coming is thrown away, but not for ever."""
        super().on_response_complete()
        if self._in_message and not self._in_head and not self.transport.is_closing():
            self._arm(self.unread_seconds)

    def _head_is_too_large(self) -> bool:
        """Counted exactly only where the bytes that were read leave it open."""
        if self._head_bytes + self._reading <= self.most_head_bytes:
            return False
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > self.most_head_bytes

    # ---- refusals -----------------------------------------------------------------------------------------------

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self._too_slow)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self._in_head:
            self._refuse(408, "The request came too slowly.")
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """uvicorn's own refusal of what is no HTTP."""
        if not self._refused:
            self._refuse(400, msg)

    def _refuse(self, status: int, message: str) -> None:
        self._refused = True
        self._disarm()
        if self._may_answer():
            body = orjson.dumps({"error": {"type": "invalid_request", "message": message, "status": status}})
            name = b"req_" + os.urandom(12).hex().encode()
            lines = (b"content-type: application/json\r\ncontent-length: %d\r\nrequest-id: %s\r\nx-request-id: %s\r\n"
                     b"connection: close\r\n\r\n") % (len(body), name, name)  # fmt: skip
            self.transport.write(STATUS_LINE[status] + lines + body)
        self.transport.close()

    def _may_answer(self) -> bool:
        """Whether a refusal would not land in the middle of another answer, or in front of one that is still due."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return True
        if not self._has_cycle or self.pipeline or cycle.response_started:
            return False
        cycle.disconnected = True  # this request has begun; whoever works on it finds nobody there
        cycle.message_event.set()
        self._tell_of_leaving()
        return True

    def _tell_of_leaving(self) -> None:
        for left in tuple(self._leaving):
            left()
