"""A format that nobody has seen, added as files, through the official openai package."""

from __future__ import annotations

import json
import time
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from providers.tidepool_server import KEY, MUSE, seal
from sdk_oracles import strict

MODEL = "pool:abyss-1"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "description": f"Looks up the {name}.", "parameters": SCHEMA}}
    for name in ("weather", "population")
]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CALLS = [("weather", {"city": "city-0"}), ("population", {"city": "city-1"})]


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


def test_lists_the_models_that_the_pool_has(pool: Any) -> None:
    """`models: any` asks the provider, in a list of its own shape; the key goes along where the dialect puts it."""
    deadline = time.monotonic() + 10
    while len(listed := {one.id: one for one in pool.openai.models.list()}) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert set(listed) == {"deep", "pool:abyss-1", "pool:shoal", "strict-pool:abyss-1"}
    found = listed["pool:abyss-1"]
    assert (found.created, found.owned_by, found.name) == (1746057600, "The lab", "Abyss One")


def test_chats(pool: Any) -> None:
    """The answer is the package's own type; usage adds up in its way."""
    answer = pool.openai.chat.completions.create(model=MODEL, messages=user("Hello, pool"), stop=["END"], temperature=0.5)
    strict(ChatCompletion, answer.to_dict())
    assert answer.choices[0].message.content == "Hello, pool"
    assert (answer.model, answer.choices[0].finish_reason) == (MODEL, "stop")
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (8, 6, 14)
    assert (usage.prompt_tokens_details.cached_tokens, usage.completion_tokens_details.reasoning_tokens) == (3, 4)
    asked = pool.server.last
    assert (asked.path, asked.headers["x-moon"]) == ("/reef/abyss-1/converse", "full")
    assert asked.body == {"turns": [{"who": 1, "bits": [{"say": "Hello, pool"}]}], "dials": {"heat": 0.5, "halt": ["END"]}}
    assert "authorization" not in asked.headers


def test_names_what_the_templates_do_not_carry(pool: Any) -> None:
    """And nothing that they do: the model stands in the path."""
    raw = pool.openai.chat.completions.with_raw_response.create(
        model=MODEL, seed=7, max_completion_tokens=5, user="u",
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "name": "Ann", "content": "Hi"}])  # fmt: skip
    assert sorted(raw.headers["gateway-warnings"].split(", ")) == [
        "unsupported messages[1].name", "unsupported seed", "unsupported user"]  # fmt: skip
    assert (raw.headers["gateway-upstream-request-id"], raw.headers["x-swell-left"]) == ("e-77", "9")
    assert "x-private" not in raw.headers
    assert pool.server.last.body["edicts"] == ["Be brief."]


def test_refuses_what_would_change_the_meaning(pool: Any) -> None:
    """No template writes audio, so it is refused; where the provider says so, or the caller, any loss is."""
    audio = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    with pytest.raises(openai.BadRequestError) as caught:
        pool.openai.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": [audio]}])
    assert (caught.value.code, caught.value.param) == ("unsupported_loss", "/messages/0/content/0")
    for model, headers in (("strict-pool:abyss-1", {}), (MODEL, {"Gateway-On-Loss": "refuse"})):
        with pytest.raises(openai.BadRequestError) as caught:
            pool.openai.chat.completions.create(model=model, messages=user("Hi"), seed=7, extra_headers=headers)
        assert (caught.value.code, caught.value.param) == ("unsupported_loss", "/seed")
    assert pool.openai.chat.completions.create(model="strict-pool:abyss-1", messages=user("Hi")).choices
    assert pool.server.last.headers["x-moon"] == "new"


def test_an_alias_leads_to_the_first_provider_that_is_on(pool: Any) -> None:
    answer = pool.openai.chat.completions.create(model="deep", messages=user("Hi"))
    assert answer.model == "deep"


def test_streams(pool: Any, cut: bool) -> None:
    """Chunks of the package's own type add up to the text, whatever pieces the provider's lines come in."""
    pool.server.one_byte = cut
    chunks = list(pool.openai.chat.completions.create(
        model=MODEL, messages=user("Wörds — \u2028 and 🐙"), stream=True, stream_options={"include_usage": True}))  # fmt: skip
    for chunk in chunks:
        strict(ChatCompletionChunk, chunk.to_dict())
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "Wörds — \u2028 and 🐙"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (8, 6)
    assert {chunk.model for chunk in chunks} == {MODEL}
    assert pool.server.last.body["live"] is True


