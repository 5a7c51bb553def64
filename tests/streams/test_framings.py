"""Framings on bytes: events come out whole wherever the network cuts, and joined again they are what came in."""

from __future__ import annotations

import time

import pytest

from handlers.engine import event_stream, framings
from handlers.engine.streams import FRAMINGS, StreamError, parse_event, parser, read_data, splitter

SSE = {
    "LF": (b"data: 1\n\ndata: 2\n\n", [(None, b"1"), (None, b"2")]),
    "defect_54 CRLF": (b"data: 1\r\n\r\nevent: a\r\ndata: 2\r\n\r\n", [(None, b"1"), ("a", b"2")]),
    "defect_54 CR": (b"data: 1\r\rdata: 2\r\r", [(None, b"1"), (None, b"2")]),
    "defect_54 ends of all kinds": (b"data: 1\r\n\rdata: 2\n\r\ndata: 3\r\n\n", [(None, b"1"), (None, b"2"), (None, b"3")]),
    "defect_54 several data lines": (b"data: a\ndata:b\ndata\ndata:  c\n\n", [(None, b"a\nb\n\n c")]),
    "defect_54 comments, id and retry": (
        b": hello\n\nid: 7\nretry: 10\ndata: 1\n: again\n\n:\n\n", [(None, None), (None, b"1"), (None, None)],
    ),
    "defect_53 data without a space": (b'data:{"a": 1}\n\nevent:x\ndata:2\n\n', [(None, b'{"a": 1}'), ("x", b"2")]),
    "one space is taken off, no more": (b"data:   x \n\n", [(None, b"  x ")]),
    "a byte order mark": (b"\xef\xbb\xbfdata: 1\n\ndata: 2\n\n", [(None, b"1"), (None, b"2")]),
    "named events": (b"event: ping\ndata: {}\n\nevent: ping\n\n", [("ping", b"{}"), ("ping", None)]),
    "the name after the data": (b"data: 1\nevent: a\n\n", [("a", b"1")]),
    "an empty name is none": (b"event:\ndata: 1\n\n", [(None, b"1")]),
    "empty data": (b"data:\n\ndata\n\n", [(None, b""), (None, b"")]),
    "empty lines between events": (b"\n\ndata: 1\n\n\n\n\ndata: 2\n\n", [(None, None), (None, b"1"), (None, None), (None, b"2")]),
    "fields nobody knows": (b"foo: bar\ndata: 1\nbaz\n\n", [(None, b"1")]),
    "defect_51 UTF-8 and U+2028": (
        "data: {\"a\": \"\u2028\u2029\u0085 😀 wörld\"}\n\n".encode(), [(None, "{\"a\": \"\u2028\u2029\u0085 😀 wörld\"}".encode())],
    ),
    "bytes that are no UTF-8": (b"event: \xff\ndata: \xff\xfe\n\n", [("\ufffd", b"\xff\xfe")]),
    "data that looks like an end": (b'data: {"a": "\\n\\n\\r\\n"}\n\n', [(None, b'{"a": "\\n\\n\\r\\n"}')]),
}  # fmt: skip

LINES = {
    "LF": (b'{"a":1}\n{"b":2}\n', [(None, b'{"a":1}'), (None, b'{"b":2}')]),
    "CRLF and empty lines": (b'{"a":1}\r\n\r\n\n[2]\r\n', [(None, b'{"a":1}'), (None, None), (None, None), (None, b"[2]")]),
    "a byte order mark": (b'\xef\xbb\xbf{"a":1}\n', [(None, b'{"a":1}')]),
    "defect_51 UTF-8 and U+2028": ('{"a":"\u2028\u0085 😀"}\n'.encode(), [(None, '{"a":"\u2028\u0085 😀"}'.encode())]),
}  # fmt: skip

