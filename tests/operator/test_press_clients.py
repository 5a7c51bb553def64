"""A second unknown format: rows of text, a stream that is one JSON array, calls without ids, errors in plain text."""

from __future__ import annotations

import json
import time
from typing import Any

import anthropic
import openai
import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion
from sdk_oracles import strict

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
OPENAI_TOOLS: Any = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("weather", "tides")]
ANTHROPIC_TOOLS: Any = [{"name": name, "input_schema": SCHEMA} for name in ("weather", "tides")]
MODEL = "press:morning/early:2"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


def test_lists_editions(press: Any) -> None:
    """A bare array of names."""
    deadline = time.monotonic() + 10
    while len(listed := [one.id for one in press.anthropic.models.list(limit=10)]) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert listed == ["press:evening", MODEL]


def test_both_packages_chat(press: Any) -> None:
    """The path tells streams from whole answers, a header names the model, and the dialect's default is reported."""
    raw = press.openai.chat.completions.with_raw_response.create(model=MODEL, messages=user("Good morning"))
    assert raw.headers["gateway-warnings"] == "default max_tokens 400"
    answer = raw.parse()
    strict(ChatCompletion, answer.to_dict())
    assert (answer.choices[0].message.content, answer.usage.total_tokens, answer.id) == ("Good morning", 10, "issue-12")
    asked = press.server.last
    assert (asked.path, asked.headers["x-edition"]) == ("/print/whole", "morning/early:2")
    assert asked.body == {"script": [["reader", "Good morning"]], "columns": 400}
    message = press.anthropic.messages.create(model=MODEL, max_tokens=9, system="Short.", messages=user("Good evening"))
    strict(Message, message.to_dict())
    assert (message.content[0].text, message.stop_reason) == ("Good evening", "end_turn")
    assert press.server.last.body == {"script": [["editor", "Short."], ["reader", "Good evening"]], "columns": 9}


def test_both_packages_stream(press: Any, cut: bool) -> None:
    press.server.one_byte = cut
    text = 'He said "[{]}" — \u2028 🐙'
    chunks = list(press.openai.chat.completions.create(model=MODEL, messages=user(text), stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text
    assert press.server.last.path == "/print/live"
    with press.anthropic.messages.stream(model=MODEL, max_tokens=9, messages=user(text)) as stream:
        final = stream.get_final_message()
    assert (final.content[0].text, final.usage.output_tokens) == (text, 3)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_calls_without_ids_find_their_results(press: Any, streamed: bool) -> None:
    """The gateway gives each call an id, and the provider's row its name back."""
    messages: list[Any] = user("weather and tides")
    if streamed:
        with press.openai.chat.completions.stream(model=MODEL, messages=messages, tools=OPENAI_TOOLS) as stream:
            first = stream.get_final_completion().choices[0].message
    else:
        first = press.openai.chat.completions.create(model=MODEL, messages=messages, tools=OPENAI_TOOLS).choices[0].message
    calls = first.tool_calls
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [
        ("weather", {"city": "city-0"}), ("tides", {"city": "city-1"})]  # fmt: skip
    assert len({call.id for call in calls}) == 2
    messages.append({"role": "assistant", "content": first.content, "tool_calls": [
        {"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments}}
        for call in calls]})  # fmt: skip
    messages += [{"role": "tool", "tool_call_id": call.id, "content": f"{call.id} done"} for call in reversed(calls)]
    second = press.openai.chat.completions.create(model=MODEL, messages=messages, tools=OPENAI_TOOLS)
    assert second.choices[0].message.content == f"tides: {calls[1].id} done; weather: {calls[0].id} done"


def test_results_that_are_no_text_are_refused(press: Any) -> None:
    """An image has no row here; it would be lost, so the caller hears which one."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    messages = [
        *user("weather"),
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "weather", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [image]}]},
    ]
    with pytest.raises(anthropic.BadRequestError, match=r"messages\[2\]"):
        press.anthropic.messages.create(model=MODEL, max_tokens=9, messages=messages, tools=ANTHROPIC_TOOLS)


def test_plain_text_errors(press: Any, cut: bool) -> None:
    """With their status and their wait; and within a stream, where the array holds one."""
    press.server.one_byte = cut
    with pytest.raises(openai.InternalServerError, match="Paper jam: come back later") as caught:
        press.openai.chat.completions.create(model=MODEL, messages=user("jam"))
    assert (caught.value.status_code, caught.value.response.headers["retry-after"]) == (503, "7")
    with pytest.raises(anthropic.APIStatusError, match="Paper jam") as streamed:
        press.anthropic.messages.create(model=MODEL, max_tokens=9, messages=user("jam"), stream=True)
    assert streamed.value.body["error"]["type"] == "overloaded_error"
    with pytest.raises(openai.NotFoundError, match="No such edition: noon"):
        press.openai.chat.completions.create(model="press:noon", messages=user("Hi"))
    with pytest.raises(anthropic.APIError, match="The ink ran out"):
        list(press.anthropic.messages.create(model=MODEL, max_tokens=9, messages=user("flood"), stream=True))
