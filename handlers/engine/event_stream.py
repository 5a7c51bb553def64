"""The binary event stream, `aws-event-stream`: messages of named headers and a payload, guarded by checksums.

    length of all (4) | length of the headers (4) | CRC-32 of these (4) | headers | payload | CRC-32 of all before (4)

A header is its name's length (1), its name, its type (1) and its value. `:message-type` says what a message is: an
`event` (named by `:event-type`), an `exception` (`:exception-type`), or an `error` (`:error-code`, `:error-message`).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from zlib import crc32

import orjson

from .framings import EVENT_LIMIT, Parsed, StreamError

PRELUDE = struct.Struct(">III")
CHECKSUM = struct.Struct(">I")
LEAST = PRELUDE.size + CHECKSUM.size
"""Bytes of a message without headers and payload."""
MOST_HEADERS = 128 * 1024
"""Bytes the headers of a message may have, as the format has it."""
TEXT = 7
"""The type of a header whose value is text, as all those are that name messages."""
SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type; types 6 and 7 say their length themselves."""
NAMES = {"event": ":event-type", "exception": ":exception-type"}


class EventStream:
    """Splits at the lengths that the messages give. A prelude is believed only if its checksum is right."""

    __slots__ = ("_limit", "_rest")

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        self._limit = limit
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        rest = self._rest
        rest += chunk
        events: list[bytes] = []
        start = 0
        try:
            while len(rest) - start >= PRELUDE.size:
                end = start + self._length(rest, start)
                if end > len(rest):
                    break
                events.append(bytes(rest[start:end]))
                start = end
        except StreamError:
            if not events:
                raise
            # What is whole is told first; the next bytes, or the end, meet the bad prelude again.
        del rest[:start]
        return events

    def _length(self, rest: bytearray, start: int) -> int:
        length, headers, checksum = PRELUDE.unpack_from(rest, start)
        if crc32(rest[start : start + 8]) != checksum:
            raise StreamError("The provider's stream is damaged: the checksum of a message's length is wrong.")
        if length < LEAST or headers > min(length - LEAST, MOST_HEADERS):
            raise StreamError("The provider's stream is damaged: a message has lengths that cannot be.")
        if length > self._limit:
            raise StreamError(f"The provider sent an event of more than {self._limit} bytes.", "event_too_large")
        return int(length)

    def finish(self) -> bytes:
        rest, self._rest = bytes(self._rest), bytearray()
        return rest


def parse_message(raw: bytes) -> Parsed:
    """Name and payload of one message. An error is named `error`, and its payload made of its headers.

    A message that is not whole has neither: the stream has broken off. StreamError if its checksum is wrong.
    """
    if len(raw) < LEAST:
        return None, None
    length, size, checksum = PRELUDE.unpack_from(raw)
    if crc32(raw[:8]) != checksum:
        raise StreamError("The provider's stream is damaged: the checksum of a message's length is wrong.")
    if len(raw) < length:
        return None, None
    if crc32(raw[:-4]) != CHECKSUM.unpack_from(raw, length - 4)[0]:
        raise StreamError("The provider's stream is damaged: the checksum of a message is wrong.")
    headers = read_headers(raw[PRELUDE.size : PRELUDE.size + size])
    kind = headers.get(":message-type", "event")
    if kind == "error":
        told = {"code": headers.get(":error-code", ""), "message": headers.get(":error-message", "")}
        return "error", orjson.dumps(told)
    return headers.get(NAMES.get(kind, "")), raw[PRELUDE.size + size : length - 4] or None


def read_headers(raw: bytes) -> dict[str, str]:
    """The headers whose values are text; the others name nothing. StreamError where they do not end as they say."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(raw):
            start, end = at + 1, at + 1 + raw[at]
            kind, at = raw[end], end + 1
            size = SIZES.get(kind)
            if size is None:
                size = int.from_bytes(raw[at : at + 2], "big")
                at += 2
            if kind == TEXT:
                found[raw[start:end].decode("utf-8", "replace")] = raw[at : at + size].decode("utf-8", "replace")
            at += size
    except IndexError:
        at = -1
    if at != len(raw):
        raise StreamError("The provider's stream is damaged: the headers of a message are longer than they say.")
    return found


def write_message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message with these headers, all of them text."""
    written = b""
    for name, value in headers.items():
        key, text = name.encode(), value.encode()
        written += bytes((len(key),)) + key + bytes((TEXT,)) + struct.pack(">H", len(text)) + text
    lengths = struct.pack(">II", LEAST + len(written) + len(payload), len(written))
    whole = lengths + CHECKSUM.pack(crc32(lengths)) + written + payload
    return whole + CHECKSUM.pack(crc32(whole))


def write_event(name: str, payload: bytes) -> bytes:
    """One event of this name, or one exception if that is what its name says."""
    kind = "exception" if name.endswith("Exception") else "event"
    headers = {NAMES[kind]: name, ":content-type": "application/json", ":message-type": kind}
    return write_message(headers, payload)
