"""The official google-genai package, unchanged, against providers of four kinds."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from google.genai import errors, types
from providers.gemini_server import THOUGHT
from providers.vendor_server import Reply
from serving import KEY

UPSTREAMS = ["up-gemini:gemini-test", "up-openai:gpt-4o", "up-anthropic:claude-test", "up-ollama:qwen3:8b",
             "up-cohere:command-test", "up-bedrock:eu.anthropic.claude-test-v1:0"]
TOOLS: Any = [types.Tool(function_declarations=[
    types.FunctionDeclaration(name=name, description=f"Looks up the {name}.", parameters=types.Schema(
        type=types.Type.OBJECT, properties={"city": types.Schema(type=types.Type.STRING)}, required=["city"]))
    for name in ("weather", "population")
])]  # fmt: skip
WITH_TOOLS: Any = types.GenerateContentConfig(
    tools=TOOLS, automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

pytestmark = pytest.mark.parametrize("model", UPSTREAMS)


def test_chats(world: Any, model: str) -> None:
    """An answer comes back as the package's own type, with the model's name as it was sent."""
    answer = world.genai.models.generate_content(model=model, contents="Hello!")
    assert answer.text == "Hello!"
    assert answer.model_version == model
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    counts = answer.usage_metadata
    assert (counts.prompt_token_count, counts.candidates_token_count, counts.total_token_count) == (20, 10, 30)


def test_is_told_how(world: Any, model: str) -> None:
    """Instructions and settings reach every provider; nothing of them is lost."""
    config = types.GenerateContentConfig(
        system_instruction="Be brief.", temperature=0.5, max_output_tokens=50, stop_sequences=["END"])  # fmt: skip
    answer = world.genai.models.generate_content(model=model, contents="Hello!", config=config)
    assert answer.text == "Hello!"
    assert "gateway-warnings" not in {name.lower() for name in answer.sdk_http_response.headers} - {"x"} or (
        answer.sdk_http_response.headers["gateway-warnings"].startswith("default"))  # fmt: skip
    assert "Be brief." in world.servers[model[3:].split(":", 1)[0]].last.raw.decode()


def test_streams(world: Any, model: str) -> None:
    """The pieces of a stream add up to the text; the last one counts."""
    chunks = list(world.genai.models.generate_content_stream(model=model, contents="Tell me a story"))
    assert "".join(chunk.text or "" for chunk in chunks) == "Tell me a story"
    assert all(chunk.model_version == model for chunk in chunks)
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert chunks[-1].usage_metadata.total_token_count == 30


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_uses_functions_in_two_rounds(world: Any, model: str, streamed: bool) -> None:
    """Parallel calls go out, their results go back, and the answer to them arrives; the chat keeps what it got."""
    chat = world.genai.chats.create(model=model, config=WITH_TOOLS)
    if streamed:
        calls = [call for chunk in chat.send_message_stream("weather and population please")
                 for call in chunk.function_calls or []]  # fmt: skip
    else:
        calls = chat.send_message("weather and population please").function_calls
    assert [(call.name, call.args) for call in calls] == [
        ("weather", {"city": "city-0"}), ("population", {"city": "city-1"})]  # fmt: skip
    results = [types.Part(function_response=types.FunctionResponse(
        id=call.id, name=call.name, response={"result": f"{call.name} is fine"})) for call in calls]  # fmt: skip
    assert chat.send_message(results).text == "Results: weather is fine; population is fine"


def test_sends_an_image(world: Any, model: str) -> None:
    """An image reaches each provider in its own form."""
    image = types.Part(inline_data=types.Blob(mime_type="image/png", data=__import__("base64").b64decode(PIXEL)))
    answer = world.genai.models.generate_content(model=model, contents=["What is it?", image])
    assert answer.text == "What is it? (images: 1)"


def test_streams_a_json_array_where_nothing_else_is_asked_for(world: Any, model: str) -> None:
    """Without `alt=sse` the pieces are the elements of one array."""
    body = {"contents": [{"parts": [{"text": "Tell me a story"}]}]}
    answer = httpx.post(f"{world.url}/v1beta/models/{model}:streamGenerateContent", json=body,
                        headers={"x-goog-api-key": KEY}, trust_env=False)  # fmt: skip
    assert answer.headers["content-type"] == "application/json"
    pieces = [types.GenerateContentResponse.model_validate(piece) for piece in answer.json()]
    assert "".join(piece.text or "" for piece in pieces) == "Tell me a story"
    assert {piece.model_version for piece in pieces} == {model}


def test_may_spell_members_either_way_defect_127(world: Any, model: str) -> None:
    """snake_case is read as camelCase, in whatever depth; nothing is lost silently, and arguments are left alone."""
    body = {
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [
            {"text": "What is it?"}, {"inline_data": {"mime_type": "image/png", "data": PIXEL}}]}],
        "generation_config": {"max_output_tokens": 50},
    }  # fmt: skip
    answer = httpx.post(f"{world.url}/v1beta/models/{model}:generateContent", json=body,
                        headers={"x-goog-api-key": KEY}, trust_env=False)  # fmt: skip
    if model.startswith("up-gemini"):  # it passes through as it came, and this stand-in is stricter than the original
        assert world.servers["gemini"].last.body == body
        return
    assert answer.json()["candidates"][0]["content"]["parts"] == [{"text": "What is it? (images: 1)"}]
    assert "gateway-warnings" not in answer.headers


def test_errors_are_the_packages_own(world: Any, model: str) -> None:
    """Failures arrive as the package's exception, with status and word."""
    with pytest.raises(errors.ClientError) as caught:
        world.genai.models.generate_content(model="nobody:nothing", contents="x")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")
    with pytest.raises(errors.ClientError) as caught:
        world.genai.models.generate_content(
            model=model, contents="x", config=types.GenerateContentConfig(candidate_count=2, top_k=1, seed=1)
        ) if not model.startswith("up-gemini") else world.genai.models.generate_content(model="nobody:x", contents="x")
    assert caught.value.status in ("INVALID_ARGUMENT", "NOT_FOUND")
    server = world.servers[model[3:].split(":", 1)[0]]
    server.next_replies.append(Reply(503, b"Too busy."))
    with pytest.raises(errors.ServerError) as failed:
        list(world.genai.models.generate_content_stream(model=model, contents="x"))
    assert (failed.value.code, failed.value.status) == (503, "UNAVAILABLE")


def test_shows_thoughts(world: Any, model: str) -> None:
    """What a model thinks comes as thoughts, whole and streamed, where the provider tells it."""
    if model.startswith("up-openai"):
        pytest.skip("this model does not show what it thinks")
    config = types.GenerateContentConfig(
        max_output_tokens=8000, thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=2048))  # fmt: skip
    answer = world.genai.models.generate_content(model=model, contents="Hello!", config=config)
    parts = answer.candidates[0].content.parts
    assert [part.text for part in parts if part.thought] == [THOUGHT]
    assert answer.text == "Hello!"
    chunks = list(world.genai.models.generate_content_stream(model=model, contents="Hello!", config=config))
    told = [part for chunk in chunks for part in chunk.candidates[0].content.parts or []]
    assert "".join(part.text for part in told if part.thought) == THOUGHT
