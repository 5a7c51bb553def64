"""The official openai package, unchanged, against an OpenAI-type and an Anthropic-type provider."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from sdk_oracles import strict

UPSTREAMS = ["up-openai:gpt-4o", "up-anthropic:claude-test"]
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "description": f"Looks up the {name}.", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
    for name in ("weather", "population")
]  # fmt: skip
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

pytestmark = pytest.mark.parametrize("model", UPSTREAMS)


def test_lists_models(world: Any, model: str) -> None:
    """The list that the package reads names what the providers have."""
    listed = {one.id for one in world.openai.models.list()}
    assert listed <= {"up-openai:gpt-4o", "up-anthropic:claude-test"}
    assert world.openai.models.retrieve(model).id == model


def test_chats(world: Any, model: str) -> None:
    """A chat comes back as the package's own type, with the model's name as it was sent."""
    answer = world.openai.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello!"}])
    assert answer.choices[0].message.content == "Hello!"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == model
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (20, 10, 30)
    assert answer.usage.prompt_tokens_details.cached_tokens == 8
    strict(ChatCompletion, answer.to_dict())


def test_streams(world: Any, model: str) -> None:
    """The chunks of a stream add up to the text; the usage comes only to who asks for it."""
    messages: Any = [{"role": "user", "content": "Tell me a story"}]
    chunks = list(world.openai.chat.completions.create(model=model, messages=messages, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Tell me a story"
    assert all(chunk.model == model and chunk.choices for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"
    for chunk in chunks:
        strict(ChatCompletionChunk, chunk.to_dict())
    asked = list(world.openai.chat.completions.create(
        model=model, messages=messages, stream=True, stream_options={"include_usage": True}))  # fmt: skip
    assert asked[-1].choices == []
    assert asked[-1].usage.total_tokens == 30


def test_uses_tools_in_two_rounds(world: Any, model: str) -> None:
    """Parallel calls go out, their results go back, and the answer to them arrives."""
    messages: list[Any] = [{"role": "user", "content": "weather and population please"}]
    first = world.openai.chat.completions.create(model=model, messages=messages, tools=TOOLS)
    calls = first.choices[0].message.tool_calls
    assert first.choices[0].finish_reason == "tool_calls"
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [
        ("weather", {"city": "city-0"}), ("population", {"city": "city-1"})]  # fmt: skip
    messages.append(first.choices[0].message.to_dict())
    messages += [{"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} is fine"} for call in calls]
    second = world.openai.chat.completions.create(model=model, messages=messages, tools=TOOLS)
    assert second.choices[0].message.content == "Results: weather is fine; population is fine"


def test_streams_parallel_tool_calls(world: Any, model: str) -> None:
    """The package's own accumulator puts parallel calls of a stream together."""
    messages: Any = [{"role": "user", "content": "weather and population please"}]
    with world.openai.chat.completions.stream(model=model, messages=messages, tools=TOOLS) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [
        ("weather", {"city": "city-0"}), ("population", {"city": "city-1"})]  # fmt: skip
    assert final.choices[0].finish_reason == "tool_calls"


def test_sends_an_image(world: Any, model: str) -> None:
    """An image as a data URL reaches either provider in its own form."""
    content = [{"type": "text", "text": "What is it?"},
               {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]  # fmt: skip
    answer = world.openai.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
    assert answer.choices[0].message.content == "What is it? (images: 1)"


def test_errors_are_the_packages_own(world: Any, model: str) -> None:
    """A provider's refusal arrives as the package's exception for its status, with the provider's words."""
    with pytest.raises(openai.BadRequestError) as caught:
        world.openai.chat.completions.create(
            model=model, messages=[{"role": "user", "content": [{"type": "text", "text": " "}]},
                                   {"role": "tool", "tool_call_id": "none", "content": "x"}])  # fmt: skip
    assert "none" in str(caught.value) or "preceeding" in str(caught.value)
    with pytest.raises(openai.NotFoundError):
        world.openai.chat.completions.create(model="nobody:nothing", messages=[{"role": "user", "content": "x"}])
    with pytest.raises(openai.AuthenticationError):
        world.openai.with_options(api_key="wrong").models.list()
