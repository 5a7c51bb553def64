"""How events lie in text: server-sent events, one JSON text per line, one JSON array that grows.

A splitter cuts a stream into raw events, terminators included: joined again, its output is its input. A parser reads
one raw event. `streams` gives both by name.
"""

from __future__ import annotations

import re
from typing import Protocol

from .errors import UpstreamError

EVENT_LIMIT = 64 * 1024 * 1024
"""Bytes one event may have: an image in base64 fits, a broken peer does not fill the memory."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

LINE_END = re.compile(rb"\r\n|\n|\r")

Parsed = tuple[str | None, bytes | None]
"""The name of an event, if it has one, and its data; no data: a comment or a blank line."""


class StreamError(UpstreamError):
    """A provider's stream cannot be framed."""

    def __init__(self, message: str, code: str = "stream_invalid") -> None:
        super().__init__(message, code=code, sent=True)


class Splitter(Protocol):
    """Cuts a stream of bytes into its events."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes, give the events they complete. StreamError if one grows beyond the limit, as soon as
        there is none to give before it."""

    def finish(self) -> bytes:
        """What is left at the end of the stream: an event without its terminator, or nothing. StreamError as above."""


def check(rest: bytearray, limit: int) -> None:
    """Whether what has come of an event is still bearable."""
    if len(rest) > limit:
        raise StreamError(f"The provider sent an event of more than {limit} bytes.", "event_too_large")


# ---- server-sent events -----------------------------------------------------------------------------------------

# The end of a line and an empty line. A CR at the end of what has come may yet turn out to be half a CRLF: the event
# leaves without waiting, and the late LF becomes an empty line before the next one, which means nothing.
_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")


class ServerSentEvents:
    """Splits at empty lines; lines end in LF, CRLF or CR."""

    __slots__ = ("_limit", "_rest", "_returns")

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._returns = False

    def feed(self, chunk: bytes) -> list[bytes]:
        if b"\r" in chunk:
            self._returns = True
        if self._rest or self._returns:
            return self._feed_slowly(chunk)
        *whole, rest = chunk.split(b"\n\n")
        if rest:
            self._rest += rest
            if not whole:
                check(self._rest, self._limit)
        return [event + b"\n\n" for event in whole]

    def _feed_slowly(self, chunk: bytes) -> list[bytes]:
        """There is a beginning from before, or a carriage return: search what is joined, but only where it is new."""
        rest = self._rest
        # An end may straddle the seam; no end can begin further back, or it would have been found.
        position = max(0, len(rest) - 3)
        rest += chunk
        events = []
        start = 0
        if self._returns:
            for match in _BLANK_LINE.finditer(rest, position):
                events.append(bytes(rest[start : match.end()]))
                start = match.end()
        else:
            while (end := rest.find(b"\n\n", position) + 2) != 1:
                events.append(bytes(rest[start:end]))
                start = position = end
        del rest[:start]
        if not events:
            check(rest, self._limit)
        return events

    def finish(self) -> bytes:
        check(self._rest, self._limit)
        rest, self._rest = bytes(self._rest), bytearray()
        return rest


def parse_server_sent_event(raw: bytes) -> Parsed:
    """Name and data of one event; several `data:` lines are joined with LF, as the standard says."""
    # Two shapes are nearly all there is; they need no loop.
    if raw[-2:] == b"\n\n" and b"\r" not in raw:
        last = len(raw) - 2
        if raw[:6] == b"data: ":
            if raw.find(b"\n", 6) == last:
                return None, raw[6:last]
        elif raw[:7] == b"event: ":
            line = raw.find(b"\n", 7)
            if raw[line + 1 : line + 7] == b"data: " and raw.find(b"\n", line + 7) == last:
                return raw[7:line].decode("utf-8", "replace"), raw[line + 7 : last]
    return _parse_lines(raw)


def _parse_lines(raw: bytes) -> Parsed:
    name: str | None = None
    data: list[bytes] = []
    for line in LINE_END.split(raw.removeprefix(BYTE_ORDER_MARK)):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace") or None
    return name, b"\n".join(data) if data else None


# ---- one JSON text per line -------------------------------------------------------------------------------------


class JsonLines:
    """Splits at LF; a CR before it is white space to JSON."""

    __slots__ = ("_limit", "_rest")

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        self._limit = limit
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        *lines, rest = chunk.split(b"\n")
        if not lines:
            self._rest += chunk
            check(self._rest, self._limit)
        else:
            first = bytes(self._rest) + lines[0] if self._rest else lines[0]
            lines = [line + b"\n" for line in (first, *lines[1:])]
            self._rest = bytearray(rest)
        return lines

    def finish(self) -> bytes:
        check(self._rest, self._limit)
        rest, self._rest = bytes(self._rest), bytearray()
        return rest


def parse_json_line(raw: bytes) -> Parsed:
    """The JSON text of one line; an empty line has no data."""
    return None, raw.removeprefix(BYTE_ORDER_MARK).strip() or None


# ---- one JSON array that grows ----------------------------------------------------------------------------------

_OUTSIDE = re.compile(rb'["{}\[\]]')
_INSIDE = re.compile(rb'["\\]')
_BETWEEN = re.compile(rb"(?:[\[,]\s*|[\s\x1e0-9]*)(?=\{)")


class JsonArray:
    """Splits an array where one of its objects ends; brackets and commas stay with the object that follows them.

    A lone object instead of the array is one event: that is how errors come. So are several without an array, on as
    many lines as they like, with a length or a record separator before each.
    """

    __slots__ = ("_depth", "_floor", "_limit", "_position", "_rest", "_string")

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._position = 0
        self._string = False
        self._depth = 0
        self._floor = -1
        """How deep an element stands: 1 inside an array, 0 where there is none, -1 while unknown."""

    def feed(self, chunk: bytes) -> list[bytes]:
        rest = self._rest
        rest += chunk
        events = []
        start = 0
        while (end := self._next_end()) >= 0:
            events.append(bytes(rest[start:end]))
            start = end
        del rest[:start]
        self._position -= start
        if not events:
            check(rest, self._limit)
        return events

    def _next_end(self) -> int:
        """Scan on; the position after the next complete element, or -1."""
        rest = self._rest
        while True:
            found = (_INSIDE if self._string else _OUTSIDE).search(rest, self._position)
            if found is None:
                self._position = max(self._position, len(rest))
                return -1
            byte = found.group()
            self._position = found.end()
            if byte == b"\\":
                self._position += 1
            elif byte == b'"':
                self._string = not self._string
            elif byte in b"{[":
                if self._floor < 0:
                    self._floor = int(byte == b"[")
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth == self._floor:
                    return self._position

    def finish(self) -> bytes:
        check(self._rest, self._limit)
        rest, self._rest, self._position = bytes(self._rest), bytearray(), 0
        return rest


def parse_array_element(raw: bytes) -> Parsed:
    """The JSON text of one element, without what stands before it: the array's bracket and commas, or the length or
    the record separator (RFC 7464) that some put before each object instead of an array around them."""
    text = raw.removeprefix(BYTE_ORDER_MARK).strip()
    if (between := _BETWEEN.match(text)) is not None:
        text = text[between.end() :]
    elif text[:1] in (b"[", b",", b"]"):
        text = text[1:].lstrip()
    return None, text or None
