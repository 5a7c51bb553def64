"""What every stream we write must obey, whatever the provider did: the grammars of both kinds of client.

Each check raises AssertionError with the rule that was broken.
"""

from __future__ import annotations

import json
from typing import Any, get_args

from anthropic.types import RawContentBlockStartEvent, RawMessageStreamEvent
from anthropic.types.shared import ErrorResponse
from google.genai import types as genai
from ollama._types import ChatResponse
from openai.types.chat import ChatCompletionChunk
from pydantic import TypeAdapter

Frame = tuple[str | None, Any]

MESSAGES_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
KNOWN_BLOCKS = {
    get_args(block.model_fields["type"].annotation)[0]
    for block in get_args(RawContentBlockStartEvent.model_fields["content_block"].annotation)
}
"""The kinds of blocks the official package has heard of; a provider of the same family may send others."""
OPENED = {
    "text": {"type", "text"},
    "thinking": {"type", "thinking", "signature"},
    "redacted_thinking": {"type", "data"},
    "tool_use": {"type", "id", "name", "input"},
}
DELTAS = {
    "text": {"text_delta", "citations_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "redacted_thinking": set(),
    "tool_use": {"input_json_delta"},
}
COUNTS = {"input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"}


# ---- Messages ---------------------------------------------------------------------------------------------------


def validate_messages_event(name: str | None, data: Any) -> None:
    """One event against the types of the official package; `event:` and `data:` must agree."""
    assert name is not None and name == data["type"], "each event has its name twice, beside and inside its data"
    if name == "ping":
        assert data == {"type": "ping"}
    elif name == "error":
        ErrorResponse.model_validate(data)
    elif name == "content_block_start" and data["content_block"].get("type", "text") not in KNOWN_BLOCKS:
        assert data.keys() == {"type", "index", "content_block"}
    else:
        MESSAGES_EVENT.validate_python(data)


def check_messages(frames: list[Frame]) -> None:
    """message_start (start delta* stop)* message_delta message_stop, with ping anywhere and error for the tail."""
    for name, data in frames:
        validate_messages_event(name, data)
    events = [data for name, data in frames if name != "ping"]
    assert events, "a stream says something"
    if events[-1]["type"] == "error":
        events.pop()
        check_message_start(events)
        check_blocks(events[1:], complete=False)
        return
    check_message_start(events)
    assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"], "the tail is always sent"
    check_blocks(events[1:-2], complete=True)
    delta, usage = events[-2]["delta"], events[-2]["usage"]
    assert "output_tokens" in usage
    assert usage.keys() >= COUNTS or not usage.keys() & COUNTS - {"output_tokens"}, "the last counts are complete"
    assert delta["stop_reason"], "a finished answer has a reason"
    assert "stop_sequence" in delta, "null is written out"
    called = any(event.get("content_block", {}).get("type") == "tool_use" for event in events)
    if called:
        assert delta["stop_reason"] in ("tool_use", "max_tokens", "refusal"), "after a call the client must act"


def check_message_start(events: list[Any]) -> None:
    if not events:
        return  # an error instead of an answer
    assert [event["type"] for event in events].count("message_start") == 1, "one start"
    assert events[0]["type"] == "message_start", "the start is the first event"
    message = events[0]["message"]
    assert message["content"] == [] and message["stop_reason"] is None and message["stop_sequence"] is None
    assert message["usage"].keys() >= COUNTS | {"cache_creation"}, "the first counts are complete"
    for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
        assert message["usage"][name] >= 0, "no count is negative"


def check_blocks(events: list[Any], *, complete: bool) -> None:
    """Blocks are numbered without gaps, one is open at a time, each is closed once, each tool's input is JSON."""
    opened: dict[str, Any] | None = None
    index, inputs = -1, ""
    for event in events:
        kind = event["type"]
        assert kind.startswith("content_block_"), f"{kind} among the blocks"
        if kind == "content_block_start":
            assert opened is None, "a block begins only after the one before has ended"
            opened, index, inputs = event["content_block"], index + 1, ""
            assert set(opened) >= OPENED.get(opened["type"], {"type"}), "empty members are written out"
            if opened["type"] in OPENED:
                assert set(opened) <= OPENED[opened["type"]], "and only those that belong to the block"
        assert opened is not None, f"{kind} outside of a block"
        assert event["index"] == index, "index counts the blocks"
        if kind == "content_block_delta":
            delta = event["delta"]
            if opened["type"] in DELTAS:
                assert delta["type"] in DELTAS[opened["type"]], f"{delta['type']} in a block of {opened['type']}"
            inputs += delta.get("partial_json", "")
        if kind == "content_block_stop":
            if opened["type"] == "tool_use" and complete:
                assert inputs, "a call's arguments are told, even if they are none"
            opened = None
    if complete:
        assert opened is None, "every block is closed before the end"


# ---- Chat Completions -------------------------------------------------------------------------------------------


def validate_chunk(data: Any) -> None:
    """One chunk against the types of the official package."""
    ChatCompletionChunk.model_validate(data)


def check_chat(frames: list[Frame], *, wants_usage: bool) -> None:
    """Role first, content, the finish in a chunk of its own, usage if it was asked for, [DONE]; or an error."""
    assert all(name is None for name, _ in frames), "this dialect does not name its events"
    chunks = [data for _, data in frames]
    if isinstance(chunks[-1], dict) and "error" in chunks[-1]:
        error = chunks.pop()["error"]
        assert error["message"] and error.keys() >= {"message", "type", "param", "code"}
        for chunk in chunks:
            validate_chunk(chunk)
        assert not any(choice["finish_reason"] for chunk in chunks for choice in chunk["choices"])
        return
    assert chunks.pop() == "[DONE]", "[DONE] is the last that is said"
    for chunk in chunks:
        validate_chunk(chunk)
        assert isinstance(chunk["choices"], list)
        assert [chunk[name] for name in ("id", "model", "created")] == [
            chunks[0][name] for name in ("id", "model", "created")
        ], "a chunk says of which answer it is"
    counted = [chunk for chunk in chunks if chunk.get("usage")]
    assert len(counted) == int(wants_usage), "usage comes once to whoever asks for it"
    if wants_usage:
        assert chunks.pop()["choices"] == [], "usage has a chunk of its own, the last one"
    check_deltas([chunk["choices"] for chunk in chunks])


def check_deltas(choices: list[list[Any]]) -> None:
    assert all(len(of_chunk) == 1 and of_chunk[0]["index"] == 0 for of_chunk in choices)
    deltas = [of_chunk[0]["delta"] for of_chunk in choices]
    assert deltas[0].get("role") == "assistant" and not any("role" in delta for delta in deltas[1:])
    finishes = [of_chunk[0]["finish_reason"] for of_chunk in choices]
    assert not any(finishes[:-1]) and finishes[-1] and deltas[-1] == {}, "the finish comes once, alone, last"
    calls: list[str] = []
    for delta in deltas:
        assert not isinstance(delta.get("reasoning_content"), dict | list)
        for call in delta.get("tool_calls", []):
            if call["index"] == len(calls):
                assert call["id"] and call["type"] == "function" and call["function"]["name"]
                calls.append("")
            assert call["index"] == len(calls) - 1, "calls are counted from 0, one after the other"
            calls[-1] += call["function"].get("arguments", "")
    if calls and finishes[-1] == "tool_calls":
        assert all(isinstance(json.loads(arguments), dict) for arguments in calls), "arguments are a JSON object"


def validate_piece(dialect: str, data: Any) -> None:
    """A piece of a generateContent or of an Ollama answer, as the official types see it."""
    if "error" in data:
        assert isinstance(data["error"], dict if dialect == "gemini" else str)
    elif dialect == "gemini":
        genai.GenerateContentResponse.model_validate(data)
    else:
        ChatResponse.model_validate(data)
        assert data.keys() <= ChatResponse.model_fields.keys(), data.keys()


def check_generated(frames: list[tuple[str | None, Any]]) -> None:
    """Pieces without names, each valid by itself; the last one, and no other, says why it ends, or what went wrong."""
    assert frames, "a stream says something"
    for name, data in frames:
        assert name is None, "events of generateContent have no names"
        validate_piece("gemini", data)
    ends = ["error" in data or "finishReason" in data["candidates"][0] for _, data in frames]
    assert ends == [*[False] * (len(frames) - 1), True], "an answer ends once, at its end"
    if "error" not in frames[-1][1]:
        assert frames[-1][1]["usageMetadata"]["totalTokenCount"] >= 0


def check_lines(frames: list[tuple[str | None, Any]]) -> None:
    """Lines, each valid by itself; the last one, and no other, is done, or says what went wrong."""
    assert frames, "a stream says something"
    for _, data in frames:
        validate_piece("ollama", data)
    ends = ["error" in data or data["done"] for _, data in frames]
    assert ends == [*[False] * (len(frames) - 1), True], "an answer ends once, at its end"
    if "error" not in frames[-1][1]:
        assert frames[-1][1]["eval_count"] >= 0
