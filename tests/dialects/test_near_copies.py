"""Dialects that are `like:` another, against servers as strict as the originals (providers/near_copies.py)."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest
from providers.anthropic_server import THOUGHT
from providers.near_copies import BASES, KEY, KEYLESS, SERVERS
from serving import KEY as OURS
from serving import gateway, served

MODELS = {
    "azure-classic": "gpt-4o", "mistral": "magistral-medium", "deepseek": "o-deepseek", "groq": "openai/gpt-oss-120b",
    "vllm": "m", "llamacpp": "m", "lmstudio": "m", "vertex-anthropic": "claude-test",
}  # fmt: skip
SHOWS_THOUGHTS = {"mistral", "deepseek", "groq"}
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}}}}
    for name in ("weather", "population")
]  # fmt: skip
MESSAGES_TOOLS: Any = [{"name": one["function"]["name"], "input_schema": one["function"]["parameters"]} for one in TOOLS]
FORCED: Any = {"type": "function", "function": {"name": "weather"}}


class World:
    """Both packages as clients, the servers by name, the gateway's address."""

    def __init__(self, url: str, servers: dict[str, Any]) -> None:
        self.url, self.servers = url, servers
        self.openai = openai.OpenAI(base_url=f"{url}/v1", api_key=OURS, max_retries=0)
        self.anthropic = anthropic.Anthropic(base_url=url, api_key=OURS, max_retries=0)

    def warned(self, body: dict[str, Any]) -> tuple[int, str, Any]:
        answer = httpx.post(f"{self.url}/v1/chat/completions", json=body, trust_env=False,
                            headers={"authorization": f"Bearer {OURS}"})  # fmt: skip
        return answer.status_code, answer.headers.get("gateway-warnings", ""), answer.json()


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    servers = {name: make() for name, make in SERVERS.items()}
    with contextlib.ExitStack() as stack:
        declared = "providers:\n"
        for name, server in servers.items():
            address = stack.enter_context(served(server))
            key = "" if name in KEYLESS else f"key: {KEY}, "
            declared += f'  {name}: {{type: {name}, base_url: "{address}{BASES.get(name, "/v1")}", {key}models: any}}\n'
        world = World(stack.enter_context(gateway(tmp_path_factory.mktemp("copies"), declared)), servers)
        yield world
        world.openai.close()
        world.anthropic.close()


each = pytest.mark.parametrize("name", SERVERS)
streamed_or_not = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


