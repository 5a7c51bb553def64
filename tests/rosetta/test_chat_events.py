"""What a client of Chat Completions hears of events that seldom occur; the usual ones are told in streams_*.yaml."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk
from rosetta.stories import template

from handlers.engine.templates import Kind

Json = dict[str, Any]

RESPONSE: Json = {
    "id": "r1", "model": "m", "created": 1, "usage": {},
    "parts": [{"type": "text", "text": "As they say, "}, {"type": "text", "text": "it is blue"}],
}  # fmt: skip
OLDER = {"extra": {"openai": {"functions": True}}}
COUNTED = {"extra": {"openai": {"stream_options": {"include_usage": True}}}}
CALL = {"type": "tool_call", "id": "c1", "name": "f"}
THOUGHT = {"type": "reasoning", "text": ""}
SOUND = {"type": "file", "modality": "audio"}


def about(kind: str, part: Json, nth: int = 0, **more: Any) -> Json:
    return {"type": kind, "index": 3, "nth": nth, "part": part, **more}


def frames(event: Json, request: Json | None = None) -> list[Any]:
    given = {"event": event, "response": RESPONSE, "request": request or {}, "values": {}}
    written: list[Any] = template("openai", Kind.WRITE_EVENT)(given) or []
    for frame in written:
        if isinstance(frame.get("data"), dict) and "error" not in frame["data"]:
            ChatCompletionChunk.model_validate(frame["data"])
    return written


def deltas(event: Json, request: Json | None = None) -> list[Any]:
    return [frame["data"]["choices"][0]["delta"] for frame in frames(event, request)]


TOLD: list[tuple[str, Json, Json, list[Json]]] = [
    (
        "defect_41 defect_42 a call is counted among the calls",
        about("part_start", CALL, nth=2), {},
        [{"tool_calls": [{"index": 2, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]}],
    ),
    ("a call to a client of the older protocol", about("part_start", CALL), OLDER,
     [{"function_call": {"name": "f", "arguments": ""}}]),
    ("arguments to a client of the older protocol", about("part_delta", CALL, arguments="{}"), OLDER,
     [{"function_call": {"arguments": "{}"}}]),
    (
        "defect_121 the signature of a call",
        about("part_delta", CALL, signature="sig"), {},
        [{"tool_calls": [{"index": 0, "function": {}, "extra_content": {"google": {"thought_signature": "sig"}}}]}],
    ),
    (
        "defect_119 the seal of a thought",
        about("part_delta", THOUGHT, nth=1, signature="morello1.x.abc"), {},
        [{"reasoning_details": [
            {"type": "reasoning.text", "signature": "morello1.x.abc", "format": "unknown", "index": 1}]}],
    ),
    (
        "defect_120 a thought that nobody may read",
        about("part_start", {"type": "reasoning", "redacted": True, "signature": "morello1.x.abc"}, nth=1), {},
        [{"reasoning_details": [
            {"type": "reasoning.encrypted", "data": "morello1.x.abc", "format": "unknown", "index": 1}]}],
    ),
    ("defect_44 a thought is a plain text", about("part_delta", THOUGHT, text="Hm."), {}, [{"reasoning_content": "Hm."}]),
    ("defect_19 an empty text is no text", about("part_delta", {"type": "text", "text": ""}, text=""), {}, []),
    ("speech begins", about("part_start", SOUND | {"id": "a1"}), {}, [{"audio": {"id": "a1"}}]),
    ("speech goes on", about("part_delta", SOUND, data="AAAA"), {}, [{"audio": {"data": "AAAA"}}]),
    ("what is said goes on", about("part_delta", SOUND, transcript="Hel"), {}, [{"audio": {"transcript": "Hel"}}]),
    ("speech ends", about("part_end", SOUND | {"data": "AAAA", "expires_at": 7}), {}, [{"audio": {"expires_at": 7}}]),
    (
        "a picture comes whole",
        about("part_end", {"type": "file", "modality": "image", "media_type": "image/png", "data": "AAAA"}), {},
        [{"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}],
    ),
    (
        "defect_50 a citation has its place in the whole answer",
        about("part_end", RESPONSE["parts"][1] | {"citations": [{"url": "https://a.example", "title": "A"}]}), {},
        [{"annotations": [{"type": "url_citation", "url_citation": {
            "url": "https://a.example", "title": "A", "start_index": 13, "end_index": 23}}]}],
    ),
    ("a block of another family", about("part_start", {"type": "unknown", "dialect": "x", "data": {}}), {}, []),
]  # fmt: skip


@pytest.mark.parametrize(("event", "request_", "expected"), [each[1:] for each in TOLD], ids=[each[0] for each in TOLD])
def test_what_is_heard(event: Json, request_: Json, expected: list[Json]) -> None:
    """An event becomes these deltas, each in a chunk that the official types accept."""
    assert deltas(event, request_) == expected


def test_each_reason_has_a_word_defect_136() -> None:
    """Every neutral reason is told in one of the words of the official types, in a chunk of its own (defect_38)."""
    words = {}
    for reason in ("stop", "length", "tool_call", "content_filter", "error", "other"):
        first, last = frames({"type": "finish", "finish_reason": reason, "usage": {}})
        assert first["data"]["choices"][0]["delta"] == {} and last == {"data": "[DONE]"}
        words[reason] = first["data"]["choices"][0]["finish_reason"]
    assert words == {"stop": "stop", "length": "length", "tool_call": "tool_calls", "content_filter": "content_filter",
                     "error": "stop", "other": "stop"}  # fmt: skip


def test_counts_come_only_to_whoever_asked_defect_39_defect_40_defect_97() -> None:
    """The chunk of counts is the last, has no choices, and is not there for a client that did not ask."""
    finish = {"type": "finish", "finish_reason": "stop", "usage": {"input_tokens": 3, "cache_read_tokens": 2}}
    assert len(frames(finish)) == 2
    counts = frames(finish, COUNTED)[1]["data"]
    assert counts["choices"] == []
    assert counts["usage"] == {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3,
                               "prompt_tokens_details": {"cached_tokens": 2}}  # fmt: skip


def test_nothing_follows_an_error_defect_33() -> None:
    """An error is one frame, in the form the official package raises on, and no [DONE] comes after it."""
    (frame,) = frames({"type": "error", "error": {"type": "overloaded", "message": "Too many.", "code": "busy"}})
    assert frame == {"data": {"error": {
        "message": "Too many.", "type": "overloaded_error", "param": None, "code": "busy"}}}  # fmt: skip


def test_a_ping_is_a_comment_defect_27() -> None:
    """Every parser passes over a comment."""
    assert frames({"type": "ping"}) == [{"comment": "ping"}]
