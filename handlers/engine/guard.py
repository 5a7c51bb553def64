"""uvicorn's HTTP protocol with limits that it does not have: on the size of a request's head, and on the time it takes.

Without them a caller can hold a connection for ever by sending a byte now and then, or fill the memory with headers.
What is refused here never reaches the app, so the refusal is plain JSON in nobody's dialect.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import httptools
import orjson
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, service_unavailable
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from .call import LEAVING
from .cycle import WHOLE, Cycle

MOST_HEAD_BYTES = 64 << 10
"""Request line and headers together."""
MOST_HEADERS = 200
HEAD_SECONDS = 10.0
"""From a request's first byte (or the connection's beginning) to the end of its headers."""
UNREAD_SECONDS = 10.0
"""What is left of a body when the answer is complete already may take this long."""


KNOWN_URLS = 1024
LONGEST_KNOWN_URL = 256

known_urls: dict[bytes, tuple[str, bytes, bytes]] = {}
"""Path, raw path and query of the URLs that were asked for of late: callers ask for the same few."""


class GuardedProtocol(HttpToolsProtocol):
    """HTTP/1.1 on httptools, for uvicorn's `http=`."""

    most_head_bytes = MOST_HEAD_BYTES
    most_headers = MOST_HEADERS
    head_seconds = HEAD_SECONDS
    unread_seconds = UNREAD_SECONDS
    cycle: Cycle | None  # type: ignore[assignment]
    pipeline: deque[tuple[Cycle, Any]]  # type: ignore[assignment]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._idle_since: float | None = None
        self._in_head = False
        self._in_message = False
        self._has_cycle = False
        self._head_bytes = 0
        self._reading = 0
        self._refused = False
        self._leaving: set[Callable[[], None]] = set()
        self._extensions = {LEAVING: self._leaving, WHOLE: {}}
        self._asgi = {"version": self.asgi_version, "spec_version": "2.3"}

    # ---- the connection ---------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._arm(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self._idle is not None:
            self._idle.cancel()
        self.connections.discard(self)
        cycle = self.cycle
        if cycle is not None:
            cycle.disconnected = cycle.disconnected or not cycle.response_complete
            cycle.tell()
        self.flow.resume_writing()
        if exc is None:
            self.transport.close()
        self.parser = None  # type: ignore[assignment]
        self._tell_of_leaving()

    def data_received(self, data: bytes) -> None:
        """Bytes from the caller: only a head that is still incomplete after them needs watching."""
        if self._refused:
            return
        self._reading = len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserUpgrade:
            self._unsupported_upgrade_warning()
        if self._in_head and not self._refused:
            self._head_bytes += self._reading
            if self._head_bytes > self.most_head_bytes:
                self._refuse(431, f"The headers of the request are larger than {self.most_head_bytes >> 10} KB.")
            elif self._deadline is None:
                self._arm(self.head_seconds)

    def _look_whether_idle(self) -> None:
        """One timer serves a connection for all its life: it ends the connection that is idle when it has run out."""
        self._idle = None
        if self._idle_since is None or self.transport.is_closing():
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._idle = self.loop.call_later(left, self._look_whether_idle)
        else:
            self.transport.close()

    # ---- a request ----------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._idle_since = None
        self._in_head = self._in_message = True
        self._has_cycle = False
        self._head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._deadline is not None:
            self._disarm()
        if len(self.headers) > self.most_headers or self._head_is_too_large():
            self._refuse(431, f"The request has more than {self.most_headers} headers, or more than "
                              f"{self.most_head_bytes >> 10} KB of them.")  # fmt: skip
            return
        parser = self.parser
        version = parser.get_http_version()
        cycle = Cycle(
            self, self._scope(version), version != "1.0" and parser.should_keep_alive(), self.expect_100_continue
        )
        app = self._app()
        before, self.cycle = self.cycle, cycle
        if before is None or before.response_complete:
            self._begin(cycle, app)
        else:  # it was sent before the last one was answered
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, app))
        self._has_cycle = True

    def _scope(self, version: str) -> dict[str, Any]:
        path, raw_path, query = known_urls.get(self.url) or _parsed(self.url)
        root = self.root_path
        return {
            "type": "http", "asgi": self._asgi, "http_version": version, "server": self.server, "client": self.client,
            "scheme": self.scheme, "root_path": root, "headers": self.headers, "state": self.app_state.copy(),
            "method": self.parser.get_method().decode("ascii"), "path": root + path,
            "raw_path": root.encode("ascii") + raw_path if root else raw_path, "query_string": query,
            "extensions": self._extensions,
        }  # fmt: skip

    def _app(self) -> Any:
        limit = self.limit_concurrency
        if limit is not None and (len(self.connections) >= limit or len(self.tasks) >= limit):
            self.logger.warning("Exceeded concurrency limit.")
            return service_unavailable
        return self.app

    def _begin(self, cycle: Cycle, app: Any) -> None:
        cycle.task = task = self.loop.create_task(cycle.run(app))
        self.tasks.add(task)

    def on_body(self, body: bytes) -> None:
        if self._refused:
            return
        cycle = self.cycle
        assert cycle is not None
        if not cycle.response_complete:
            cycle.take(body)
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()

    def on_message_complete(self) -> None:
        self._in_message = False
        if self._refused:
            return
        if self._deadline is not None:
            self._disarm()
        cycle = self.cycle
        assert cycle is not None
        if cycle.response_complete:  # answered before it was read: what came of it was no sign of life
            self._rest()
        else:
            cycle.more_body = False
            cycle.tell()

    def on_response_complete(self) -> None:
        """The answer is out. A body that is still coming is thrown away, but not for ever."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self.pipeline:
            self._begin(*self.pipeline.pop())
        else:
            self._rest()
        if self._in_message and not self._in_head:
            self._arm(self.unread_seconds)

    def _rest(self) -> None:
        """Nothing is to be done here until the next request comes, or the connection has been idle for too long."""
        self._idle_since = self.loop.time()
        if self._idle is None:
            self._idle = self.loop.call_later(self.timeout_keep_alive, self._look_whether_idle)

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
        cycle.tell()
        self._tell_of_leaving()
        return True

    def _tell_of_leaving(self) -> None:
        for left in tuple(self._leaving):
            left()


def _parsed(url: bytes) -> tuple[str, bytes, bytes]:
    """Path, raw path and query of a request's URL. Raises httptools' error for one that is none."""
    parsed = httptools.parse_url(url)
    raw_path = parsed.path
    path = raw_path.decode("ascii")
    found = unquote(path) if "%" in path else path, raw_path, parsed.query or b""
    if len(url) <= LONGEST_KNOWN_URL:
        if len(known_urls) >= KNOWN_URLS:
            known_urls.clear()
        known_urls[url] = found
    return found
