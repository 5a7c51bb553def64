"""Text completions: passed through to providers that have them, and a conversation with all others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import orjson
import pytest
from providers.service_server import ServiceServer
from providers.vendor_server import Reply
from serving import KEY, gateway, served

PROVIDERS = """
providers:
  demo: {{type: demo, transport: demo, models: {{echo: {{}}}}}}
  old: {{type: openai, base_url: "{url}/old", key: sk-old, models: any, services: {{completions: {{path: /completions}}}}}}
  chat: {{type: openai, base_url: "{url}/chat", key: sk-chat, models: any}}
  messages: {{type: anthropic, base_url: "{url}/messages", key: sk-messages, models: any}}
"""
PATH = "/v1/completions"
CHAT = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1767225600, "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": " there was a fox"}, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9},
}  # fmt: skip


class World:
    def __init__(self, provider: ServiceServer, url: str, client: httpx.Client) -> None:
        self.provider, self.url, self.client = provider, url, client

    def post(self, body: dict[str, Any], *replies: Reply, **headers: str) -> httpx.Response:
        self.provider.next_replies = list(replies)
        return self.client.post(PATH, json=body, headers={name.replace("_", "-"): text for name, text in headers.items()})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    provider = ServiceServer()
    with (
        served(provider) as upstream,
        gateway(tmp_path_factory.mktemp("completions"), PROVIDERS.format(url=upstream)) as url,
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}, trust_env=False) as client,
    ):
        yield World(provider, url, client)


@pytest.fixture
def client(world: World) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{world.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def chunk(**more: Any) -> bytes:
    choice = {"index": 0, "text": "x", "logprobs": None, "finish_reason": None}
    data = {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [choice], **more}
    return b"data: %b\n\n" % orjson.dumps(data)


def data_of(answer: httpx.Response) -> list[Any]:
    lines = [line[6:] for line in answer.text.split("\n") if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [orjson.loads(line) for line in lines]


# ---- passed through -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", ["a", ["a", "b"], [1, 2], [[1], [2]]], ids=["a text", "texts", "tokens", "lists of tokens"])
def test_who_has_the_service_gets_the_body_as_it_is(world: World, prompt: Any) -> None:
    """What a conversation could not do is no matter there."""
    body = {"model": "old:davinci", "prompt": prompt, "echo": True, "suffix": "!", "n": 2, "best_of": 3, "logprobs": 1}
    reply = {"id": "c", "object": "text_completion", "created": 1, "model": "davinci-002", "choices": []}
    answer = world.post(body, Reply(200, reply))
    assert answer.json() == {**reply, "model": "old:davinci"}
    assert "gateway-warnings" not in answer.headers
    assert (world.provider.last.path, world.provider.last.body) == ("/old/completions", {**body, "model": "davinci"})


def test_its_stream_passes_through_with_the_callers_name_for_the_model_defect_230(world: World) -> None:
    reply = Reply(200, events=[chunk(), chunk(), b"data: [DONE]\n\n"])
    answer = world.post({"model": "old:davinci", "prompt": "a", "stream": True}, reply)
    assert [each["model"] for each in data_of(answer)] == ["old:davinci"] * 2
    assert answer.content == (chunk(model="old:davinci") * 2) + b"data: [DONE]\n\n"


# ---- as a conversation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", ["Once upon a time", ["Once upon a time"]], ids=["a text", "a list of one"])
def test_a_prompt_becomes_what_a_user_says(world: World, prompt: Any) -> None:
    body = {"model": "chat:m", "prompt": prompt, "max_tokens": 5, "temperature": 0.5, "stop": "END", "seed": 7, "user": "u"}
    answer = world.post(body, Reply(200, CHAT))
    sent = world.provider.last
    assert sent.path == "/chat/chat/completions"
    assert sent.body["messages"] == [{"role": "user", "content": "Once upon a time"}]
    assert (sent.body["temperature"], sent.body["seed"], sent.body["user"]) == (0.5, 7, "u")
    assert sent.body["stop"] in ("END", ["END"])
    assert 5 in (sent.body.get("max_tokens"), sent.body.get("max_completion_tokens"))
    found = openai.types.Completion.model_validate(answer.json(), strict=True)
    assert (found.object, found.model, found.choices[0].text) == ("text_completion", "chat:m", " there was a fox")
    assert found.choices[0].finish_reason == "length"
    assert found.usage is not None
    assert found.usage.total_tokens == 9


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"echo": True}, "/echo"), ({"suffix": "the end"}, "/suffix"), ({"n": 2}, "/n"),
        ({"prompt": ["a", "b"]}, "/prompt"), ({"prompt": [1, 2, 3]}, "/prompt"), ({"prompt": [[1], [2]]}, "/prompt"),
    ],
)  # fmt: skip
def test_what_a_conversation_cannot_do_is_refused(world: World, more: dict[str, Any], param: str) -> None:
    """It would change what the answer means; the caller hears what it was."""
    before = len(world.provider.received)
    answer = world.post({"model": "chat:m", "prompt": "a", **more})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "unsupported_loss"), answer.text
    assert error["param"].startswith(param)
    assert len(world.provider.received) == before


@pytest.mark.parametrize("more", [{"best_of": 3}, {"logprobs": 2}, {"logit_bias": {"50256": -100}}])
def test_what_it_can_do_without_is_told(world: World, more: dict[str, Any]) -> None:
    (name,) = more
    body = {"model": "chat:m", "prompt": "a", **more}
    answer = world.post(body, Reply(200, CHAT))
    assert answer.status_code == 200, answer.text
    assert f"unsupported {name}" in answer.headers["gateway-warnings"]
    assert world.post(body, gateway_on_loss="refuse").status_code == 400


@pytest.mark.parametrize("counted", [False, True], ids=["uncounted", "counted"])
def test_a_stream_comes_in_chunks_of_text(world: World, counted: bool) -> None:
    """Each is one of the package's, the last but the count says why it ended, and the count comes where it was asked for."""
    body: dict[str, Any] = {"model": "demo:echo", "prompt": "one two three", "stream": True}
    if counted:
        body["stream_options"] = {"include_usage": True}
    answer = world.post(body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = data_of(answer)
    usage = found.pop() if counted else None
    assert "".join(each["choices"][0]["text"] for each in found) == "one two three"
    assert [each["choices"][0]["finish_reason"] for each in found] == [None] * (len(found) - 1) + ["stop"]
    assert {each["model"] for each in found} == {"demo:echo"}
    assert len({each["id"] for each in found}) == 1
    if usage is not None:
        assert usage["choices"] == []
        assert usage["usage"]["total_tokens"] > 0


def test_a_stream_that_fails_says_so(world: World) -> None:
    """As an event in the shape of this API's errors, never a silent end."""
    cut = [b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n']
    answer = world.post({"model": "messages:m", "prompt": "a", "stream": True}, Reply(200, events=cut))
    assert '"message":"busy"' in answer.text.replace(" ", "")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"model": "chat:m"}, 400, "invalid_body"),
        ({"model": "chat:m", "prompt": {"a": 1}}, 400, "invalid_body"),
        ({"model": "nobody:m", "prompt": "a"}, 404, "model_not_found"),
    ],
)
def test_failures_speak_the_dialect(world: World, body: dict[str, Any], status: int, code: str) -> None:
    answer = world.post(body)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code


def test_a_providers_failure_keeps_status_and_words(world: World) -> None:
    reply = Reply(429, {"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded", "param": None}})
    for model in ("old:m", "chat:m"):
        answer = world.post({"model": model, "prompt": "a"}, reply)
        assert (answer.status_code, answer.json()["error"]["message"]) == (429, "slow down")


# ---- the package ----------------------------------------------------------------------------------------------------


def test_the_package_completes(client: openai.OpenAI) -> None:
    found = client.completions.create(model="demo:echo", prompt="one two three")
    assert found.choices[0].text == "one two three"


def test_the_package_streams(client: openai.OpenAI) -> None:
    chunks = list(client.completions.create(model="demo:echo", prompt="one two three", stream=True))
    assert "".join(each.choices[0].text for each in chunks) == "one two three"
