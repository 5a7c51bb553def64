"""A whole answer, given to a client that asked for a stream, is told as one, and says the same."""

from __future__ import annotations

from typing import Any

import pytest
from rosetta.stories import Story, declared_values, stories, template, write
from rosetta.stream_grammar import check_chat, check_messages
from rosetta.stream_journey import accumulated_completion, accumulated_message, frames_of

from handlers.engine.assembler import Assembler
from handlers.engine.streams import write_frames
from handlers.engine.templates import Kind
from handlers.engine.translated_stream import as_loose

ANSWERS = stories("response")


def name_of(story: Story) -> str:
    return story.name


def streamed(story: Story, client: str) -> bytes:
    assembler = Assembler(id="r", model="m", created=1)
    events = [event for loose in as_loose(story.neutral) for event in assembler.feed(loose)] + assembler.end()
    shared = {"response": assembler.response, "request": story.request, "values": declared_values(client)}
    write_event = template(client, Kind.WRITE_EVENT)
    return write_frames([frame for event in events for frame in write_event({"event": event, **shared}) or []])


def content_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks of a message, without those of kinds that only a provider of the same family writes."""
    known = ("text", "thinking", "redacted_thinking", "tool_use")
    return [block for block in message["content"] if block["type"] in known]


@pytest.mark.parametrize("story", ANSWERS, ids=name_of)
def test_a_messages_client_hears_the_same_defect_32_defect_61(story: Story) -> None:
    """Blocks and reason of the stream are those of the whole answer, signatures included."""
    frames = frames_of(streamed(story, "anthropic"))
    check_messages(frames)
    heard = accumulated_message(frames).model_dump(mode="json")
    told = write(story, "anthropic")
    if any("INVALID_JSON" in str(block) for block in told["content"]):
        return  # arguments that were cut off: a stream gives them as they are
    assert [plain(block) for block in content_of(heard)] == [plain(block) for block in content_of(told)]
    assert heard["stop_reason"] == told["stop_reason"]
    assert heard["usage"]["output_tokens"] == told["usage"]["output_tokens"]


@pytest.mark.parametrize("story", [story for story in ANSWERS if not story.request.get("extra")], ids=name_of)
def test_a_chat_client_hears_the_same_defect_32_defect_61(story: Story) -> None:
    """Text, calls and reason of the stream are those of the whole answer.

    Stories of the older protocol are left out: the package's accumulator does not know it.
    """
    frames = frames_of(streamed(story, "openai"))
    check_chat(frames, wants_usage=False)
    heard = accumulated_completion(frames)
    told = write(story, "openai")["choices"][0]
    assert (heard.content or "") == (told["message"]["content"] or "")
    assert heard.refusal == told["message"]["refusal"]
    calls = [(call.id, call.function.name, call.function.arguments) for call in heard.tool_calls or []]
    assert calls == [
        (call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in told["message"].get("tool_calls", [])
    ]


def plain(value: Any) -> Any:
    """A value without nulls, and without what the package adds to a block."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if each is not None and key != "parsed_output"}
    return [plain(each) for each in value] if isinstance(value, list) else value


def test_a_citation_follows_its_text_and_nothing_is_left_out() -> None:
    """Text, then what it cites, then the part's end; what only one family knows of an answer comes along."""
    citation = {"kind": "url", "url": "https://example.com"}
    part = {"type": "text", "text": "It is so.", "citations": [citation]}
    extra = {"anthropic": {"container": {"id": "c"}}}
    response = {"id": "r", "model": "m", "created": 1, "parts": [part], "finish_reason": "stop", "usage": {}, "extra": extra}
    assembler = Assembler(id="r", model="m", created=1)
    events = [event for loose in as_loose(response) for event in assembler.feed(loose)] + assembler.end()
    changes = [event for event in events if event["type"] in ("part_delta", "part_end")]
    assert [("text" in one, "citation" in one) for one in changes] == [(True, False), (False, True), (False, False)]
    assert assembler.response["parts"] == [part]
    assert assembler.response["extra"] == extra