def test_uses_tools_in_two_rounds(pool: Any) -> None:
    """Parallel calls, their results, a failed one among them, and the answer to them."""
    messages: list[Any] = user("weather and population please")
    first = pool.openai.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
    calls = first.choices[0].message.tool_calls
    assert first.choices[0].finish_reason == "tool_calls"
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == CALLS
    messages.append(first.choices[0].message.to_dict())
    messages += [{"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} is fine"} for call in calls]
    second = pool.openai.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
    assert second.choices[0].message.content == "Brought: weather is fine; population is fine"
    assert [turn["who"] for turn in pool.server.last.body["turns"]] == [1, 2, 3]


def test_streams_parallel_calls_in_shreds(pool: Any, cut: bool) -> None:
    """Shreds that come interleaved, under an id of the provider's own, leave in order."""
    pool.server.one_byte = cut
    with pool.openai.chat.completions.stream(model=MODEL, messages=user("weather and population"), tools=TOOLS) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == CALLS
    assert final.choices[0].finish_reason == "tool_calls"


def test_names_of_tools_fit_and_come_back(pool: Any) -> None:
    """The format allows 16 letters; the caller knows his own names only."""
    long = "look_up_the_weather_of_a_city_2"
    tool: Any = {"type": "function", "function": {"name": long, "parameters": SCHEMA}}
    answer = pool.openai.chat.completions.create(
        model=MODEL, messages=user("Look it up"), tools=[tool], tool_choice={"type": "function", "function": {"name": long}})  # fmt: skip
    sent = pool.server.last.body
    label = sent["instruments"][0]["label"]
    assert sent["hands"] == {"only": label}
    assert len(label) <= 16 and label.replace("_", "").isalpha()
    again = pool.openai.chat.completions.create(model=MODEL, messages=user(f"Use {label}"), tools=[tool])
    assert again.choices[0].message.tool_calls[0].function.name == long
    assert answer.choices[0].finish_reason == "stop"


def test_sends_an_image(pool: Any) -> None:
    content = [{"type": "text", "text": "What is it?"},
               {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]  # fmt: skip
    answer = pool.openai.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content}])
    assert answer.choices[0].message.content == "What is it? (1 shown)"


def test_thoughts_go_home_with_their_seals(pool: Any) -> None:
    """What the package sends back of an assistant message holds the muses, told and veiled; the pool gets them whole."""
    messages: list[Any] = user("weather please")
    first = pool.openai.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS, reasoning_effort="high")
    message = first.choices[0].message
    assert message.reasoning_content == MUSE
    assert seal(MUSE) not in json.dumps(message.to_dict())
    messages += [message.to_dict(), {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"}]
    second = pool.openai.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS, reasoning_effort="high")
    assert second.choices[0].message.content == "Brought: sunny"
    assert pool.server.last.body["turns"][1]["bits"][:2] == [{"muse": MUSE, "seal": seal(MUSE)}, {"seal": seal(None)}]
    assert pool.server.last.body["dials"]["depth"] == 4


def test_failures_are_the_packages_own(pool: Any) -> None:
    """Statuses that no client knows become those that it retries; our own key's refusal is our failure, not the caller's."""
    with pytest.raises(openai.RateLimitError) as caught:
        pool.openai.chat.completions.create(model=MODEL, messages=user("crowd"))
    assert (caught.value.body["message"], caught.value.response.headers["retry-after"]) == ("Too many divers.", "2")
    with pytest.raises(openai.NotFoundError, match="no strand"):
        pool.openai.chat.completions.create(model="pool:trench", messages=user("Hi"))
    with pytest.raises(openai.InternalServerError, match="shaken") as failed:
        pool.openai.chat.completions.create(model=MODEL, messages=user("storm"))
    assert failed.value.status_code == 521
    with pytest.raises(openai.InternalServerError, match="An undertow") as inside:
        pool.openai.chat.completions.create(model=MODEL, messages=user("undertow"))
    assert inside.value.status_code == 503


@pytest.mark.parametrize(("word", "message"), [("undertow", "An undertow"), ("whirl", "broke off")])
def test_a_stream_that_fails_says_so(pool: Any, cut: bool, word: str, message: str) -> None:
    """An error line, and an end without the word that ends it: both become the package's exception."""
    pool.server.one_byte = cut
    with pytest.raises(openai.APIError, match=message):
        list(pool.openai.chat.completions.create(model=MODEL, messages=user(word), stream=True))


def test_a_wrong_key_names_the_provider_and_not_the_key(pool: Any) -> None:
    """It comes as a status of the provider's own; the reader's word for it counts."""
    pool.server.next_replies.append(pool.server.refusal_of(460, "stranger", f"Not {KEY}"))
    with pytest.raises(openai.InternalServerError, match="provider pool refused the gateway's own credential") as caught:
        pool.openai.chat.completions.create(model=MODEL, messages=user("Hi"))
    assert caught.value.status_code == 502
    assert KEY not in caught.value.message
