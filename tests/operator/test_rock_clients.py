"""A third unknown format: every line repeats all that was said, calls are pairs without ids, every answer is a 200."""

from __future__ import annotations

import json
import time
from typing import Any

import anthropic
import openai
import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from providers.quarry_server import KEY
from providers.vendor_server import Refused
from sdk_oracles import strict

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
OPENAI_TOOLS: Any = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("weather", "tides")]
ANTHROPIC_TOOLS: Any = [{"name": name, "input_schema": SCHEMA} for name in ("weather", "tides")]
MODEL = "rock:granite"
CALLS = [("weather", {"city": "city-0"}), ("tides", {"city": "city-1"})]


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


def test_lists_stones(rock: Any) -> None:
    """Of rows, by the places in them."""
    wanted = {"musing-rock:granite", "musing-rock:slate", MODEL, "rock:slate"}
    deadline = time.monotonic() + 10
    while {one.id for one in rock.openai.models.list()} != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert {one.id: one.name for one in rock.openai.models.list()}[MODEL] == "Granite One"


def test_both_packages_chat(rock: Any) -> None:
    answer = rock.openai.chat.completions.create(
        model=MODEL, max_tokens=9, temperature=0.5, messages=[{"role": "system", "content": "Be brief."}, *user("Hello")])  # fmt: skip
    strict(ChatCompletion, answer.to_dict())
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hello", "stop")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (7, 3)
    assert rock.server.last.path == "/stones/granite/speak"
    assert rock.server.last.body == {"talk": [[10, "Be brief."], [20, "Hello"]], "most": 9, "warm": 0.5, "flow": False}
    message = rock.anthropic.messages.create(model=MODEL, max_tokens=9, messages=user("Good evening"))
    strict(Message, message.to_dict())
    assert (message.content[0].text, message.stop_reason, message.usage.output_tokens) == ("Good evening", "end_turn", 3)


def test_both_packages_hear_each_word_once(rock: Any, cut: bool) -> None:
    """What a line repeats is taken off, also beyond the characters that take two places elsewhere."""
    rock.server.one_byte = cut
    text = 'He said "ho, ho, ho" — \u2028 🐙🐙 ho'
    chunks = list(rock.openai.chat.completions.create(
        model=MODEL, messages=user(text), stream=True, stream_options={"include_usage": True}))  # fmt: skip
    for chunk in chunks:
        strict(ChatCompletionChunk, chunk.to_dict())
    shreds = [chunk.choices[0].delta.content for chunk in chunks[:-1] if chunk.choices[0].delta.content]
    assert (shreds, chunks[-1].usage.total_tokens) == ([text[at : at + 3] for at in range(0, len(text), 3)], 10)
    with rock.anthropic.messages.stream(model=MODEL, max_tokens=9, messages=user(text)) as stream:
        final = stream.get_final_message()
    assert ([block.text for block in final.content], final.usage.output_tokens) == ([text], 3)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_calls_grow_and_their_results_find_their_places(rock: Any, streamed: bool) -> None:
    messages: list[Any] = user("weather and tides")
    asked: Any = {"model": MODEL, "messages": messages, "tools": OPENAI_TOOLS}
    if streamed:
        with rock.openai.chat.completions.stream(**asked) as stream:
            first = stream.get_final_completion().choices[0]
    else:
        first = rock.openai.chat.completions.create(**asked).choices[0]
    calls = first.message.tool_calls
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == CALLS
    assert (first.finish_reason, first.message.content, len({call.id for call in calls})) == ("tool_calls", "One moment.", 2)
    messages.append({"role": "assistant", "content": first.message.content, "tool_calls": [
        {"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments}}
        for call in calls]})  # fmt: skip
    messages += [{"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} done"} for call in reversed(calls)]
    second = rock.openai.chat.completions.create(model=MODEL, messages=messages, tools=OPENAI_TOOLS)
    assert second.choices[0].message.content == "0: weather done; 1: tides done"


def test_thoughts_and_calls_reach_the_other_package(rock: Any, cut: bool) -> None:
    rock.server.one_byte = cut
    with rock.anthropic.messages.stream(
        model=MODEL, max_tokens=2000, messages=user("weather and tides"), tools=ANTHROPIC_TOOLS,
        thinking={"type": "enabled", "budget_tokens": 1024}) as stream:  # fmt: skip
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert (final.content[0].thinking, final.stop_reason) == ("Which tool?", "tool_use")
    assert [(block.name, block.input) for block in final.content[2:]] == CALLS


def test_thoughts_between_tags_are_told_apart_in_what_repeats_itself(rock: Any, cut: bool) -> None:
    """`thought_tags` look at what is new, wherever the lines cut the tags."""
    rock.server.one_byte = cut
    chunks = list(rock.openai.chat.completions.create(
        model="musing-rock:slate", messages=user("<mull>Well, well.</mull>Yes, yes."), stream=True))  # fmt: skip
    deltas = [chunk.choices[0].delta.to_dict() for chunk in chunks if chunk.choices]
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == "Well, well."
    assert "".join(delta.get("content") or "" for delta in deltas) == "Yes, yes."


def test_failures_that_come_with_a_200(rock: Any, cut: bool) -> None:
    """Whole, instead of a stream, in the middle of one; and a stream that takes back what it said."""
    rock.server.one_byte = cut
    with pytest.raises(openai.RateLimitError, match="Too many hammers") as caught:
        rock.openai.chat.completions.create(model=MODEL, messages=user("crowd"))
    assert caught.value.response.headers["retry-after"] == "3"
    with pytest.raises(anthropic.APIStatusError, match="Too many hammers") as streamed:
        list(rock.anthropic.messages.create(model=MODEL, max_tokens=9, messages=user("crowd"), stream=True))
    assert streamed.value.body["error"]["type"] == "rate_limit_error"
    with pytest.raises(openai.NotFoundError, match="No stone"):
        rock.openai.chat.completions.create(model="rock:chalk", messages=user("Hi"))
    with pytest.raises(anthropic.APIError, match="The face came down"):
        list(rock.anthropic.messages.create(model=MODEL, max_tokens=9, messages=user("slide"), stream=True))
    with pytest.raises(openai.APIError, match="took back what it had already said"):
        list(rock.openai.chat.completions.create(model=MODEL, messages=user("recant"), stream=True))
    rock.server.next_replies.append(rock.server.refusal(Refused(2, f"Not {KEY}")))
    with pytest.raises(openai.InternalServerError, match="refused the gateway's own credential") as refused:
        rock.openai.chat.completions.create(model=MODEL, messages=user("Hi"))
    assert KEY not in refused.value.message
