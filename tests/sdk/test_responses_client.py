"""The official openai package's Responses client, unchanged, against providers of three formats and the demo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import pytest
from openai.types.responses import Response
from providers import anthropic_server, openai_server, responses_server
from providers.vendor_server import Reply
from rosetta.responses_grammar import check_responses
from rosetta.stream_journey import frames_of
from sdk_oracles import refuse_extras
from serving import KEY, gateway, served

PROVIDERS = """
providers:
  demo: {{type: demo, transport: demo, models: {{echo: {{name: Echo}}}}}}
  up-openai: {{type: openai, base_url: {openai}/v1, key: {openai_key}, models: any}}
  up-anthropic: {{type: anthropic, base_url: {anthropic}, key: {anthropic_key}, models: any}}
  up-responses: {{type: responses, base_url: {responses}/v1, key: {responses_key}, models: any}}
  up-both: {{type: openai, base_url: {responses}/v1, key: {responses_key}, also: {{responses: {{}}}}, models: any}}
"""
OPENAI, ANTHROPIC, OWN = "up-openai:gpt-4o", "up-anthropic:claude-test", "up-responses:r-test"
UPSTREAMS = [OPENAI, ANTHROPIC, OWN]
TOOLS: Any = [
    {"type": "function", "name": name, "description": f"Looks up the {name}.", "strict": False, "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
    for name in ("weather", "population")
]  # fmt: skip
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
THINKING: Any = {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"],
                 "max_output_tokens": 4000}  # fmt: skip


@dataclass
class World:
    """The client, the providers, and the address of the gateway between them."""

    client: openai.OpenAI
    openai_server: openai_server.OpenAIServer
    anthropic_server: anthropic_server.AnthropicServer
    responses_server: responses_server.ResponsesServer
    url: str

    def stream(self, **body: Any) -> tuple[httpx.Response, list[tuple[str | None, Any]]]:
        """A stream as bytes: what coding agents read."""
        headers = {"authorization": f"Bearer {KEY}"}
        answer = httpx.post(f"{self.url}/v1/responses", headers=headers, json={**body, "stream": True})
        return answer, frames_of(answer.content)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    chat, messages, own = openai_server.OpenAIServer(), anthropic_server.AnthropicServer(), responses_server.ResponsesServer()
    with served(chat) as chat_url, served(messages) as messages_url, served(own) as own_url:
        declared = PROVIDERS.format(
            openai=chat_url, openai_key=openai_server.KEY, anthropic=messages_url, anthropic_key=anthropic_server.KEY,
            responses=own_url, responses_key=responses_server.KEY,
        )  # fmt: skip
        with gateway(tmp_path_factory.mktemp("responses"), declared) as url:
            client = openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)
            yield World(client, chat, messages, own, url)


def judged(answer: Any) -> Any:
    """The answer, if the package's types accept it strictly: `store` aside, which the API answers, too."""
    found = Response.model_validate({key: value for key, value in answer.to_dict().items() if key != "store"})
    refuse_extras(found, "Response")
    return answer


each_upstream = pytest.mark.parametrize("model", UPSTREAMS)
each_model = pytest.mark.parametrize("model", [*UPSTREAMS, "demo:echo"])


@each_model
def test_answers_defect_157_defect_257(world: World, model: str) -> None:
    """A text comes back as the package's own type, with the model's name as it was sent and all counts."""
    answer = judged(world.client.responses.create(model=model, input="Hello!", instructions="Be brief.", store=False))
    assert answer.output_text == "Hello!"
    assert (answer.status, answer.model, answer.instructions) == ("completed", model, "Be brief.")
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0
    assert answer.to_dict()["store"] is False


@each_upstream
def test_streams_defect_156_defect_163_defect_252(world: World, model: str) -> None:
    """The events of a stream add up to the answer that the last one holds."""
    with world.client.responses.stream(model=model, input="Tell me a story", **THINKING) as stream:
        events = list(stream)
        answer = stream.get_final_response()
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Tell me a story"
    assert events[-1].type == "response.completed"
    assert answer.output_text == "Tell me a story"
    assert answer.model == model


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC, "demo:echo"])
@pytest.mark.parametrize("said", ["Tell me a story", "weather and population please"])
def test_the_bytes_of_a_stream_are_grammatical_defect_258(world: World, model: str, said: str) -> None:
    """What is translated obeys the grammar, event by event, and the package's types."""
    answer, frames = world.stream(model=model, input=said, tools=TOOLS, **THINKING)
    assert answer.headers["content-type"].startswith("text/event-stream")
    check_responses(frames)


