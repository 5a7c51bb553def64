"""The binary event stream: whole wherever the network cuts, believed only where its checksums are right."""

from __future__ import annotations

import struct
from binascii import crc32
from typing import Any

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer

from handlers.engine.event_stream import EventStream, parse_message, write_event, write_message
from handlers.engine.streams import StreamError, parse_event, splitter

NAMED = [("messageStart", b'{"role":"assistant"}'), ("contentBlockDelta", '{"delta":{"text":"😀"}}'.encode()), ("metadata", b"{}")]
STREAM = b"".join(write_event(name, payload) for name, payload in NAMED)
OTHER_TYPES = b"\x01a\x00\x01b\x01\x01c\x02\x05\x01d\x03\x00\x05\x01e\x04\x00\x00\x00\x05\x01f\x05" + bytes(8) + (
    b"\x01g\x06\x00\x02xy\x01h\x08" + bytes(8) + b"\x01i\x09" + bytes(16) + b"\x0b:event-type\x07\x00\x01z"
)  # fmt: skip
"""A header of each type of value, and the one that names the message."""


def message(headers: bytes, payload: bytes = b"{}") -> bytes:
    head = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    whole = head + struct.pack(">I", crc32(head)) + headers + payload
    return whole + struct.pack(">I", crc32(whole))


def read(pieces: list[bytes]) -> tuple[list[Any], bytes]:
    cut = splitter("aws-event-stream")
    events = [event for piece in pieces for event in cut.feed(piece)]
    return [parse_event("aws-event-stream", event) for event in events], cut.finish()


def test_another_reader_sees_the_same() -> None:
    """Ours as botocore reads it."""
    buffer = EventStreamBuffer()
    buffer.add_data(STREAM)
    assert [(event.headers[":event-type"], event.payload) for event in buffer] == NAMED


def test_cut_at_every_byte_defect_52_defect_62() -> None:
    """Also inside of a prelude, a header, a checksum; and byte by byte."""
    for at in range(len(STREAM) + 1):
        assert read([STREAM[:at], STREAM[at:]]) == (NAMED, b""), at
    assert read([bytes((byte,)) for byte in STREAM]) == (NAMED, b"")


def test_what_is_not_whole_says_nothing() -> None:
    """A stream that breaks off anywhere in its last message: those before it are there, and it is not."""
    first, second, last = (write_event(name, payload) for name, payload in NAMED)
    for at in range(1, len(last)):
        events, rest = read([first + second + last[:at]])
        assert events == NAMED[:2]
        assert rest == last[:at]
        assert parse_message(rest) == (None, None)


def test_headers_of_all_types_are_read_over() -> None:
    assert parse_message(message(OTHER_TYPES)) == ("z", b"{}")


def test_exceptions_and_errors_are_named() -> None:
    """An exception by its type, with its payload; an error has no payload, so its headers tell."""
    raised = write_event("throttlingException", b'{"message":"slow down"}')
    assert parse_message(raised) == ("throttlingException", b'{"message":"slow down"}')
    assert b":exception-type" in raised
    failed = write_message({":message-type": "error", ":error-code": "InternalError", ":error-message": "It broke."}, b"")
    assert parse_message(failed) == ("error", b'{"code":"InternalError","message":"It broke."}')
    assert parse_message(write_message({":message-type": "event", ":event-type": "initial-response"}, b"")) == ("initial-response", None)


@pytest.mark.parametrize("at", range(len(write_event("a", b"{}"))))
def test_damage_anywhere_is_seen(at: int) -> None:
    """Whichever byte is wrong: no event, and a clean error that blames the provider. Another reader sees it, too."""
    whole = bytearray(write_event("a", b"{}"))
    whole[at] ^= 0x55
    with pytest.raises(StreamError) as caught:
        for event in EventStream().feed(bytes(whole)):
            parse_message(event)
    assert caught.value.status == 502
    buffer = EventStreamBuffer()
    buffer.add_data(bytes(whole))
    with pytest.raises(ChecksumMismatch):
        next(buffer)


def test_what_came_before_the_damage_is_told() -> None:
    """Whole messages in the same read as a damaged one are not lost with it."""
    good, bad = write_event("a", b"{}"), bytes(12)
    cut = EventStream()
    assert cut.feed(good + bad) == [good]
    with pytest.raises(StreamError, match="damaged"):
        cut.feed(b"\0")
    with pytest.raises(StreamError, match="damaged"):
        parse_message(cut.finish() + bytes(4))


@pytest.mark.parametrize(("length", "headers"), [(15, 0), (0, 0), (100, 85), (1 << 20, 200_000)])
def test_lengths_that_cannot_be(length: int, headers: int) -> None:
    head = struct.pack(">II", length, headers)
    with pytest.raises(StreamError, match="damaged"):
        EventStream().feed(head + struct.pack(">I", crc32(head)))


def test_headers_that_run_over_their_end() -> None:
    for headers in (b"\x05a", b"\x01a\x07\x00\x09b", b"\x01a", b"\x01a\x04\x00"):
        with pytest.raises(StreamError, match="headers"):
            parse_message(message(headers))


def test_defect_212_a_message_beyond_the_limit_is_refused_before_it_comes() -> None:
    """By the length that it gives, not by filling the memory with it."""
    head = struct.pack(">II", 1 << 30, 0)
    with pytest.raises(StreamError) as caught:
        EventStream().feed(head + struct.pack(">I", crc32(head)))
    assert caught.value.code == "event_too_large"
    large = write_event("a", b'"' + b"x" * 2_000_000 + b'"')
    assert [len(event) for event in EventStream().feed(large)] == [len(large)]
