"""Every story of an answer, from every provider's dialect to every client's, each whole or streamed at either end.

What every client makes of it must be what the story says: its text, its calls, its count of tokens.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from matrix.hearing import Meaning, calls_of, streamed, whole
from matrix.stage import CLIENTS, Stage, dialects, providers, says
from matrix.test_matrix_requests import few
from rosetta.stories import PROVIDERS_ONLY, Json, Story, stories

ASKS: dict[str, Json] = {
    "openai": {"messages": [{"role": "user", "content": "Go."}], "stream_options": {"include_usage": True}},
    "anthropic": {"max_tokens": 100, "messages": [{"role": "user", "content": "Go."}]},
    "responses": {"input": "Go."}, "gemini": {"contents": [{"role": "user", "parts": [{"text": "Go."}]}]},
    "ollama": {"messages": [{"role": "user", "content": "Go."}]},
}  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("answers"))
    yield stage
    stage.close()


def answer_of(story: Story, client: str, provider: str, *, stream: bool) -> tuple[str, bytes] | None:
    """A story's answer in a provider's dialect: as the story tells it, or as the dialect's own writer says it.

    What passes through is in the words that the dialect's own writer uses: others go through as they are.
    """
    if provider == "responses" and story.neutral["finish_reason"] in ("content_filter", "error"):
        return None  # its writer tells these as failures, for the sake of its clients
    if not stream and story.read(provider) and client != provider:
        return "application/json", orjson.dumps(story.read(provider)[0])
    if stream and provider in PROVIDERS_ONLY and story.neutral["finish_reason"] == "error":
        return None  # an error in their streams
    return says(provider, {"id": "r1", "model": "m", "created": 1730000000, **copy.deepcopy(story.neutral)},
                stream=stream, request={"extra": {"openai": {"stream_options": {"include_usage": True}}}})  # fmt: skip


def meant(stage: Stage, story: Story, provider: str, said: tuple[str, bytes]) -> Json:
    """The neutral answer that the provider's words amount to, as its reader reads them."""
    read: Any = dialects()[provider].read_response
    given = {"body": orjson.loads(said[1]), "request": {}, "values": dict(dialects()[provider].values)}
    neutral: Json = read(given)
    return neutral


def meaning_of(neutral: Json) -> Meaning:
    parts = neutral.get("parts", [])
    text = "".join(part["text"] for part in parts if part["type"] in ("text", "refusal"))
    calls = [(part["name"], part.get("arguments") or {}) for part in parts if part["type"] == "tool_call"]
    return Meaning(text, calls_of(calls), (neutral.get("usage") or {}).get("output_tokens"))


def spoken(story: Story) -> str:
    """What was said aloud, for clients that cannot hear."""
    return "".join(part.get("transcript", "") for part in story.neutral.get("parts", ()))


@pytest.mark.parametrize("provider", providers())
@pytest.mark.parametrize("client", CLIENTS)
def test_an_answer_means_the_same_whatever_it_came_through(stage: Stage, client: str, provider: str) -> None:
    """Asked whole or streamed, answered whole or streamed."""
    wrong: list[str] = []
    for story in stories("response"):
        told = answer_of(story, client, provider, stream=False)
        if told is None or story.request.get("extra"):
            continue  # of older protocols, which answers follow only where they were asked for
        expected = meaning_of(meant(stage, story, provider, told))
        for answers_streamed in (False, True):
            said = answer_of(story, client, provider, stream=answers_streamed)
            if said is None:
                continue
            for stream in (False, True):
                if stream and not answers_streamed and provider == "demo":
                    continue  # lines of JSON: one of them is no whole answer
                try:
                    heard, _ = stage.ask(client, provider, ASKS[client], stream=stream, says=said)
                    assert heard.status == 200, heard.body
                    got = streamed(client, heard.body) if stream else whole(client, heard.json())
                    assert got.text in (expected.text, expected.text + spoken(story))
                    cut = client == "anthropic" and stream and "INVALID_JSON" in str(expected.calls)  # as far as it came
                    assert cut or got.calls == expected.calls
                    assert expected.counted is None or got.counted in (expected.counted, None), (got, expected)
                except Exception as error:
                    wrong.append(f"{story.name} ({'stream' if answers_streamed else 'whole'} → {'stream' if stream else 'whole'}):"
                                 f" {type(error).__name__}: {str(error)[:400]}")  # fmt: skip
    assert wrong == [], few(wrong)