@each_upstream
def test_uses_tools_in_two_rounds_defect_153(world: World, model: str) -> None:
    """Parallel calls go out, their results go back as they came, and the answer to them arrives."""
    first = judged(world.client.responses.create(model=model, input="weather and population please", tools=TOOLS))
    calls = [item for item in first.output if item.type == "function_call"]
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [
        ("weather", {"city": "city-0"}), ("population", {"city": "city-1"})]  # fmt: skip
    items: list[Any] = [{"role": "user", "content": "weather and population please"}]
    items += [item.to_dict() for item in first.output]
    items += [{"type": "function_call_output", "call_id": calls[0].call_id, "output": "sunny"},
              {"type": "function_call_output", "call_id": calls[1].call_id,
               "output": [{"type": "input_text", "text": "7 million"}]}]  # fmt: skip
    second = judged(world.client.responses.create(model=model, input=items, tools=TOOLS))
    assert second.output_text == "Results: sunny; 7 million"


@each_upstream
def test_sends_an_image(world: World, model: str) -> None:
    """An image as a data URL reaches each provider in its own form."""
    content: Any = [{"type": "input_text", "text": "What is it?"},
                    {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"}]  # fmt: skip
    answer = world.client.responses.create(model=model, input=[{"role": "user", "content": content}])
    assert answer.output_text == "What is it? (images: 1)"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_carries_a_signed_thought_defect_159_defect_260(world: World, streamed: bool) -> None:
    """A thought travels sealed in `encrypted_content`; its maker gets it back with its own signature."""
    asked: Any = {"model": ANTHROPIC, "tools": TOOLS[:1], **THINKING}
    if streamed:
        with world.client.responses.stream(input="weather please", **asked) as stream:
            stream.until_done()
            first = stream.get_final_response()
    else:
        first = judged(world.client.responses.create(input="weather please", **asked))
    thought, call = first.output
    assert thought.summary[0].text == anthropic_server.THOUGHT
    assert thought.encrypted_content.startswith("morello1.up-anthropic.")
    items: list[Any] = [{"role": "user", "content": "weather please"}, thought.to_dict(), call.to_dict(),
                        {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]  # fmt: skip
    raw = world.client.responses.with_raw_response.create(input=items, **asked)
    assert raw.parse().output_text == "Results: sunny"
    assert "gateway-warnings" not in raw.headers
    block = world.anthropic_server.last.body["messages"][1]["content"][0]
    assert (block["thinking"], block["signature"]) == (
        anthropic_server.THOUGHT, anthropic_server.signed(anthropic_server.THOUGHT))  # fmt: skip


def test_a_foreign_seal_is_taken_out_of_what_passes_through(world: World) -> None:
    """Another provider's thought does not reach a provider of the caller's own family; the rest is untouched."""
    first = world.client.responses.create(model=ANTHROPIC, input="Hello", **THINKING)
    items: list[Any] = [{"role": "user", "content": "Hello"}, *(item.to_dict() for item in first.output),
                        {"role": "user", "content": "Go on"}]  # fmt: skip
    raw = world.client.responses.with_raw_response.create(model=OWN, input=items)
    assert raw.parse().output_text == "Go on"
    assert raw.headers["gateway-warnings"] == "compatibility reasoning"
    assert [item.get("type") for item in world.responses_server.last.body["input"]] == [None, "message", None]


def test_a_provider_that_speaks_both_gets_each_caller_in_his_own_words(world: World) -> None:
    """`also: {responses: …}`: what the caller says goes through, byte for byte but for the model."""
    world.client.responses.create(model="up-both:r-test", input="Hello", store=True, extra_body={"truncation": "auto"})
    assert world.responses_server.last.path == "/v1/responses"
    assert world.responses_server.last.body == {"model": "r-test", "input": "Hello", "store": True, "truncation": "auto"}


# ---- tools that are no plain functions ---------------------------------------------------------------------------


CUSTOM: Any = {"type": "custom", "name": "apply_patch", "description": "Changes files.",
               "format": {"type": "grammar", "syntax": "lark", "definition": "start: patch"}}  # fmt: skip
CREW: Any = {"type": "namespace", "name": "crew", "description": "Other agents.", "tools": [
    {"type": "function", "name": "hire", "description": "Hires one.", "strict": False,
     "parameters": {"type": "object", "properties": {"task": {"type": "string"}}}}]}  # fmt: skip


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
def test_custom_tools_become_functions_and_come_back_defect_162_defect_259(world: World, model: str) -> None:
    """A tool of free text is a function with one text there, and a custom tool's call here, whole and streamed."""
    asked: Any = {"model": model, "tools": [CUSTOM], "input": "apply_patch please"}
    call = judged(world.client.responses.create(**asked)).output[0]
    assert (call.type, call.name, call.input) == ("custom_tool_call", "apply_patch", "input-0")
    _, frames = world.stream(**asked)
    check_responses(frames)
    assert frames[-1][1]["response"]["output"][0]["input"] == "input-0"
    items: list[Any] = [{"role": "user", "content": "apply_patch please"}, call.to_dict(),
                        {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "Done."}]  # fmt: skip
    assert world.client.responses.create(model=model, tools=[CUSTOM], input=items).output_text == "Results: Done."


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
def test_tools_of_a_namespace_are_offered_one_by_one_defect_162_defect_259(world: World, model: str) -> None:
    """Each is offered under both names; its call comes back with its namespace, and goes out again without."""
    asked: Any = {"model": model, "tools": [CREW], "input": "crew__hire please"}
    call = judged(world.client.responses.create(**asked)).output[0]
    assert (call.type, call.namespace, call.name) == ("function_call", "crew", "hire")
    _, frames = world.stream(**asked)
    check_responses(frames)
    assert frames[-1][1]["response"]["output"][0]["namespace"] == "crew"
    items: list[Any] = [{"role": "user", "content": "crew__hire please"}, call.to_dict(),
                        {"type": "function_call_output", "call_id": call.call_id, "output": "Hired."}]  # fmt: skip
    assert world.client.responses.create(model=model, tools=[CREW], input=items).output_text == "Results: Hired."


def test_a_search_that_nobody_runs_is_told_and_not_refused_defect_259(world: World) -> None:
    """Coding agents always offer it. What else a provider would have to run is refused."""
    raw = world.client.responses.with_raw_response.create(model=OPENAI, input="Hello", tools=[{"type": "web_search"}])
    assert raw.headers["gateway-warnings"] == "unsupported tools[0]"
    for tool in ({"type": "tool_search"}, {"type": "mcp", "server_label": "x"}, {"type": "shell"}):
        with pytest.raises(openai.BadRequestError, match="tools"):
            world.client.responses.create(model=OPENAI, input="Hello", tools=[tool])  # type: ignore[list-item]


# ---- what needs a memory -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", [
    {"previous_response_id": "resp_1"}, {"conversation": "conv_1"}, {"conversation": {"id": "conv_1"}}, {"store": True},
    {"background": True}, {"prompt": {"id": "pmpt_1"}}, {"input": [{"type": "item_reference", "id": "msg_1"}]},
    {"reasoning": {"effort": 0.5}},
], ids=str)  # fmt: skip
def test_what_cannot_be_translated_is_refused_by_name_defect_160(world: World, member: Any) -> None:
    """A clear 400 that names it, in the form of this API."""
    with pytest.raises(openai.BadRequestError) as caught:
        world.client.responses.create(**{"model": OPENAI, "input": "Hello", **member})
    assert caught.value.code == "unsupported_loss"
    assert next(iter(member)) in str(caught.value)
    if next(iter(member)) not in ("prompt", "reasoning"):
        assert " not kept here: " in str(caught.value) or "(store: false)" in str(caught.value), "what the caller can do"


# ---- failures ----------------------------------------------------------------------------------------------------

TOO_LONG = {
    OPENAI: {"error": {"message": "This model's maximum context length is 8192 tokens.", "type": "invalid_request_error",
                       "param": "messages", "code": "context_length_exceeded"}},
    ANTHROPIC: {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"}},
    OWN: {"error": {"message": "Your input exceeds the context window of this model.", "type": "invalid_request_error",
                    "param": "input", "code": "context_length_exceeded"}},
}  # fmt: skip
TOO_MANY = {
    OPENAI: {"error": {"message": "Rate limit reached.", "type": "requests", "param": None, "code": "rate_limit_exceeded"}},
    ANTHROPIC: {"type": "error", "error": {"type": "rate_limit_error", "message": "Rate limit reached."}},
    OWN: {"error": {"message": "Rate limit reached.", "type": "requests", "param": None, "code": "rate_limit_exceeded"}},
}  # fmt: skip


def server_of(world: World, model: str) -> Any:
    return {OPENAI: world.openai_server, ANTHROPIC: world.anthropic_server, OWN: world.responses_server}[model]


@each_upstream
def test_a_conversation_that_is_too_long_is_told_in_the_stream_defect_253(world: World, model: str) -> None:
    """Coding agents shorten it then; by a status they would only give up. Without a stream the status tells."""
    server_of(world, model).next_replies = [Reply(400, TOO_LONG[model]), Reply(400, TOO_LONG[model])]
    answer, frames = world.stream(model=model, input="Hello")
    assert answer.status_code == 200
    check_responses(frames)
    assert [name for name, _ in frames] == ["response.created", "response.in_progress", "response.failed"]
    assert frames[-1][1]["response"]["error"]["code"] == "context_length_exceeded"
    assert answer.headers["gateway-model"] == model
    with pytest.raises(openai.BadRequestError) as caught:
        world.client.responses.create(model=model, input="Hello")
    assert caught.value.code == "context_length_exceeded"


@each_upstream
def test_too_many_requests_are_told_in_the_stream_defect_255(world: World, model: str) -> None:
    """With how long to wait, in the words that coding agents look for."""
    reply = Reply(429, TOO_MANY[model], headers={"retry-after": "7"})
    server_of(world, model).next_replies = [reply, reply]
    answer, frames = world.stream(model=model, input="Hello")
    assert answer.status_code == 200
    check_responses(frames)
    error = frames[-1][1]["response"]["error"]
    assert error == {"code": "rate_limit_exceeded", "message": "Rate limit reached. Please try again in 7s."}
    with pytest.raises(openai.RateLimitError):
        world.client.responses.create(model=model, input="Hello")


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
def test_other_failures_keep_their_status(world: World, model: str) -> None:
    """Only what is understood in a stream alone is told there."""
    server_of(world, model).next_replies = [Reply(503, {"error": {"message": "Busy.", "type": "overloaded_error"}})]
    answer, _ = world.stream(model=model, input="Hello")
    assert answer.status_code == 503
    assert answer.json()["error"]["message"] == "Busy."


# ---- callers of other formats ------------------------------------------------------------------------------------


def test_a_chat_client_speaks_to_such_a_provider(world: World) -> None:
    """Text, parallel calls in two rounds, and a thought that only its maker reads, there and back."""
    tools: Any = [{"type": "function", "function": {"name": tool["name"], "parameters": tool["parameters"]}} for tool in TOOLS]
    asked: Any = {"model": OWN, "tools": tools, "reasoning_effort": "low"}
    messages: list[Any] = [{"role": "user", "content": "weather and population please"}]
    message = world.client.chat.completions.create(messages=messages, **asked).choices[0].message
    messages.append(message.to_dict())
    messages += [{"role": "tool", "tool_call_id": call.id, "content": call.function.name} for call in message.tool_calls]
    second = world.client.chat.completions.create(messages=messages, **asked)
    assert second.choices[0].message.content == "Results: weather; population"
    body = world.responses_server.last.body
    assert body["store"] is False
    assert body["input"][1]["encrypted_content"] == responses_server.encrypted(responses_server.THOUGHT)
    assert "morello1" not in world.responses_server.last.raw.decode()
    usage = second.usage
    assert (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens) == (12, 8, 10)
    assert usage.completion_tokens_details.reasoning_tokens == 4


@pytest.mark.parametrize(("said", "text", "reason"), [
    ("Hello", "Hello", "stop"),
    ("Hello cut", "Hello cut", "length"),
    ("Hello filtered", "Hello filtered", "content_filter"),
    ("weather please", "", "tool_calls"),
])  # fmt: skip
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_chat_client_hears_how_it_ended_defect_35_defect_161(
    world: World, said: str, text: str, reason: str, stream: bool
) -> None:
    """Incomplete answers are cut ones, or filtered ones; their tokens count as well."""
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    asked: Any = {"model": OWN, "messages": [{"role": "user", "content": said}], "tools": tools}
    if stream:
        chunks = list(world.client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **asked))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
        assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == reason
        assert chunks[-1].usage.total_tokens == 22
        return
    answer = world.client.chat.completions.create(**asked)
    assert (answer.choices[0].message.content or "", answer.choices[0].finish_reason) == (text, reason)
    assert answer.usage.total_tokens == 22


def test_a_chat_client_hears_that_the_stream_failed_defect_35(world: World) -> None:
    """`response.failed` is an error, not an end."""
    with pytest.raises(openai.APIError, match="The server had an error"):
        list(world.client.chat.completions.create(
            model=OWN, messages=[{"role": "user", "content": "Hello broken"}], stream=True))  # fmt: skip


def test_options_of_a_chat_stream_stay_behind_defect_158(world: World) -> None:
    """The other API has none by that name, and counts without being asked."""
    chunks = list(world.client.chat.completions.create(
        model=OWN, messages=[{"role": "user", "content": "Hello"}], stream=True, stream_options={"include_usage": True}))  # fmt: skip
    assert chunks[-1].usage.total_tokens == 22
    assert "stream_options" not in world.responses_server.last.body