@each
@streamed_or_not
def test_the_openai_package_chats(copies: World, name: str, streamed: bool) -> None:
    """With what everyday clients send: a developer's word, a limit, a seed, a user, a name."""
    messages: Any = [{"role": "developer", "content": "Be brief."}, {"role": "user", "name": "ann", "content": "Hello!"}]
    model = f"{name}:{MODELS[name]}"
    asked: Any = {"model": model, "messages": messages, "max_completion_tokens": 50, "temperature": 0.5}
    if streamed:
        chunks = list(copies.openai.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Hello!"
        assert {chunk.model for chunk in chunks} <= {model, ""}
        assert any(chunk.usage and chunk.usage.total_tokens == 30 for chunk in chunks) or name == "groq"
    else:
        answer = copies.openai.chat.completions.create(**asked)
        assert (answer.choices[0].message.content, answer.model) == ("Hello!", model)
        assert answer.usage is not None
        assert answer.usage.total_tokens == 30
    assert b"Be brief." in copies.servers[name].last.raw


@each
@streamed_or_not
def test_the_anthropic_package_uses_tools_in_two_rounds(copies: World, name: str, streamed: bool) -> None:
    """Calls go out, results come back under the ids that the client knows, and so do thoughts where there were any."""
    messages: list[Any] = user("weather and population please")
    asked: Any = {"model": f"{name}:{MODELS[name]}", "max_tokens": 100, "messages": messages, "tools": MESSAGES_TOOLS}
    if streamed:
        with copies.anthropic.messages.stream(**asked) as stream:
            first = stream.get_final_message()
    else:
        first = copies.anthropic.messages.create(**asked)
    calls = [block for block in first.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in calls] == [("weather", {"city": "city-0"}), ("population", {"city": "city-1"})]
    messages.append({"role": "assistant", "content": [block.to_dict() for block in first.content]})
    messages.append({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": call.id, "content": f"{call.name} is fine"} for call in calls]})  # fmt: skip
    second = copies.anthropic.messages.create(**asked)
    assert [block.text for block in second.content if block.type == "text"] == ["Results: weather is fine; population is fine"]
    if name in SHOWS_THOUGHTS:
        assert first.content[0].type == "thinking"
        assert thoughts_sent(copies.servers[name].last.body) == [first.content[0].thinking]  # type: ignore[union-attr]


def thoughts_sent(body: Any) -> list[str]:
    """What a server got back of its own thoughts, in its own form."""
    found = []
    for message in body["messages"]:
        if message["role"] == "assistant":
            found += [message[member] for member in ("reasoning_content", "reasoning") if message.get(member)]
            if isinstance(message.get("content"), list):
                found += [chunk["thinking"][0]["text"] for chunk in message["content"] if chunk["type"] == "thinking"]
    return found


@each
@streamed_or_not
def test_the_openai_package_uses_tools_in_two_rounds(copies: World, name: str, streamed: bool) -> None:
    """The plain package brings back what it got."""
    messages: list[Any] = user("weather please")
    asked: Any = {"model": f"{name}:{MODELS[name]}", "messages": messages, "tools": TOOLS}
    if streamed:
        with copies.openai.chat.completions.stream(**asked) as stream:
            message = stream.get_final_completion().choices[0].message.to_dict()
    else:
        message = copies.openai.chat.completions.create(**asked).choices[0].message.to_dict()
    (call,) = message["tool_calls"]  # type: ignore[misc]
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("weather", {"city": "city-0"})
    message = {member: value for member, value in message.items() if member != "parsed"}
    call["function"].pop("parsed_arguments", None)
    messages += [message, {"role": "tool", "tool_call_id": call["id"], "content": "sunny"}]
    second = copies.openai.chat.completions.create(**asked)
    assert second.choices[0].message.content == "Results: sunny"
    if name in SHOWS_THOUGHTS:
        assert len(thoughts_sent(copies.servers[name].last.body)) == 1


@each
def test_ids_of_another_provider_are_mended_where_they_must_be(copies: World, name: str) -> None:
    """A conversation that began elsewhere goes on here."""
    call = {"id": "call_0fypS1hVXabcdefghijklmn", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages: Any = [
        *user("weather please"),
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "I thought."},
        {"role": "tool", "tool_call_id": call["id"], "content": "sunny"},
    ]
    status, _, answer = copies.warned({"model": f"{name}:{MODELS[name]}", "messages": messages, "tools": TOOLS})
    assert status == 200, answer
    assert answer["choices"][0]["message"]["content"] == "Results: sunny"


@each
@pytest.mark.parametrize("offered", [1, 2])
def test_a_forced_tool_is_called_or_the_request_is_refused(copies: World, name: str, offered: int) -> None:
    """It is never overheard."""
    body = {"model": f"{name}:{MODELS[name]}", "messages": user("weather population"), "tools": TOOLS[:offered], "tool_choice": FORCED}
    status, warned, answer = copies.warned(body)
    assert "tool_choice" not in warned
    if name in ("llamacpp", "lmstudio") and offered == 2:
        assert status == 400
        assert "Invalid tool_choice" in str(answer["error"])
    else:
        assert status == 200, answer
        assert [call["function"]["name"] for call in answer["choices"][0]["message"]["tool_calls"]] == ["weather"]


@each
def test_some_tool_must_be_called(copies: World, name: str) -> None:
    """`required` in each server's word."""
    status, warned, answer = copies.warned({
        "model": f"{name}:{MODELS[name]}", "messages": user("weather"), "tools": TOOLS, "tool_choice": "required"})  # fmt: skip
    assert (status, warned.replace("default max_tokens 8192", "")) == (200, ""), answer
    sent = copies.servers[name].last.body["tool_choice"]
    assert sent == {"mistral": "any", "vertex-anthropic": {"type": "any"}}.get(name, "required")


def test_what_is_taken_out_is_told_also_where_bodies_pass_through(copies: World) -> None:
    """By the caller's own name, whatever the caller calls it."""
    body = {"messages": [{"role": "user", "name": "ann", "content": "Hello!"}], "logit_bias": {"50256": -100}, "user": "u"}
    told = {name: copies.warned({**body, "model": f"{name}:{MODELS[name]}"})[1] for name in SERVERS}
    assert told == {
        "azure-classic": "", "deepseek": "", "vllm": "", "llamacpp": "", "lmstudio": "",
        "groq": "unsupported messages[0].name, unsupported logit_bias",
        "mistral": "unsupported messages[0].name, unsupported logit_bias, unsupported user",
        "vertex-anthropic": "unsupported messages[0].name, unsupported logit_bias, default max_tokens 8192",
    }  # fmt: skip


def test_what_is_taken_out_is_refused_where_the_caller_wants_that(copies: World) -> None:
    answer = httpx.post(f"{copies.url}/v1/chat/completions", trust_env=False, json={
        "model": f"groq:{MODELS['groq']}", "messages": user("x"), "logit_bias": {"1": 1}},
        headers={"authorization": f"Bearer {OURS}", "gateway-on-loss": "refuse"})  # fmt: skip
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "/logit_bias")


@pytest.mark.parametrize("name", ["mistral", "lmstudio", "vllm", "azure-classic"])
def test_json_without_a_schema_is_asked_for_in_words_the_server_takes(copies: World, name: str) -> None:
    status, warned, answer = copies.warned({
        "model": f"{name}:{MODELS[name]}", "messages": user("x"), "response_format": {"type": "json_object"}})  # fmt: skip
    assert (status, warned) == (200, ""), answer


def test_seeds_have_another_name_there_defect_208(copies: World) -> None:
    assert copies.warned({"model": "mistral:mistral-small", "messages": user("x"), "seed": 7})[:2] == (200, "")
    assert copies.servers["mistral"].last.body["random_seed"] == 7


def test_a_closed_schema_never_meets_a_stranger_defect_208(copies: World) -> None:
    """What a package sends that is newer than the server is told, and not sent."""
    status, warned, _ = copies.warned({
        "model": "mistral:mistral-small", "messages": user("x"), "unheard_of": 1, "store": True, "verbosity": "low"})  # fmt: skip
    assert status == 200
    assert sorted(warned.split(", ")) == ["unsupported store", "unsupported unheard_of", "unsupported verbosity"]


def test_thoughts_within_the_content_reach_a_chat_client_as_thoughts(copies: World) -> None:
    """And the content is text, as the packages expect."""
    _, _, answer = copies.warned({"model": "mistral:magistral-medium", "messages": user("Hello!")})
    message = answer["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Hello!", THOUGHT)


def test_messages_pass_through_to_a_cloud_s_door(copies: World) -> None:
    """What no template carries goes along; the caller's betas, too."""
    client = copies.anthropic.with_options(default_headers={"anthropic-beta": "a-beta"})
    answer = client.messages.create(model="vertex-anthropic:claude-test", max_tokens=9, messages=user("Hello!"),
                                    extra_body={"context_management": {"edits": []}})  # fmt: skip
    assert (answer.content[0].text, answer.model) == ("Hello!", "vertex-anthropic:claude-test")  # type: ignore[union-attr]
    last = copies.servers["vertex-anthropic"].last
    assert last.headers["anthropic-beta"] == "a-beta"
    assert last.body["context_management"] == {"edits": []}
    assert last.path.endswith("/models/claude-test:rawPredict")


@pytest.mark.parametrize("name", ["azure-classic", "mistral", "vllm", "llamacpp", "lmstudio", "deepseek", "groq"])
def test_each_server_s_refusal_is_understood(copies: World, name: str) -> None:
    """Flat, as bare text, as a list: the sentence arrives."""
    bad: Any = [{"role": "assistant", "content": None, "tool_calls": [
        {"id": "abcdefghi", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]}]  # fmt: skip
    with pytest.raises(openai.BadRequestError) as caught:
        copies.openai.chat.completions.create(model=f"{name}:{MODELS[name]}", messages=user("x") + bad, tools=TOOLS)
    assert re.search(r"tool messages|Missing", caught.value.response.text)
    with pytest.raises(anthropic.BadRequestError, match=r"Invalid|unsupported|expected"):
        copies.servers[name].next_replies.append(copies.servers[name].refusal(_refused()))
        copies.anthropic.messages.create(model=f"{name}:{MODELS[name]}", max_tokens=9, messages=user("x"))


def _refused() -> Any:
    from providers.vendor_server import Refused  # noqa: PLC0415

    return Refused(400, "Invalid value, as expected.")
