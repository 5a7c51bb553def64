"""The official anthropic package, unchanged, against an Anthropic-type and an OpenAI-type provider."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from anthropic.types import Message
from sdk_oracles import strict, strict_event

UPSTREAMS = ["up-anthropic:claude-test", "up-openai:gpt-4o"]
TOOLS: Any = [
    {"name": name, "description": f"Looks up the {name}.", "input_schema": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
    for name in ("weather", "population")
]  # fmt: skip
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

pytestmark = pytest.mark.parametrize("model", UPSTREAMS)


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


def test_lists_models(world: Any, model: str) -> None:
    """The same list reads as Anthropic's to Anthropic's package."""
    listed = world.anthropic.models.list(limit=1000)
    assert all(one.type == "model" and one.display_name for one in listed.data)
    assert world.anthropic.models.retrieve(model).id == model


def test_chats(world: Any, model: str) -> None:
    """A message comes back as the package's own type, with the model's name as it was sent."""
    answer = world.anthropic.messages.create(model=model, max_tokens=100, messages=user("Hello, Claude!"))
    assert answer.content[0].text == "Hello, Claude!"
    assert (answer.stop_reason, answer.model) == ("end_turn", model)
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens, answer.usage.output_tokens) == (12, 8, 10)
    strict(Message, answer.to_dict())


def test_streams(world: Any, model: str) -> None:
    """The package's accumulator makes the whole message of the events, and each event is one of its types."""
    with world.anthropic.messages.stream(model=model, max_tokens=100, messages=user("Tell me a story")) as stream:
        final = stream.get_final_message()
    assert final.content[0].text == "Tell me a story"
    assert (final.stop_reason, final.model) == ("end_turn", model)
    assert (final.usage.input_tokens, final.usage.output_tokens) == (12, 10)
    raw = world.anthropic.messages.create(model=model, max_tokens=100, messages=user("Tell me a story"), stream=True)
    for event in raw:
        strict_event(event.to_dict())


def test_uses_tools_in_two_rounds(world: Any, model: str) -> None:
    """Parallel calls go out, their results go back in one message, and the answer to them arrives."""
    messages = user("weather and population please")
    first = world.anthropic.messages.create(model=model, max_tokens=100, messages=messages, tools=TOOLS)
    calls = [block for block in first.content if block.type == "tool_use"]
    assert first.stop_reason == "tool_use"
    assert [(call.name, call.input) for call in calls] == [
        ("weather", {"city": "city-0"}), ("population", {"city": "city-1"})]  # fmt: skip
    messages.append({"role": "assistant", "content": [block.to_dict() for block in first.content]})
    messages.append({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": call.id, "content": f"{call.name} is fine"} for call in calls]})  # fmt: skip
    second = world.anthropic.messages.create(model=model, max_tokens=100, messages=messages, tools=TOOLS)
    assert second.content[0].text == "Results: weather is fine; population is fine"


def test_streams_parallel_tool_calls(world: Any, model: str) -> None:
    """Calls whose shreds arrive interleaved leave one after the other, each whole."""
    with world.anthropic.messages.stream(
        model=model, max_tokens=100, messages=user("weather and population please"), tools=TOOLS
    ) as stream:
        final = stream.get_final_message()
    assert [(call.name, call.input) for call in final.content if call.type == "tool_use"] == [
        ("weather", {"city": "city-0"}), ("population", {"city": "city-1"})]  # fmt: skip
    assert final.stop_reason == "tool_use"


def test_sends_an_image(world: Any, model: str) -> None:
    """An image as base64 reaches either provider in its own form."""
    content = [{"type": "text", "text": "What is it?"},
               {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}]  # fmt: skip
    answer = world.anthropic.messages.create(
        model=model, max_tokens=100, messages=[{"role": "user", "content": content}])
    assert answer.content[0].text == "What is it? (images: 1)"


def test_errors_are_the_packages_own(world: Any, model: str) -> None:
    """Failures arrive as the package's exception for their status, in its envelope."""
    with pytest.raises(anthropic.NotFoundError) as caught:
        world.anthropic.messages.create(model="nobody:nothing", max_tokens=10, messages=user("x"))
    assert caught.value.body["type"] == "error"
    assert caught.value.body["error"]["type"] == "not_found_error"
    with pytest.raises(anthropic.AuthenticationError):
        world.anthropic.with_options(api_key="wrong").messages.create(model=model, max_tokens=10, messages=user("x"))
