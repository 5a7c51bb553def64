"""A fourth unknown format: threads by letters in one array, results inside calls, images in a list of their own."""

from __future__ import annotations

import json
import time
from typing import Any

import anthropic
import openai
import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion
from providers.loom_server import KEY
from providers.vendor_server import Refused
from sdk_oracles import strict

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
OPENAI_TOOLS: Any = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("weather", "tides")]
ANTHROPIC_TOOLS: Any = [{"name": name, "input_schema": SCHEMA} for name in ("weather", "tides")]
MODEL = "mill:satin/5"
CALLS = [("weather", {"city": "city-0"}), ("tides", {"city": "city-1"})]


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


def test_lists_patterns(mill: Any) -> None:
    deadline = time.monotonic() + 10
    while len(listed := [one.id for one in mill.anthropic.models.list(limit=10)]) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert listed == ["mill:twill", MODEL]


def test_both_packages_chat(mill: Any) -> None:
    """A header names the model, and the parameter with the key is spelt for a URL."""
    answer = mill.openai.chat.completions.create(model=MODEL, messages=user("Hello"))
    strict(ChatCompletion, answer.to_dict())
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason, answer.usage.total_tokens) == ("Hello", "stop", 10)
    asked = mill.server.last
    assert (asked.path, asked.headers["x-pattern"]) == ("/weave", "satin/5")
    assert asked.body == {"card": {}, "cloth": [{"by": "asker", "says": ["Hello"]}]}
    message = mill.anthropic.messages.create(model=MODEL, max_tokens=9, system="Short.", messages=user("Hi"),
                                            extra_body={"temperature": 0.5})  # fmt: skip
    strict(Message, message.to_dict())
    assert (message.content[0].text, message.stop_reason) == ("Hi", "end_turn")
    assert mill.server.last.body["card"] == {"voice": "Short.", "length": 9, "tension": 0.5}


def test_both_packages_stream(mill: Any, cut: bool) -> None:
    mill.server.one_byte = cut
    text = 'He said "[{]}" — \u2028 🐙'
    chunks = list(mill.openai.chat.completions.create(model=MODEL, messages=user(text), stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text
    with mill.anthropic.messages.stream(model=MODEL, max_tokens=9, messages=user(text)) as stream:
        final = stream.get_final_message()
    assert (final.content[0].text, final.usage.output_tokens) == (text, 3)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_results_go_into_their_calls(mill: Any, cut: bool, streamed: bool) -> None:
    """Woven threads are told one by one; results that come in another order, one of them failed, find their letters."""
    mill.server.one_byte = cut
    messages: list[Any] = user("weather and tides")
    asked: Any = {"model": MODEL, "max_tokens": 2000, "messages": messages, "tools": ANTHROPIC_TOOLS}
    if streamed:
        with mill.anthropic.messages.stream(**asked, thinking={"type": "enabled", "budget_tokens": 1024}) as stream:
            first = stream.get_final_message()
    else:
        first = mill.anthropic.messages.create(**asked)
    uses = [block for block in first.content if block.type == "tool_use"]
    assert ([(use.name, use.input) for use in uses], first.stop_reason) == (CALLS, "tool_use")
    assert [block.thinking for block in first.content if block.type == "thinking"] == ["Which lever?"]
    results = [{"type": "tool_result", "tool_use_id": use.id, "content": f"{use.name} done", "is_error": use.name == "tides"}
               for use in reversed(uses)]  # fmt: skip
    content = [block.to_dict() for block in first.content]
    asked["messages"] = [*messages, {"role": "assistant", "content": content}, {"role": "user", "content": results}]
    second = mill.anthropic.messages.create(**asked)
    assert second.content[0].text == "weather done; tore: tides done"
    assert mill.server.last.body["cloth"][1]["says"] == ["One moment."]
    assert [turn["by"] for turn in mill.server.last.body["cloth"]] == ["asker", "loom"]


def test_calls_in_the_other_package(mill: Any, cut: bool) -> None:
    mill.server.one_byte = cut
    with mill.openai.chat.completions.stream(model=MODEL, messages=user("weather and tides"), tools=OPENAI_TOOLS) as stream:
        final = stream.get_final_completion().choices[0]
    assert [(call.function.name, json.loads(call.function.arguments)) for call in final.message.tool_calls] == CALLS
    assert (final.message.content, final.finish_reason) == ("One moment.", "tool_calls")
    none = mill.openai.chat.completions.create(
        model=MODEL, messages=user("weather"), tools=OPENAI_TOOLS, tool_choice="none")  # fmt: skip
    assert (none.choices[0].message.content, mill.server.last.body["wait"]) == ("weather", True)


def test_images_are_hung_once_and_seen_by_their_places(mill: Any) -> None:
    """Also two that are alike; and an image that is only an address is refused, for nothing here could carry it."""
    def shown(url: str) -> Any:
        return {"type": "image_url", "image_url": {"url": url}}

    pictures = [shown("data:image/png;base64,AP8="), {"type": "text", "text": "and"}, shown("data:image/gif;base64,AAAA"),
                shown("data:image/gif;base64,AAAA")]  # fmt: skip
    messages: Any = [*user("Hi"), {"role": "assistant", "content": "Ho"}, {"role": "user", "content": pictures}]
    answer = mill.openai.chat.completions.create(model=MODEL, messages=messages)
    assert answer.choices[0].message.content == "bytes: [2, 3, 3]"
    body = mill.server.last.body
    assert body["cloth"][2]["says"] == [{"see": 0}, "and", {"see": 1}, {"see": 2}]
    assert body["gallery"][:2] == [{"kind": "image/png", "hex": "00ff"}, {"kind": "image/gif", "hex": "000000"}]
    address: Any = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    with pytest.raises(anthropic.BadRequestError, match=r"messages\[0\]\.content\[0\]"):
        mill.anthropic.messages.create(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": [address]}])


def test_negative_failures(mill: Any, cut: bool) -> None:
    mill.server.one_byte = cut
    with pytest.raises(openai.InternalServerError, match="A knot") as caught:
        mill.openai.chat.completions.create(model=MODEL, messages=user("knot"))
    assert caught.value.status_code == 503
    with pytest.raises(anthropic.APIStatusError, match="A knot") as streamed:
        mill.anthropic.messages.create(model=MODEL, max_tokens=9, messages=user("knot"), stream=True)
    assert streamed.value.body["error"]["type"] == "overloaded_error"
    with pytest.raises(anthropic.APIError, match="A moth"):
        list(mill.anthropic.messages.create(model=MODEL, max_tokens=9, messages=user("moth"), stream=True))
    with pytest.raises(openai.NotFoundError, match="No pattern"):
        mill.openai.chat.completions.create(model="mill:plaid", messages=user("Hi"))
    mill.server.next_replies.append(mill.server.refusal(Refused(401, f"Not {KEY}", number=-20)))
    with pytest.raises(openai.InternalServerError, match="refused the gateway's own credential") as refused:
        mill.openai.chat.completions.create(model=MODEL, messages=user("Hi"))
    assert KEY not in refused.value.message
