"""A format that nobody has seen, added as files, through the official anthropic package."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest
from anthropic.types import Message
from providers.tidepool_server import MUSE, seal
from sdk_oracles import strict, strict_event

MODEL = "pool:abyss-1"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [{"name": name, "description": f"Looks up the {name}.", "input_schema": SCHEMA} for name in ("weather", "population")]
CALLS = [("weather", {"city": "city-0"}), ("population", {"city": "city-1"})]
THINKING: Any = {"type": "adaptive"}


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


def ask(pool: Any, messages: Any, **more: Any) -> Any:
    return pool.anthropic.messages.create(model=MODEL, max_tokens=100, messages=messages, **more)


def test_chats(pool: Any) -> None:
    answer = ask(pool, user("Hello, pool"), system="Be brief.")
    strict(Message, answer.to_dict())
    assert answer.content[0].text == "Hello, pool"
    assert (answer.stop_reason, answer.model) == ("end_turn", MODEL)
    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (5, 3, 6)
    assert pool.server.last.body == {
        "edicts": ["Be brief."], "turns": [{"who": 1, "bits": [{"say": "Hello, pool"}]}], "dials": {"ceiling": 100}}  # fmt: skip


def test_names_what_the_templates_do_not_carry(pool: Any) -> None:
    raw = pool.anthropic.messages.with_raw_response.create(
        model=MODEL, max_tokens=100, extra_body={"top_k": 3}, messages=user("Hi"), metadata={"user_id": "u"})  # fmt: skip
    assert sorted(raw.headers["gateway-warnings"].split(", ")) == ["unsupported metadata", "unsupported top_k"]


def test_streams(pool: Any, cut: bool) -> None:
    """Each event is one of the package's types, and its accumulator makes the whole message of them."""
    pool.server.one_byte = cut
    for event in ask(pool, user("Wörds and 🐙"), stream=True):
        strict_event(event.to_dict())
    with pool.anthropic.messages.stream(model=MODEL, max_tokens=100, messages=user("Wörds and 🐙")) as stream:
        final = stream.get_final_message()
    assert final.content[0].text == "Wörds and 🐙"
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 6)


def test_uses_tools_in_two_rounds(pool: Any) -> None:
    messages = user("weather and population please")
    first = ask(pool, messages, tools=TOOLS)
    calls = [block for block in first.content if block.type == "tool_use"]
    assert first.stop_reason == "tool_use"
    assert [(call.name, call.input) for call in calls] == CALLS
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": f"{call.name} is fine"} for call in calls]
    results[1]["is_error"] = True
    messages += [{"role": "assistant", "content": [block.to_dict() for block in first.content]},
                 {"role": "user", "content": results}]  # fmt: skip
    second = ask(pool, messages, tools=TOOLS)
    assert second.content[0].text == "Brought: weather is fine; broken population is fine"


def test_streams_thoughts_and_parallel_calls_and_takes_them_home(pool: Any, cut: bool) -> None:
    """A told muse, a veiled one, two uses in shreds; what the package accumulated goes back, each seal its own."""
    pool.server.one_byte = cut
    messages = user("weather and population please")
    with pool.anthropic.messages.stream(
        model=MODEL, max_tokens=100, messages=messages, tools=TOOLS, thinking=THINKING, output_config={"effort": "low"}
    ) as stream:
        first = stream.get_final_message()
    assert [block.type for block in first.content] == ["thinking", "redacted_thinking", "tool_use", "tool_use"]
    assert first.content[0].thinking == MUSE
    assert seal(MUSE) not in json.dumps(first.to_dict())
    calls = first.content[2:]
    assert [(call.name, call.input) for call in calls] == CALLS
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "fine"} for call in calls]
    messages += [{"role": "assistant", "content": [block.to_dict() for block in first.content]},
                 {"role": "user", "content": results}]  # fmt: skip
    second = ask(pool, messages, tools=TOOLS)
    assert second.content[0].text == "Brought: fine; fine"
    assert pool.server.last.body["turns"][1]["bits"][:2] == [{"muse": MUSE, "seal": seal(MUSE)}, {"seal": seal(None)}]


def test_failures_are_the_packages_own(pool: Any) -> None:
    with pytest.raises(anthropic.RateLimitError) as caught:
        ask(pool, user("crowd"))
    assert caught.value.body["error"] == {"type": "rate_limit_error", "message": "Too many divers."}
    with pytest.raises(anthropic.APIStatusError, match="An undertow") as inside:
        ask(pool, user("undertow"))
    assert inside.value.body["error"]["type"] == "overloaded_error"


@pytest.mark.parametrize(("word", "message"), [("undertow", "An undertow"), ("whirl", "broke off")])
def test_a_stream_that_fails_says_so(pool: Any, cut: bool, word: str, message: str) -> None:
    pool.server.one_byte = cut
    with pytest.raises(anthropic.APIError, match=message):
        list(ask(pool, user(word), stream=True))
