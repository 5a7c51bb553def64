"""The official ollama package, unchanged, against providers of four kinds."""

from __future__ import annotations

from typing import Any

import ollama
import pytest
from providers.ollama_server import THOUGHT

UPSTREAMS = ["up-ollama:qwen3:8b", "up-openai:gpt-4o", "up-anthropic:claude-test", "up-gemini:gemini-test",
             "up-cohere:command-test", "up-bedrock:eu.anthropic.claude-test-v1:0"]
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "description": f"Looks up the {name}.", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
    for name in ("weather", "population")
]  # fmt: skip
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

pytestmark = pytest.mark.parametrize("model", UPSTREAMS)


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


def test_chats(world: Any, model: str) -> None:
    """An answer comes back as the package's own type, with the model's name as it was sent."""
    answer = world.ollama.chat(model=model, messages=user("Hello!"))
    assert answer.message.content == "Hello!"
    assert (answer.model, answer.done, answer.done_reason) == (model, True, "stop")
    assert (answer.prompt_eval_count, answer.eval_count) == (20, 10)


def test_is_told_how(world: Any, model: str) -> None:
    """Instructions and settings reach every provider."""
    messages = [{"role": "system", "content": "Be brief."}, *user("Hello!")]
    answer = world.ollama.chat(model=model, messages=messages, options={"temperature": 0.5, "num_predict": 50})
    assert answer.message.content == "Hello!"
    assert "Be brief." in world.servers[model[3:].split(":", 1)[0]].last.raw.decode()


def test_streams(world: Any, model: str) -> None:
    """The lines of a stream add up to the text; the last one is done, and counts."""
    lines = list(world.ollama.chat(model=model, messages=user("Tell me a story"), stream=True))
    assert "".join(line.message.content for line in lines) == "Tell me a story"
    assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True]
    assert {line.model for line in lines} == {model}
    assert lines[-1].eval_count == 10


def test_nothing_said_means_a_stream(world: Any, model: str) -> None:
    """Who does not say whether to stream gets a stream, as there."""
    import httpx  # noqa: PLC0415 - the package always says it
    from serving import KEY  # noqa: PLC0415

    for nothing in ({}, {"stream": None}):
        body = {"model": model, "messages": user("Tell me a story"), **nothing}
        answer = httpx.post(f"{world.url}/api/chat", json=body, headers={"authorization": f"Bearer {KEY}"}, trust_env=False)
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        assert len(answer.text.splitlines()) > 2


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_uses_tools_in_two_rounds(world: Any, model: str, streamed: bool) -> None:
    """Parallel calls go out, their results go back by name only, and the answer to them arrives."""
    messages: list[Any] = user("weather and population please")
    if streamed:
        calls = [call for line in world.ollama.chat(model=model, messages=messages, tools=TOOLS, stream=True)
                 for call in line.message.tool_calls or []]  # fmt: skip
        messages.append(ollama.Message(role="assistant", content="", tool_calls=calls))
    else:
        answer = world.ollama.chat(model=model, messages=messages, tools=TOOLS)
        calls = answer.message.tool_calls
        messages.append(answer.message)
    assert [(call.function.name, call.function.arguments) for call in calls] == [
        ("weather", {"city": "city-0"}), ("population", {"city": "city-1"})]  # fmt: skip
    messages += [{"role": "tool", "tool_name": call.function.name, "content": f"{call.function.name} is fine"}
                 for call in calls]  # fmt: skip
    second = world.ollama.chat(model=model, messages=messages, tools=TOOLS)
    assert second.message.content == "Results: weather is fine; population is fine"


def test_sends_an_image(world: Any, model: str) -> None:
    """An image reaches each provider in its own form."""
    messages = [{"role": "user", "content": "What is it?", "images": [PIXEL]}]
    assert world.ollama.chat(model=model, messages=messages).message.content == "What is it? (images: 1)"


def test_shows_thoughts(world: Any, model: str) -> None:
    """What a model thinks comes beside its text, whole and streamed, where the provider tells it."""
    if model.startswith("up-openai"):
        pytest.skip("this model does not show what it thinks")
    answer = world.ollama.chat(model=model, messages=user("Hello!"), think=True)
    assert (answer.message.thinking, answer.message.content) == (THOUGHT, "Hello!")
    lines = list(world.ollama.chat(model=model, messages=user("Hello!"), think=True, stream=True))
    assert "".join(line.message.thinking or "" for line in lines) == THOUGHT


def test_lists_and_shows_models(world: Any, model: str) -> None:
    """What tools ask before they chat."""
    assert all(one.model and one.details for one in world.ollama.list().models)
    assert "tools" in world.ollama.show(model).capabilities


def test_errors_are_the_packages_own(world: Any, model: str) -> None:
    """Failures arrive as the package's exception, with the status and the words."""
    with pytest.raises(ollama.ResponseError) as caught:
        world.ollama.chat(model="nobody:nothing", messages=user("x"))
    assert caught.value.status_code == 404
    assert "nobody" in caught.value.error