ARRAYS = {
    "compact": (b'[{"a":1},{"b":2}]', [(None, b'{"a":1}'), (None, b'{"b":2}')]),
    "spread over lines": (b'[\n  {"a": {"b": [1, {}]}}\n,\r\n{"c": []}\n]\n', [(None, b'{"a": {"b": [1, {}]}}'), (None, b'{"c": []}')]),
    "brackets in strings": (b'[{"a":"}]{[\\"}\\\\"},{"b":"\\\\\\""}]', [(None, b'{"a":"}]{[\\"}\\\\"}'), (None, b'{"b":"\\\\\\""}')]),
    "an array of arrays": (b"[[1],[2,[3]]]", [(None, b"[1]"), (None, b"[2,[3]]")]),
    "a lone object": (b' {"error":{"code":400}} ', [(None, b'{"error":{"code":400}}')]),
    "objects without an array, on lines of their own": (b'{\n "a": 1\n}\n{"b": [2]}', [(None, b'{\n "a": 1\n}'), (None, b'{"b": [2]}')]),
    "a length before each": (b'9\r\n{"a":"{"}\r\n7\r\n{"b":2}\r\n', [(None, b'{"a":"{"}'), (None, b'{"b":2}')]),
    "a record separator before each": (b'\x1e{"a":1}\n\x1e{"b":2}\n', [(None, b'{"a":1}'), (None, b'{"b":2}')]),
    "words before an object are no separator": (b'oops {"a":1}', [(None, b'oops {"a":1}')]),
    "nothing in it": (b"[]", []),
    "defect_51 UTF-8": ('[{"a":"😀\u2028"}]'.encode(), [(None, '{"a":"😀\u2028"}'.encode())]),
}  # fmt: skip

CASES = [
    pytest.param(framing, stream, events, id=f"{framing} {name}")
    for framing, cases in (("sse", SSE), ("ndjson", LINES), ("json-array", ARRAYS))
    for name, (stream, events) in cases.items()
]


def split(framing: str, pieces: list[bytes]) -> tuple[list[bytes], bytes]:
    cut = splitter(framing)
    events = [event for piece in pieces for event in cut.feed(piece)]
    return events, cut.finish()


def parsed(framing: str, events: list[bytes]) -> list[tuple[str | None, bytes | None]]:
    return [parse_event(framing, event) for event in events]


def said(found: list[tuple[str | None, bytes | None]]) -> list[tuple[str | None, bytes | None]]:
    """Without what means nothing: a CR at a cut may make an empty line of its own."""
    return [event for event in found if event != (None, None)]


@pytest.mark.parametrize(("framing", "stream", "events"), CASES)
def test_a_stream_in_one_piece(framing, stream, events):
    """Each event with its name and data; what is left at the end has none."""
    raw, rest = split(framing, [stream])
    assert parsed(framing, raw) == events
    assert parse_event(framing, rest)[1] in (None, b"", b"]")
    assert b"".join(raw) + rest == stream


@pytest.mark.parametrize(("framing", "stream", "events"), CASES)
def test_defect_52_a_stream_cut_at_every_byte(framing, stream, events):
    """Two pieces, cut anywhere, also inside a character or a CRLF: the same events, the same bytes."""
    for at in range(len(stream) + 1):
        raw, rest = split(framing, [stream[:at], stream[at:]])
        assert said(parsed(framing, raw)) == said(events), at
        assert b"".join(raw) + rest == stream


@pytest.mark.parametrize(("framing", "stream", "events"), CASES)
def test_defect_52_a_stream_byte_by_byte(framing, stream, events):
    """Each byte in a read of its own, and empty reads between: the same events, the same bytes."""
    pieces = [piece for byte in stream for piece in (bytes([byte]), b"")]
    raw, rest = split(framing, pieces)
    assert said(parsed(framing, raw)) == said(events)
    assert b"".join(raw) + rest == stream


