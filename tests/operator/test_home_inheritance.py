"""What a home adds to what is bundled: a provider in four lines, a child dialect, a second door, a template of its own."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest
from providers import anthropic_server, openai_server
from serving import KEY, home_with, morello_of, served

MESSAGES: Any = [{"role": "user", "content": "Hello!"}]
BUNDLED = Path(__file__).parents[2] / "templates"


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Any, str, Any, str]]:
    """Both vendors' servers and their addresses."""
    first, second = openai_server.OpenAIServer(), anthropic_server.AnthropicServer()
    with served(first) as one, served(second) as two:
        yield first, one, second, two


@contextlib.contextmanager
def clients(home: Path) -> Iterator[tuple[openai.OpenAI, anthropic.Anthropic]]:
    """Both packages, pointed at the gateway of a home."""
    with served(morello_of(home).asgi) as url:
        yield (openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0),
               anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0))  # fmt: skip


def write(home: Path, name: str, text: str) -> None:
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


FOUR_LINES = """\
providers:
  mine:
    type: openai
    base_url: {address}/v1
"""


def test_four_lines_are_a_home(servers: Any, tmp_path: Path) -> None:
    """Type and address, and a key that .env has: both packages talk, and the body of its own family arrives as it was."""
    server, address, _, _ = servers
    home = home_with(tmp_path, FOUR_LINES.format(address=address) + "    key: ${MY_KEY}\n")
    write(home, ".env", f"MY_KEY={openai_server.KEY}\n")
    with clients(home) as (chat, messages):
        raw = b'{ "messages": [{"role": "user","content":"Hello!"}],\n "model":"mine:gpt-4o", "temperature": 1.0}'
        answer = httpx.post(f"{chat.base_url}chat/completions", content=raw, headers={
            "authorization": f"Bearer {KEY}", "content-type": "application/json"})  # fmt: skip
        assert answer.json()["choices"][0]["message"]["content"] == "Hello!"
        assert server.last.raw == raw.replace(b"mine:gpt-4o", b"gpt-4o")
        told = messages.messages.create(model="mine:gpt-4o", max_tokens=9, messages=MESSAGES)
        assert told.content[0].text == "Hello!"


CHILD = """\
dialects:
  shouting: {{like: openai, path: "/chat/completions", headers: {{x-loud: "very"}}}}
providers:
  loud: {{type: shouting, base_url: "{address}/v1", key: "{key}", models: any}}
"""


def test_a_child_of_yaml_alone_passes_through(servers: Any, tmp_path: Path) -> None:
    """Its family's bodies go as they are, members that no template carries too; what the YAML adds goes along."""
    server, address, _, _ = servers
    home = home_with(tmp_path, CHILD.format(address=address, key=openai_server.KEY))
    with clients(home) as (chat, _):
        answer = chat.chat.completions.create(model="loud:gpt-4o", messages=MESSAGES, logit_bias={"50256": -100})
    assert answer.choices[0].message.content == "Hello!"
    assert (server.last.body["logit_bias"], server.last.headers["x-loud"]) == ({"50256": -100}, "very")


def test_a_child_with_a_file_of_the_providers_side_is_translated_within_its_family(servers: Any, tmp_path: Path) -> None:
    """One file overridden, seven inherited; what both sides know is carried, and the caller's own words are kept."""
    server, address, _, _ = servers
    home = home_with(tmp_path, CHILD.format(address=address, key=openai_server.KEY))
    write(home, "templates/shouting/write_request.j2", """\
{
  "model": {{ model }},
  "stream": {{ stream }},
  "messages": [
    {% for message in messages %}
    {"role": {{ message.role }}, "content": {{ message.parts | text | upper | default("") }}},
    {% endfor %}
  ],
}
""")  # fmt: skip
    with clients(home) as (chat, messages):
        raw = chat.chat.completions.with_raw_response.create(model="loud:gpt-4o", messages=MESSAGES, seed=7)
        streamed = list(chat.chat.completions.create(model="loud:gpt-4o", messages=MESSAGES, stream=True))
        told = messages.messages.create(model="loud:gpt-4o", max_tokens=9, messages=MESSAGES)
    assert raw.parse().choices[0].message.content == "HELLO!"
    assert raw.headers["gateway-warnings"] == "unsupported seed"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed if chunk.choices) == "HELLO!"
    assert told.content[0].text == "HELLO!"
    assert server.last.headers["x-loud"] == "very"


def test_a_second_door_is_taken_by_its_own_family(servers: Any, tmp_path: Path) -> None:
    """`also:` and a list of aliases: each caller's words reach the server that speaks them, untranslated."""
    first, one, second, two = servers
    home = home_with(tmp_path, f"""\
providers:
  closed: {{type: openai, base_url: "{one}/v1", key: "${{NEVER_SET}}", models: any}}
  both:
    type: openai
    base_url: {one}/v1
    key: {openai_server.KEY}
    also:
      anthropic: {{base_url: "{two}", headers: {{x-api-key: {anthropic_server.KEY}, authorization: null}}}}
    models: any
aliases:
  good: ["closed:claude-test", "both:claude-test"]
""")  # fmt: skip
    with clients(home) as (chat, messages):
        assert messages.messages.create(model="good", max_tokens=9, messages=MESSAGES).model == "good"
        assert second.last.body == {"model": "claude-test", "max_tokens": 9, "messages": MESSAGES}
        assert chat.chat.completions.create(model="good", messages=MESSAGES).model == "good"
        assert first.last.body == {"model": "claude-test", "messages": MESSAGES}
        with pytest.raises(openai.APIStatusError, match="NEVER_SET"):
            chat.chat.completions.create(model="closed:claude-test", messages=MESSAGES)


def test_one_bundled_template_is_replaced_by_a_file_of_the_home(servers: Any, tmp_path: Path) -> None:
    """File by file: the others stay the bundled ones, and what the new one imports is found there."""
    _, _, second, two = servers
    home = home_with(tmp_path, f"""\
providers:
  a: {{type: anthropic, base_url: "{two}", key: {anthropic_server.KEY}, models: any}}
""")  # fmt: skip
    text = (BUNDLED / "anthropic" / "write_request.j2").read_text("utf-8")
    old = '"max_tokens": {{ max_tokens }}'
    assert old in text
    write(home, "templates/anthropic/write_request.j2", text.replace(old, '"max_tokens": {{ max_tokens | at_most(5) }}'))
    with clients(home) as (chat, _):
        answer = chat.chat.completions.create(model="a:claude-test", messages=MESSAGES, max_completion_tokens=100)
    assert answer.choices[0].message.content == "Hello!"
    assert second.last.body["max_tokens"] == 5
    assert json.loads(second.last.raw)["messages"][0]["role"] == "user"
