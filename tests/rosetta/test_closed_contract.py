"""What both dialects write fits the contract to the letter: no undeclared member, no word outside its vocabulary."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from contract.closed_view import closed_view, validator
from rosetta.stories import DIALECTS, ROOT, Story, stories, write
from rosetta.stream_grammar import KNOWN_BLOCKS
from rosetta.stream_journey import FRAMINGS, frames_of, journey_of, named, stream_stories

from handlers.engine.contract.document import load_document

STORIES = stream_stories()
COMPONENTS = {
    ("openai", "response"): "ChatCompletion",
    ("openai", "error"): "OpenAIError",
    ("openai", "event"): "ChatCompletionChunk",
    ("anthropic", "response"): "Message",
    ("anthropic", "error"): "AnthropicError",
    ("anthropic", "event"): "MessageStreamEvent",
    ("gemini", "response"): "GenerateContentResponse",
    ("gemini", "error"): "GeminiError",
    ("gemini", "event"): "GenerateContentStreamEvent",
    ("ollama", "response"): "OllamaChatResponse",
    ("ollama", "error"): "OllamaError",
    ("ollama", "event"): "OllamaStreamEvent",
}


@cache
def closed(dialect: str, kind: str) -> Any:
    document = closed_view(load_document(ROOT / "openapi" / "openapi.yaml"))
    return validator(document, COMPONENTS[dialect, kind])


@pytest.mark.parametrize("story", [*stories("response"), *stories("error")], ids=lambda story: story.name)
def test_answers_and_errors(story: Story) -> None:
    """Each story's answer or error, as each client gets it."""
    for dialect in DIALECTS:
        if story.written(dialect):
            closed(dialect, story.kind).validate(write(story, dialect))


@pytest.mark.parametrize("story", [named(story) for story in STORIES])
def test_events(story: dict[str, Any]) -> None:
    """Each event of each story's stream. A block unheard of, which goes home verbatim, is the provider's affair."""
    journey = journey_of(story)
    for dialect in DIALECTS:
        for _, data in frames_of(journey.out[dialect], FRAMINGS[dialect].name):
            if data == "[DONE]" or data.get("content_block", {}).get("type", "text") not in KNOWN_BLOCKS:
                continue
            kind = "error" if dialect == "openai" and "error" in data else "event"
            closed(dialect, kind).validate(data)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_closed_contract_bites(dialect: str) -> None:
    """A member that nobody declared is seen in an event."""
    frames = frames_of(journey_of(STORIES[0]).out[dialect], FRAMINGS[dialect].name)
    assert closed(dialect, "event").is_valid(frames[0][1])
    assert not closed(dialect, "event").is_valid({**frames[0][1], "stray": 1})