def test_defect_219_an_event_leaves_as_soon_as_it_is_complete():
    """Nobody waits for the next event to get this one; a CR that may be half a CRLF is not waited for either."""
    for end in (b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n"):
        assert splitter("sse").feed(b"data: 1" + end) == [b"data: 1" + end]
    assert splitter("ndjson").feed(b"{}\n") == [b"{}\n"]
    assert splitter("json-array").feed(b"[{}") == [b"[{}"]


@pytest.mark.parametrize(
    ("framing", "stream", "rest"),
    [("sse", b"data: 1\n\ndata: 2\n", (None, b"2")), ("ndjson", b'{}\n{"a":1}', (None, b'{"a":1}'))],
)
def test_what_is_left_at_the_end_can_be_read(framing, stream, rest):
    """Servers forget the last terminator; whoever wants may read what is left, and nothing is left twice."""
    cut = splitter(framing)
    cut.feed(stream)
    assert parse_event(framing, cut.finish()) == rest
    assert cut.finish() == b""


@pytest.mark.parametrize(
    ("framing", "endless"),
    [("sse", b"data: x"), ("sse", b"data: x\r\n"), ("ndjson", b"xxxx"), ("json-array", b'[{"a":"'), ("json-array", b"[1,")],
)
def test_defect_212_an_endless_event_is_a_clean_error(framing, endless, monkeypatch):
    """An event beyond the limit is the provider's failure, in either way of coming."""
    for pieces in ([endless * 400], [endless] * 400):
        cut = SPLITTERS[framing](limit=1000)
        with pytest.raises(StreamError) as caught:
            for piece in pieces:
                cut.feed(piece)
        assert (caught.value.status, caught.value.code) == (502, "event_too_large")


@pytest.mark.parametrize(("framing", "good"), [("sse", b"data: 1\n\n"), ("sse", b"data: 1\r\n\r\n"), ("ndjson", b"1\n"),
                                               ("json-array", b'[{"a":1}')])  # fmt: skip
@pytest.mark.parametrize("more", [True, False])
def test_defect_212_what_came_before_an_endless_event_is_given_first(framing: str, good: bytes, more: bool) -> None:
    """Good events of the same read are events; the failure comes with the next read, or with the end."""
    cut = SPLITTERS[framing](limit=1000)
    assert cut.feed(good + b',{"b":"' + b"x" * 2000) == [good]
    with pytest.raises(StreamError):
        _ = cut.feed(b"x") if more else cut.finish()


SPLITTERS = {"sse": framings.ServerSentEvents, "ndjson": framings.JsonLines, "json-array": framings.JsonArray,
             "aws-event-stream": event_stream.EventStream}  # fmt: skip


def test_defect_212_a_large_event_is_no_matter():
    """Eight megabytes in reads of 16 KB: found whole, and not searched again from its beginning with each read."""
    image = b"A" * (8 << 20)
    for framing, event in (
        ("sse", b'data: {"image": "' + image + b'"}\n\n'),
        ("sse", b'data: {"image": "' + image + b'"}\r\n\r\n'),
        ("ndjson", b'{"image": "' + image + b'"}\n'),
        ("json-array", b'[{"image": "' + image + b'"}'),
    ):
        started = time.process_time()
        raw, rest = split(framing, [event[at : at + 16384] for at in range(0, len(event), 16384)])
        assert raw == [event]
        assert rest == b""
        assert time.process_time() - started < 2
    assert framings.EVENT_LIMIT == 64 << 20


def test_framings_go_by_name():
    assert FRAMINGS == ("sse", "ndjson", "json-array", "aws-event-stream")
    for name in FRAMINGS:
        assert parser(name)(b"") == (None, None)
        assert isinstance(splitter(name), SPLITTERS[name])


DATA = [
    (b'{"a": 1}', {"a": 1}),
    (b"[DONE]", "[DONE]"),
    (b"<html>", "<html>"),
    (b"\xff", "\ufffd"),
    (b'{"a": "\\ud83d"}', {"a": "\ud83d"}),
    (b'{"a": NaN', '{"a": NaN'),
    (b"[" * 2000 + b"]" * 2000, "[" * 2000 + "]" * 2000),
]


@pytest.mark.parametrize(("data", "value"), DATA, ids=[str(number) for number in range(len(DATA))])
def test_data_is_json_or_text(data, value):
    """What is no JSON is text; half an emoji, as an escape, is JSON to us although not to everybody."""
    assert read_data(data) == value
