"""The eight templates of the invented format, each way: what one side writes, the other reads, wherever bytes are cut."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from providers.tidepool_server import LINE, REQUEST, RESPONSE

from handlers.engine.assembler import Assembler
from handlers.engine.configuration import load_configuration
from handlers.engine.streams import parse_event, read_data, splitter
from handlers.engine.translated_stream import as_loose

HOME = Path(__file__).parent / "homes" / "tidepool"
Json = dict[str, Any]

QUESTION: Json = {
    "model": "abyss-1",
    "system": [{"type": "text", "text": "Be brief."}],
    "messages": [
        {"role": "user", "parts": [
            {"type": "text", "text": "What is this?"},
            {"type": "file", "modality": "image", "media_type": "image/png", "data": "AAAA"},
            {"type": "file", "modality": "image", "url": "https://example.com/a.png"}]},
        {"role": "assistant", "parts": [
            {"type": "reasoning", "text": "Hm.", "signature": "s1"},
            {"type": "reasoning", "redacted": True, "signature": "s2"},
            {"type": "text", "text": "Let me look."},
            {"type": "tool_call", "id": "g1", "name": "look", "arguments": {"at": "this"}}]},
        {"role": "tool", "parts": [{"type": "tool_result", "id": "g1", "parts": [{"type": "text", "text": "A fish"}], "is_error": False}]},
        {"role": "system", "parts": [{"type": "text", "text": "Hurry."}]},
    ],
    "tools": [{"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}}],
    "tool_choice": {"mode": "tool", "name": "look"},
    "temperature": 0.5, "max_tokens": 9, "stop_sequences": ["END"], "reasoning": {"effort": "high"}, "stream": True,
}  # fmt: skip
ANSWER: Json = {
    "id": "e-1", "model": "abyss-1", "finish_reason": "tool_call", "raw_finish_reason": "use",
    "parts": [
        {"type": "reasoning", "text": "Hm — \u2028 🐙", "signature": "s1"},
        {"type": "reasoning", "redacted": True, "signature": "s2"},
        {"type": "text", "text": "Twö looks."},
        {"type": "tool_call", "id": "g1", "name": "look", "arguments": {"at": "this"}},
        {"type": "tool_call", "id": "g2", "name": "look", "arguments": {}},
    ],
    "usage": {"input_tokens": 8, "output_tokens": 6, "cache_read_tokens": 3, "reasoning_tokens": 4},
}  # fmt: skip


@cache
def dialect() -> Any:
    return load_configuration(HOME, {}).dialects["tidepool"]


def test_a_request_is_read_as_it_was_written() -> None:
    wire = dialect().write_request(copy.deepcopy(QUESTION))
    REQUEST.validate(wire)
    assert dialect().read_request({"body": wire, "path": {"model": "abyss-1"}}) == QUESTION


def test_an_answer_is_read_as_it_was_written() -> None:
    wire = dialect().write_response({**copy.deepcopy(ANSWER), "request": {}})
    RESPONSE.validate(wire)
    assert dialect().read_response({"body": wire, "request": {}}) == ANSWER


@pytest.mark.parametrize(("error", "status", "code"), [
    ({"type": "rate_limit", "message": "Slow down.", "retry_after": 2}, 429, "crowded"),
    ({"type": "invalid_request", "message": "No.", "param": "/turns"}, 400, "muddle"),
    ({"type": "not_found", "message": "Gone."}, 404, "absent"),
])  # fmt: skip
def test_an_error_is_read_as_it_was_written(error: Json, status: int, code: str) -> None:
    wire = dialect().write_error({**error, "status": status})
    assert dialect().read_error({"status": status, "headers": {}, "body": wire}) == {**error, "status": status, "code": code}


def lines_of(answer: Json) -> bytes:
    """A neutral answer as this dialect streams it."""
    assembler = Assembler(id="r", model="m", created=1, dialect="tidepool")
    events = [event for loose in as_loose(answer) for event in assembler.feed(loose)] + assembler.end()
    frames = [frame for event in [*events[:1], {"type": "ping"}, *events[1:]]
              for frame in dialect().write_event({"event": event, "response": assembler.response, "request": {}})]  # fmt: skip
    for frame in frames:
        LINE.validate(frame["data"])
    return b"".join(json.dumps(frame["data"], ensure_ascii=False).encode() + b"\n" for frame in frames)


def read_back(pieces: list[bytes]) -> Json:
    """What the reader and the assembler make of a stream in these pieces."""
    cut = splitter("ndjson")
    assembler = Assembler(id="r", model="m", created=1, dialect="tidepool")
    for raw in [*(event for piece in pieces for event in cut.feed(piece)), cut.finish()]:
        _, data = parse_event("ndjson", raw)
        if data is not None:
            assembler.feed_frame(dialect().read_event({"data": read_data(data), "event": None, "request": {}}))
    assembler.end()
    response: Json = assembler.response
    return response


def test_a_stream_is_read_as_it_was_written_wherever_it_is_cut() -> None:
    """At every byte, and at all of them: words, muses, seals, uses and counts come back whole."""
    whole = lines_of(ANSWER)
    for pieces in ([whole], [whole[at : at + 1] for at in range(len(whole))],
                   *([whole[:at], whole[at:]] for at in range(1, len(whole)))):  # fmt: skip
        assert read_back(pieces) == {**ANSWER, "created": 1}
