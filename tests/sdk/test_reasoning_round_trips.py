"""Thinking survives a tool loop through either client, signature and all, with no state on the server."""

from __future__ import annotations

from typing import Any

from providers.anthropic_server import THOUGHT, signed

MODEL = "up-anthropic:claude-test"
OPENAI_TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}}}}]  # fmt: skip
ANTHROPIC_TOOLS: Any = [{"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]
THINKING: Any = {"type": "enabled", "budget_tokens": 2048}


def thoughts(body: dict[str, Any]) -> list[tuple[str, str]]:
    """The thinking blocks that a provider got back, with their signatures."""
    return [(block["thinking"], block["signature"]) for message in body["messages"] if isinstance(message["content"], list)
            for block in message["content"] if block["type"] == "thinking"]  # fmt: skip


def test_the_openai_client_carries_a_signed_thought(world: Any) -> None:
    """What the plain openai package sends back of an assistant message holds the thought; its maker gets it whole."""
    messages: list[Any] = [{"role": "user", "content": "weather please"}]
    first = world.openai.chat.completions.create(
        model=MODEL, messages=messages, tools=OPENAI_TOOLS, reasoning_effort="low", max_completion_tokens=4000)
    message = first.choices[0].message
    assert message.reasoning_content == THOUGHT
    messages.append(message.to_dict())
    messages.append({"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"})
    second = world.openai.chat.completions.create(
        model=MODEL, messages=messages, tools=OPENAI_TOOLS, reasoning_effort="low", max_completion_tokens=4000)
    assert second.choices[0].message.content == "Results: sunny"
    assert thoughts(world.anthropic_server.last.body) == [(THOUGHT, signed(THOUGHT))]


def test_what_repeats_a_sealed_thought_is_no_loss(world: Any) -> None:
    """`reasoning_content` beside its own sealed block loses nothing; one that says something else does."""
    messages: list[Any] = [{"role": "user", "content": "weather please"}]
    wishes: Any = {"model": MODEL, "tools": OPENAI_TOOLS, "reasoning_effort": "low", "max_completion_tokens": 4000}
    message = world.openai.chat.completions.create(messages=messages, **wishes).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"}
    for thought, lost in ((THOUGHT, False), ("Something else.", True)):
        said = {**message.to_dict(), "reasoning_content": thought}
        answer = world.openai.chat.completions.with_raw_response.create(messages=[*messages, said, result], **wishes)
        assert ("reasoning_content" in answer.headers.get("gateway-warnings", "")) is lost


def test_the_openai_client_carries_a_signed_thought_of_a_stream(world: Any) -> None:
    """The deltas of a stream add up to a message that holds the thought."""
    messages: list[Any] = [{"role": "user", "content": "weather please"}]
    details: list[Any] = []
    call: dict[str, Any] = {"arguments": ""}
    for chunk in world.openai.chat.completions.create(
        model=MODEL, messages=messages, tools=OPENAI_TOOLS, reasoning_effort="low", max_completion_tokens=4000, stream=True
    ):
        delta = chunk.choices[0].delta
        details += getattr(delta, "reasoning_details", None) or []
        for piece in delta.tool_calls or []:
            call["id"] = piece.id or call["id"]
            call["arguments"] += piece.function.arguments or ""
    joined: dict[str, Any] = {}
    for one in details:
        joined = {**joined, **one, "text": joined.get("text", "") + one.get("text", "")}
    function = {"name": "weather", "arguments": call["arguments"]}
    messages.append({"role": "assistant", "content": None, "reasoning_details": [joined],
                     "tool_calls": [{"id": call["id"], "type": "function", "function": function}]})  # fmt: skip
    messages.append({"role": "tool", "tool_call_id": call["id"], "content": "sunny"})
    second = world.openai.chat.completions.create(
        model=MODEL, messages=messages, tools=OPENAI_TOOLS, reasoning_effort="low", max_completion_tokens=4000)
    assert second.choices[0].message.content == "Results: sunny"
    assert thoughts(world.anthropic_server.last.body) == [(THOUGHT, signed(THOUGHT))]


def test_a_client_that_forgets_the_thought_gets_thinking_switched_off(world: Any) -> None:
    """While a tool is in use the vendor demands the thought; without it the request goes out without thinking, and says so."""
    messages: Any = [
        {"role": "user", "content": "weather please"},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "toolu_0", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "toolu_0", "content": "sunny"},
    ]  # fmt: skip
    raw = world.openai.chat.completions.with_raw_response.create(
        model=MODEL, messages=messages, tools=OPENAI_TOOLS, reasoning_effort="low", max_completion_tokens=4000)
    assert "compatibility reasoning" in raw.headers["gateway-warnings"]
    assert raw.parse().choices[0].message.content == "Results: sunny"


def test_the_anthropic_client_keeps_its_own_signature(world: Any) -> None:
    """Within the family nothing is sealed: the signature is the vendor's, there and back."""
    messages: list[Any] = [{"role": "user", "content": "weather please"}]
    first = world.anthropic.messages.create(
        model=MODEL, max_tokens=4000, messages=messages, tools=ANTHROPIC_TOOLS, thinking=THINKING)
    assert first.content[0].signature == signed(THOUGHT)
    messages.append({"role": "assistant", "content": [block.to_dict() for block in first.content]})
    messages.append({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": first.content[1].id, "content": "sunny"}]})  # fmt: skip
    second = world.anthropic.messages.create(
        model=MODEL, max_tokens=4000, messages=messages, tools=ANTHROPIC_TOOLS, thinking=THINKING)
    assert second.content[-1].text == "Results: sunny"


def test_the_anthropic_client_carries_anothers_thought_sealed(world: Any) -> None:
    """An OpenAI-type provider's reasoning travels in a thinking block of an Anthropic client, sealed, and comes back."""
    model = "up-openai:o-mini"
    messages: list[Any] = [{"role": "user", "content": "weather please"}]
    first = world.anthropic.messages.create(
        model=model, max_tokens=4000, messages=messages, tools=ANTHROPIC_TOOLS, thinking=THINKING)
    thought, call = first.content
    assert thought.thinking == "Let me think about it."
    assert thought.signature.startswith("morello1.up-openai.")
    messages.append({"role": "assistant", "content": [block.to_dict() for block in first.content]})
    messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]})
    second = world.anthropic.messages.create(
        model=model, max_tokens=4000, messages=messages, tools=ANTHROPIC_TOOLS, thinking=THINKING)
    assert second.content[-1].text == "Results: sunny"
    assert world.openai_server.last.body["messages"][1]["reasoning_content"] == "Let me think about it."
    assert "morello1" not in world.openai_server.last.raw.decode()
