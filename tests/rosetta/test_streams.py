"""Stream stories: what a provider sent, what it means, and what each kind of client hears of it.

A story (streams_*.yaml) has the provider's bytes (`transcript`; of a binary stream, `frames`), the neutral events they come to, and the events that
each client gets. Events are told short: neutral ones without `created` and without the part in deltas; chunks of
Chat Completions as their delta, or as `finish`, `usage` or `error`. What clients of the other dialects hear is told
where it says something new.
"""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import jsonschema_rs
import pytest
import yaml
from pydantic import ValidationError
from rosetta.stories import ROOT, Json, template
from rosetta.stream_grammar import (
    check_chat,
    check_generated,
    check_lines,
    check_messages,
    validate_chunk,
    validate_messages_event,
    validate_piece,
)
from rosetta.stream_journey import (
    CLIENTS,
    FRAMINGS,
    accumulated_completion,
    accumulated_message,
    bytes_of,
    frames_of,
    journey_of,
    named,
    request_of,
    stream_stories,
)

from handlers.engine.streams import parse_event, splitter
from handlers.engine.templates import Kind

NEUTRAL = yaml.safe_load((ROOT / "openapi" / "neutral.schema.yaml").read_text(encoding="utf-8"))

STORIES = stream_stories()
each_story = pytest.mark.parametrize("story", [named(story) for story in STORIES])


@cache
def validator(name: str) -> Any:
    return jsonschema_rs.validator_for(NEUTRAL | {"$ref": f"#/$defs/{name}"})


def short_event(event: Json) -> Json:
    """A neutral event without what every event of its kind repeats."""
    left_out = {"start": {"created"}, "part_delta": {"part"}}.get(event["type"], set())
    return {name: value for name, value in event.items() if name not in left_out}


def short_chunk(chunk: Any) -> Any:
    """A chunk of Chat Completions without what every chunk repeats."""
    if chunk == "[DONE]" or "error" in chunk:
        return chunk
    if not chunk["choices"]:
        return {"usage": chunk["usage"]}
    choice = chunk["choices"][0]
    return choice["delta"] | ({"finish": choice["finish_reason"]} if choice["finish_reason"] else {})


def short_piece(piece: Json) -> Json:
    """A piece of the other dialects' answers without what every piece repeats."""
    return {name: value for name, value in piece.items() if name not in ("modelVersion", "responseId", "model", "created_at")}


@each_story
def test_what_the_stream_means_and_what_each_client_hears(story: Json) -> None:
    """The transcript comes to the neutral events of the story, and leaves as the events of the story."""
    journey = journey_of(story)
    assert [short_event(event) for event in journey.events] == story["neutral"]
    assert [data for _, data in frames_of(journey.out["anthropic"])] == story["anthropic"]
    assert [short_chunk(data) for _, data in frames_of(journey.out["openai"])] == story["openai"]
    for client in ("gemini", "ollama"):
        if client in story:
            heard = [short_piece(data) for _, data in frames_of(journey.out[client], FRAMINGS[client].name)]
            assert heard == story[client]


@each_story
def test_every_event_is_neutral(story: Json) -> None:
    """What readers and the assembler give satisfies the neutral schema."""
    for event in journey_of(story).events:
        validator("event").validate(event)
    framing = FRAMINGS[story["from"]].name
    for raw in splitter(framing).feed(bytes_of(story)):
        name, data = parse_event(framing, raw)
        value = json.loads(data) if data and data.startswith(b"{") else None
        if value is not None:
            given = {"data": value, "event": name, "request": request_of(story), "values": {}}
            for loose in template(story["from"], Kind.READ_EVENT)(given) or []:
                validator("loose_event").validate(loose)


@each_story
def test_every_stream_is_grammatical(story: Json) -> None:
    """Whatever the provider did, each client gets a stream that its grammar and its official types accept."""
    out = journey_of(story).out
    wants_usage = bool(story.get("request", {}).get("extra"))
    check_messages(frames_of(out["anthropic"]))
    check_chat(frames_of(out["openai"]), wants_usage=wants_usage)
    check_generated(frames_of(out["gemini"]))
    check_lines(frames_of(out["ollama"], "ndjson"))


@each_story
def test_cuts_do_not_matter(story: Json) -> None:
    """Cut anywhere, the bytes are the same events; byte by byte, both clients hear the same.

    All behind the splitter is a function of the events it gives, so single cuts are tried on the splitter alone.
    """
    data = bytes_of(story)
    framing = FRAMINGS[story["from"]].name
    whole = events_in([data], framing)
    for position in range(1, len(data)):
        assert events_in([data[:position], data[position:]], framing) == whole, f"cut at byte {position}"
    assert journey_of(story, [bytes((byte,)) for byte in data]).out == journey_of(story).out


def events_in(pieces: list[bytes], framing: str) -> list[Any]:
    cutter = splitter(framing)
    raw = [event for piece in pieces for event in cutter.feed(piece)] + [cutter.finish()]
    return [parsed for event in raw if (parsed := parse_event(framing, event))[1] is not None]


