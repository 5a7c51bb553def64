"""Frames written as server-sent events, and what a relay checks of a provider's."""

from __future__ import annotations

import json

import pytest

from handlers.engine.streams import parse_event, read_data, splitter, violation, write_frames

FRAMES = {
    "data": ([{"data": {"a": [1, "ü"]}}], 'data: {"a":[1,"ü"]}\n\n'),
    "defect_21 a named event has both lines": (
        [{"event": "ping", "data": {"type": "ping"}}], 'event: ping\ndata: {"type":"ping"}\n\n',
    ),
    "text as it is": ([{"data": "[DONE]"}], "data: [DONE]\n\n"),
    "text of several lines": ([{"data": "a\nb\r\nc\rd\n"}], "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"),
    "a comment": ([{"comment": "here"}], ": here\n\n"),
    "a comment of several lines": ([{"comment": "a\nb"}], ": a\n: b\n\n"),
    "several": ([{"data": {}}, {"comment": ""}, {"event": "e", "data": "x"}], "data: {}\n\n: \n\nevent: e\ndata: x\n\n"),
    "none": ([], ""),
    "an event's name cannot hold a line": ([{"event": "a\ndata: b\r\n", "data": "x"}], "event: a data: b\ndata: x\n\n"),
    "line breaks in JSON are escaped": ([{"data": {"a": "\n\r\u2028"}}], 'data: {"a":"\\n\\r\u2028"}\n\n'),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
def test_frames_are_written_to_the_letter(name):
    """One bytes object; each frame ends with an empty line, and none holds one."""
    frames, expected = FRAMES[name]
    assert write_frames(frames) == expected.encode()
    assert write_frames(iter(frames)) == expected.encode()


def test_what_is_written_can_be_read():
    """Splitting and parsing give back what was written."""
    frames = [{"data": {"text": "a\u2028\n\n"}}, {"event": "x", "data": {"b": None}}, {"event": "y", "data": "a\nb"}]
    events = splitter("sse").feed(write_frames(frames))
    found = [parse_event("sse", event) for event in events]
    assert [(name, read_data(data)) for name, data in found] == [
        (None, {"text": "a\u2028\n\n"}), ("x", {"b": None}), ("y", "a\nb"),
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["\ud83d", 1 << 70], ids=["half an emoji", "an integer beyond 64 bits"])
def test_what_the_fast_writer_refuses_is_written_all_the_same(value):
    """A provider that cuts an emoji in two gives its caller two halves, not an error."""
    (event,) = splitter("sse").feed(write_frames([{"event": "a", "data": {"v": value}}]))
    name, data = parse_event("sse", event)
    assert (name, json.loads(data)) == ("a", {"v": value})
    assert write_frames([{"data": "\ud83d"}]) == b"data: ?\n\n"


GOOD = [
    b"data: 1\n\n", b"data: {}\r\n\r\n", b"data\n\n", b"event: a\ndata: 1\n\n", b": comment\n\n", b":\n\n", b"\n\n",
    b"id: 1\nretry: 3\n\n", b"\xef\xbb\xbfdata: 1\n\n", b"data: 1\r\r", b"\ndata: 1\n\n", b"data: a\ndata: b\n\n",
]  # fmt: skip
BAD = [
    (b"<html>\n\n", "a line is neither data, event, id, retry nor a comment"),
    (b"data: 1\nfoo: bar\n\n", "a line is neither data, event, id, retry nor a comment"),
    (b'{"error": 1}\n\n', "a line is neither data, event, id, retry nor a comment"),
    (b"dataset: 1\n\n", "a line is neither data, event, id, retry nor a comment"),
    (b"data: 1", "the last event has no end"),
    (b"event: a\ndata: 1", "the last event has no end"),
]


@pytest.mark.parametrize("raw", GOOD)
def test_a_well_formed_event_is_no_violation(raw):
    assert violation(raw) == ""


@pytest.mark.parametrize(("raw", "what"), BAD)
def test_a_violation_is_named(raw, what):
    """A relay counts and logs it; the event passes all the same."""
    assert violation(raw) == what
