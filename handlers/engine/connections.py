"""aiohttp's pool of connections, with one more look at a connection before it is used again."""

from __future__ import annotations

import select
from typing import Any

import aiohttp


class Connector(aiohttp.TCPConnector):
    """A pool that hands out no connection on which something waits to be read.

    An idle connection that is readable has been closed by its peer, or holds an answer that nobody asked for. The event
    loop would notice in its next round; a request written before that is lost, and must not be sent again.
    """

    async def _get(self, key: Any, traces: Any) -> aiohttp.connector.Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            protocol = connection.protocol
            if protocol is not None and not protocol.should_close and not readable(protocol.transport):
                return connection
            connection.close()
        return None


def readable(transport: Any) -> bool:
    """Whether bytes, or the end, wait at a transport's socket."""
    socket = transport.get_extra_info("socket") if transport is not None else None
    descriptor = socket.fileno() if socket is not None else -1
    if descriptor < 0:
        return False
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])


def raise_descriptor_limit() -> tuple[int, int]:
    """Allow this process as many open files as the system lets it: (before, after); (0, 0) where there is no limit."""
    try:
        import resource  # noqa: PLC0415 - does not exist on Windows
    except ImportError:
        return 0, 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS calls its hard limit unlimited and refuses more than this.
    wanted = 10240 if hard == resource.RLIM_INFINITY else hard
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft, soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return soft, soft
    return soft, wanted