@pytest.mark.parametrize("story", [named(story) for story in STORIES if story["neutral"][-1]["type"] != "error"])
def test_official_clients_put_the_answer_together(story: Json) -> None:
    """The official packages' own accumulators make of each stream the answer that the neutral parts are."""
    journey = journey_of(story)
    parts = journey.assembler.response["parts"]
    message = accumulated_message(frames_of(journey.out["anthropic"]))
    said = [part.get("text", part.get("transcript")) for part in parts if part["type"] in ("text", "refusal", "file")]
    said = [text for text in said if text is not None]
    assert [block.text for block in message.content if block.type == "text"] == said
    cut = message.stop_reason == "max_tokens"
    calls = [(part["id"], part["name"], part["arguments"]) for part in parts if part["type"] == "tool_call"]
    if not cut:
        assert [(b.id, b.name, b.input) for b in message.content if b.type == "tool_use"] == calls
    assert [b.thinking for b in message.content if b.type == "thinking"] == [
        part["text"] for part in parts if part["type"] == "reasoning" and not part.get("redacted")
    ]
    completion = accumulated_completion(frames_of(journey.out["openai"]))
    assert (completion.content or "") == "".join(part["text"] for part in parts if part["type"] == "text")
    if not cut:
        heard = [(c.id, c.function.name, json.loads(c.function.arguments)) for c in completion.tool_calls or []]
        assert heard == calls


def test_the_oracles_bite() -> None:
    """Each required member that is taken from one of our events makes the official types refuse it."""
    messages = journey_of(next(story for story in STORIES if story["it"].startswith("streams a text and the call")))
    broken = 0
    for name, data in frames_of(messages.out["anthropic"]):
        for member in data.keys() - {"stop_sequence"}:
            with pytest.raises((ValidationError, AssertionError, KeyError)):
                validate_messages_event(name, without(data, member))
            broken += 1
        with pytest.raises(AssertionError):
            validate_messages_event(None, data)
    for _, data in frames_of(messages.out["openai"])[:-1]:
        for member in ("id", "choices", "created", "model", "object"):
            with pytest.raises(ValidationError):
                validate_chunk(without(data, member))
            broken += 1
    assert broken > 40


def without(data: Json, member: str) -> Json:
    return {name: value for name, value in data.items() if name != member}


GRAMMATICAL = [
    ("message_start", {"type": "message_start", "message": {
        "id": "m1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": {
            "input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}}}}),
    ("content_block_start", {
        "type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ("content_block_delta", {
        "type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}),
    ("content_block_stop", {"type": "content_block_stop", "index": 0}),
    ("message_delta", {
        "type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {
            "input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}}),
    ("message_stop", {"type": "message_stop"}),
]  # fmt: skip


def test_the_grammar_bites_defect_1_defect_2_defect_22_defect_23_defect_26() -> None:
    """Each event of a good stream that is missing, doubled or out of place is seen."""
    check_messages(GRAMMATICAL)
    for position, frame in enumerate(GRAMMATICAL):
        if frame[0] != "content_block_delta":
            with pytest.raises((AssertionError, IndexError)):
                check_messages(GRAMMATICAL[:position] + GRAMMATICAL[position + 1 :])
            with pytest.raises(AssertionError):
                check_messages([*GRAMMATICAL[:position], frame, *GRAMMATICAL[position:]])
    for position in range(len(GRAMMATICAL) - 1):
        swapped = list(GRAMMATICAL)
        swapped[position], swapped[position + 1] = swapped[position + 1], swapped[position]
        with pytest.raises((AssertionError, KeyError)):
            check_messages(swapped)
    for block in ({"type": "text"}, {"type": "text", "text": "", "input": {}}, {"type": "tool_use", "id": "t"}):
        broken = copy.deepcopy(GRAMMATICAL)
        broken[1][1]["content_block"] = block
        with pytest.raises((AssertionError, ValidationError)):
            check_messages(broken)
    broken = copy.deepcopy(GRAMMATICAL)
    del broken[4][1]["delta"]["stop_sequence"]
    with pytest.raises(AssertionError):
        check_messages(broken)


def test_a_ping_is_heard_by_each_kind_of_client_defect_27_defect_220() -> None:
    """When a provider is silent, a client hears that we live, in its own way, and its package ignores it."""
    for client in CLIENTS:
        given = {"event": {"type": "ping"}, "response": {"id": "r", "model": "m", "created": 1}, "request": {},
                 "values": {}}  # fmt: skip
        frames = template(client, Kind.WRITE_EVENT)(given)
        assert frames, client
        for frame in frames:
            if client in ("gemini", "ollama"):
                validate_piece(client, frame["data"])
            elif client == "anthropic":
                validate_messages_event(frame["event"], frame["data"])
            elif "data" in frame:
                validate_chunk(frame["data"])
