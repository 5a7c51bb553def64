"""What the parser of answers leaves to others: its strictness, folded lines, where a body ends, how its errors read."""

from __future__ import annotations

import os
import re
import select
from typing import TYPE_CHECKING, Any

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from .bodies import Headers
    from .connections import Connection

FOLDED = re.compile(rb"\r?\n(?=[ \t])")
INTERIM = re.compile(rb"HTTP/1\.[01] 1\d\d")
HEAD_END = re.compile(rb"\r?\n\r?\n")


def parser_for(connection: Connection) -> Any:
    """A parser that takes what other clients take: lines that end with LF, blanks behind the size of a chunk."""
    parser = HttpResponseParser(connection)
    parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True)
    return parser


def unfolded(data: bytes) -> bytes | None:
    """Bytes of an answer with the folded lines of its head joined; None if there are none.

    Lines that go on in the next one are obsolete (RFC 9112, section 5.2), and the parser does not take them.
    """
    start = 0
    while (end := HEAD_END.search(data, start)) is not None and INTERIM.match(data, start):
        start = end.end()
    stop = len(data) if end is None else end.start()
    head, count = FOLDED.subn(b"", data[start:stop])
    return data[:start] + head + data[stop:] if count else None


def told(error: BaseException) -> str:
    """What is wrong, in the words of a callback of ours or the parser's."""
    inner = error.__context__
    text = str(inner) if isinstance(inner, HttpParserError) else str(error)
    return "a change of the protocol" if isinstance(error, HttpParserUpgrade) else text


def ends_with_connection(headers: Headers) -> bool:
    """Whether a body has neither a length nor chunks."""
    return not any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in headers)


def poll_of(transport: asyncio.Transport) -> Any:
    """A function that tells whether something waits at a transport's socket."""
    descriptor = transport.get_extra_info("socket").fileno()
    if not hasattr(select, "poll"):
        return lambda _: select.select([descriptor], [], [], 0)[0]
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return poll.poll


def rest_of(transport: asyncio.Transport) -> Iterator[bytes]:
    """What has arrived and was not read when a loop gave up the connection, as writing had failed.

    Servers refuse a request and close with the rest of it unread, which resets the connection: they have answered.
    """
    socket = transport.get_extra_info("socket")
    try:
        while data := os.read(socket.fileno(), 65536):
            yield data
    except (AttributeError, OSError):
        return  # it is closed already, or has said all
