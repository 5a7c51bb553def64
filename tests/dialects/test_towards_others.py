"""The openai and anthropic packages, unchanged, against providers of the further dialects."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from providers.gemini_server import STAND_IN, THOUGHT, signed
from providers.vendor_server import Refused
from sdk_oracles import strict, strict_event

GEMINI, OLLAMA, COHERE = "up-gemini:gemini-test", "up-ollama:qwen3:8b", "up-cohere:command-test"
BEDROCK, SIGNED = "up-bedrock:eu.anthropic.claude-test-v1:0", "up-signed:arn:aws:bedrock:eu-west-1::foundation-model/m.test-v1:0"
CHAT_TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}}}}
    for name in ("weather", "population")
]  # fmt: skip
MESSAGES_TOOLS: Any = [{"name": one["function"]["name"], "input_schema": one["function"]["parameters"]} for one in CHAT_TOOLS]
CALLS = [("weather", {"city": "city-0"}), ("population", {"city": "city-1"})]
RESULTS = "Results: weather is fine; population is fine"

each_model = pytest.mark.parametrize("model", [GEMINI, OLLAMA, COHERE, BEDROCK, SIGNED])


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


@each_model
def test_the_openai_package_chats(world: Any, model: str) -> None:
    answer = world.openai.chat.completions.create(model=model, messages=user("Hello!"), temperature=0.5, stop="END")
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hello!", "stop")
    assert answer.model == model
    assert answer.usage.total_tokens == 30
    strict(ChatCompletion, answer.to_dict())


@each_model
def test_the_openai_package_streams(world: Any, model: str) -> None:
    chunks = list(world.openai.chat.completions.create(
        model=model, messages=user("Tell me a story"), stream=True, stream_options={"include_usage": True}))  # fmt: skip
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "Tell me a story"
    assert chunks[-1].usage.total_tokens == 30
    for chunk in chunks:
        strict(ChatCompletionChunk, chunk.to_dict())


@each_model
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_the_openai_package_uses_tools(world: Any, model: str, streamed: bool) -> None:
    """Two rounds with parallel calls; the plain package brings back what it got. defect_16 defect_105"""
    messages: list[Any] = user("weather and population please")
    if streamed:
        with world.openai.chat.completions.stream(model=model, messages=messages, tools=CHAT_TOOLS) as stream:
            message = stream.get_final_completion().choices[0].message
    else:
        message = world.openai.chat.completions.create(model=model, messages=messages, tools=CHAT_TOOLS).choices[0].message
    assert [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls] == CALLS
    assert len({call.id for call in message.tool_calls}) == 2
    messages.append(message.to_dict())
    messages += [{"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} is fine"}
                 for call in message.tool_calls]  # fmt: skip
    second = world.openai.chat.completions.create(model=model, messages=messages, tools=CHAT_TOOLS)
    assert second.choices[0].message.content == RESULTS


@each_model
def test_the_openai_package_hears_of_failures(world: Any, model: str) -> None:
    server = world.servers[model[3:].split(":", 1)[0]]
    server.next_replies.append(server.refusal(Refused(429, "You are too fast.")))
    with pytest.raises(openai.RateLimitError, match="too fast"):
        world.openai.chat.completions.create(model=model, messages=user("x"))
    with pytest.raises(openai.BadRequestError, match="tool_choice" if model == OLLAMA else "n"):
        world.openai.chat.completions.create(
            model=model, messages=user("x"), tools=CHAT_TOOLS, tool_choice="required",
            n=1 if model == OLLAMA else 2)  # fmt: skip


@each_model
def test_the_anthropic_package_chats_and_streams(world: Any, model: str) -> None:
    answer = world.anthropic.messages.create(model=model, max_tokens=100, system="Be brief.", messages=user("Hello!"))
    assert (answer.content[0].text, answer.stop_reason, answer.model) == ("Hello!", "end_turn", model)
    strict(Message, answer.to_dict())
    with world.anthropic.messages.stream(model=model, max_tokens=100, messages=user("Tell me a story")) as stream:
        final = stream.get_final_message()
    assert final.content[0].text == "Tell me a story"
    assert final.usage.output_tokens == 10
    for event in world.anthropic.messages.create(model=model, max_tokens=100, messages=user("A story"), stream=True):
        strict_event(event.to_dict())


@each_model
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_the_anthropic_package_uses_tools(world: Any, model: str, streamed: bool) -> None:
    """Two rounds with parallel calls, the first of them signed where the provider signs. defect_16 defect_121"""
    messages: list[Any] = user("weather and population please")
    asked = {"model": model, "max_tokens": 100, "messages": messages, "tools": MESSAGES_TOOLS}
    if streamed:
        with world.anthropic.messages.stream(**asked) as stream:
            first = stream.get_final_message()
    else:
        first = world.anthropic.messages.create(**asked)
    calls = [block for block in first.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in calls] == CALLS
    messages.append({"role": "assistant", "content": [block.to_dict() for block in first.content]})
    messages.append({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": call.id, "content": f"{call.name} is fine"} for call in calls]})  # fmt: skip
    assert world.anthropic.messages.create(**asked).content[0].text == RESULTS
    if model == GEMINI:
        assert signatures(world) == [signed("weather")]


@each_model
def test_the_anthropic_package_hears_thoughts(world: Any, model: str) -> None:
    answer = world.anthropic.messages.create(
        model=model, max_tokens=4000, messages=user("Hello!"), thinking={"type": "enabled", "budget_tokens": 2048})  # fmt: skip
    assert [(block.type) for block in answer.content] == ["thinking", "text"]
    assert answer.content[0].thinking == THOUGHT


def signatures(world: Any) -> list[str]:
    """The signatures that the Gemini-type provider got back on calls."""
    contents = world.servers["gemini"].last.body["contents"]
    return [part["thoughtSignature"] for content in contents for part in content["parts"]
            if "functionCall" in part and "thoughtSignature" in part]  # fmt: skip


def test_a_signature_comes_back_through_the_openai_package(world: Any) -> None:
    """On the call itself, sealed in between, whole or streamed. defect_121"""
    messages: list[Any] = user("weather please")
    message = world.openai.chat.completions.create(model=GEMINI, messages=messages, tools=CHAT_TOOLS).choices[0].message
    sealed = message.tool_calls[0].extra_content["google"]["thought_signature"]
    assert sealed.startswith("morello1.up-gemini.")
    messages.append(message.to_dict())
    messages.append({"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"})
    world.openai.chat.completions.create(model=GEMINI, messages=messages, tools=CHAT_TOOLS)
    assert signatures(world) == [signed("weather")]


def test_a_client_that_drops_signatures_is_served(world: Any) -> None:
    """A word that the provider takes instead stands in for what did not come back. defect_121"""
    messages: list[Any] = [
        *user("weather please"),
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ]  # fmt: skip
    second = world.openai.chat.completions.create(model=GEMINI, messages=messages, tools=CHAT_TOOLS)
    assert second.choices[0].message.content == "Results: sunny"
    assert signatures(world) == [STAND_IN]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_foreign_thought_comes_home_through_the_genai_package(world: Any, streamed: bool) -> None:
    """A signed thought of another maker's travels in the package's own field, as base64, and comes back whole."""
    from google.genai import types  # noqa: PLC0415

    tool = types.Tool(function_declarations=[types.FunctionDeclaration(
        name="weather", parameters_json_schema={"type": "object", "properties": {"city": {"type": "string"}}})])  # fmt: skip
    config = types.GenerateContentConfig(
        tools=[tool], max_output_tokens=8000, thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=2048),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True))  # fmt: skip
    chat = world.genai.chats.create(model="up-anthropic:claude-test", config=config)
    if streamed:
        calls = [call for chunk in chat.send_message_stream("weather please") for call in chunk.function_calls or []]
    else:
        calls = chat.send_message("weather please").function_calls
    result = types.Part(function_response=types.FunctionResponse(
        id=calls[0].id, name="weather", response={"result": "sunny"}))  # fmt: skip
    assert chat.send_message([result]).text == "Results: sunny"
    got = [block for message in world.servers["anthropic"].last.body["messages"] if isinstance(message["content"], list)
           for block in message["content"] if block["type"] == "thinking"]  # fmt: skip
    assert [block["thinking"] for block in got] == [THOUGHT]
    assert all(block["signature"].startswith("sig") for block in got)
