"""Losses that a dialect declares, because trials are blind there: told by the caller's own name, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from matrix.stage import FINE, Stage, says
from rosetta.stories import Json

from handlers.engine.configuration import read_configuration
from handlers.engine.declared_losses import DeclaredLoss, losses_of, told_of

GO = {"messages": [{"role": "user", "content": "Go."}]}
SCHEMA = {"type": "object"}


def function(name: str, **more: Any) -> Json:
    return {"type": "function", "function": {"name": name, "parameters": SCHEMA, **more}}


TOLD: list[tuple[str, str, Json, list[str]]] = [
    ("openai", "anthropic", {**GO, "max_completion_tokens": 90000, "reasoning_effort": "high", "temperature": 0.5, "top_p": 0.5},
     ["unsupported temperature", "unsupported top_p"]),
    ("responses", "anthropic", {"input": "Go.", "max_output_tokens": 90000, "reasoning": {"effort": "high"}, "temperature": 0.5},
     ["unsupported temperature"]),
    ("responses", "bedrock", {"input": "Go.", "max_output_tokens": 90000, "reasoning": {"effort": "high"}, "temperature": 0.5},
     ["unsupported temperature"]),
    ("openai", "anthropic", {**GO, "max_completion_tokens": 90000, "reasoning_effort": "high", "temperature": 1}, []),
    ("openai", "anthropic", {**GO, "max_completion_tokens": 90000, "temperature": 0.5}, []),
    ("ollama", "anthropic", {**GO, "think": True, "options": {"num_predict": 1000, "temperature": 0.5}}, ["unsupported think"]),
    ("ollama", "anthropic", {**GO, "think": True, "options": {"num_predict": 90000}}, []),
    ("openai", "cohere", {**GO, "tools": [function("f", strict=True), function("g")]}, ["unsupported tools[0].function.strict"]),
    ("openai", "cohere", {**GO, "tools": [function("f", strict=True), function("g", strict=True)]}, []),
    ("anthropic", "cohere", {**GO, "max_tokens": 9, "tools": [{"name": "f", "input_schema": SCHEMA},
                                                           {"name": "g", "input_schema": SCHEMA, "strict": True}]},
     ["unsupported tools[1].strict"]),
    ("openai", "cohere", {**GO, "top_p": 1}, ["compatibility top_p"]),
    ("openai", "cohere", {**GO, "top_p": 0.5}, []),
    ("openai", "cohere", {**GO, "top_p": 0}, ["compatibility top_p"]),
    ("openai", "cohere", {**GO, "presence_penalty": -0.5, "frequency_penalty": 1.5},
     ["unsupported frequency_penalty", "unsupported presence_penalty"]),
    ("openai", "cohere", {**GO, "presence_penalty": 0.5, "frequency_penalty": 1}, []),
    ("anthropic", "cohere", {**GO, "max_tokens": 9, "stop_sequences": list("abcdef")}, ["compatibility stop_sequences"]),
    ("anthropic", "cohere", {**GO, "max_tokens": 9, "stop_sequences": list("abcde")}, []),
    ("gemini", "cohere", {"contents": [{"role": "user", "parts": [{"text": "Go."}]}], "generationConfig": {"topP": 1}},
     ["compatibility generationConfig.topP"]),
    ("openai", "cohere", {**GO, "tools": [function("f")], "tool_choice": {"type": "function", "function": {"name": "f"}}}, []),
    ("openai", "cohere", {**GO, "tools": [function("f"), function("g")],
                          "tool_choice": {"type": "function", "function": {"name": "g"}}}, []),
    ("openai", "ollama", {**GO, "tools": [function("f"), function("g")],
                          "tool_choice": {"type": "function", "function": {"name": "g"}}}, ["compatibility tool_choice.function.name"]),
    ("anthropic", "ollama", {**GO, "max_tokens": 9, "tools": [{"name": "f", "input_schema": SCHEMA}],
                             "tool_choice": {"type": "tool", "name": "f"}}, ["compatibility tool_choice.type"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("declared"))
    yield stage
    stage.close()


@pytest.mark.parametrize(("client", "provider", "body", "told"), TOLD)
def test_what_a_dialect_declares_is_told(stage: Stage, client: str, provider: str, body: Json, told: list[str]) -> None:
    """In the header; or as a refusal, for who wants no loss."""
    said = says(provider, FINE, stream=False)
    assert said is not None
    heard, _ = stage.ask(client, provider, body, stream=False, says=said)
    assert heard.status == 200, heard.body
    warned = [one for one in heard.headers.get("gateway-warnings", "").split(", ") if one and not one.startswith("default ")]
    assert warned == told
    strict, sent = stage.ask(client, provider, body, stream=False, says=said, Gateway_On_Loss="refuse")
    assert (strict.status, sent is None) == ((400, True) if told else (200, False))


CITED = {"id": "r", "finish_reason": "COMPLETE", "message": {
    "role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Old."}],
    "citations": [{"type": "THINKING_CONTENT", "content_index": 0, "start": 0, "end": 2, "text": "Hm", "sources": []}],
}}  # fmt: skip
CITING = [
    {"type": "message-start", "id": "r", "delta": {"message": {"role": "assistant"}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"thinking": "Hm."}}}},
    {"type": "citation-start", "index": 0, "delta": {"message": {"citations": CITED["message"]["citations"][0]}}},  # type: ignore[index]
    {"type": "content-delta", "index": 1, "delta": {"message": {"content": {"text": "Old."}}}},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
]


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_reader_leaves_behind_is_told(stage: Stage, stream: bool) -> None:
    """What a thought cites has no place elsewhere: told in the header, or in the stream."""
    said = ("application/json", orjson.dumps(CITED))
    if stream:
        said = ("text/event-stream", b"".join(b"data: " + orjson.dumps(one) + b"\n\n" for one in CITING))
    heard, _ = stage.ask("openai", "cohere", GO, stream=stream, says=said)
    assert heard.status == 200
    assert "unsupported message.citations[0]" in (heard.body.decode() if stream else heard.headers["gateway-warnings"])


@pytest.mark.parametrize(("asked", "sent"), [("models/gemini-x", "models/m"), ("gemini-x", "m"), (None, None)])
def test_a_name_in_the_body_keeps_its_form_on_the_way_through(stage: Stage, asked: str | None, sent: str | None) -> None:
    """Where the path names the model, a body may name it too, as the list of models does."""
    body = {"contents": [{"role": "user", "parts": [{"text": "Go."}]}], **({"model": asked} if asked else {})}
    said = says("gemini", FINE, stream=False)
    _, got = stage.ask("gemini", "gemini", body, stream=False, says=said)
    assert got.get("model") == sent


@pytest.mark.parametrize("client", ["openai", "anthropic"])
def test_of_a_tool_that_must_be_called_only_that_one_is_offered(stage: Stage, client: str) -> None:
    """Where there is no word that forces one; where any of several must be called there is nothing like it: a 400."""
    tools = [function("f"), function("g")] if client == "openai" else [{"name": name, "input_schema": SCHEMA} for name in "fg"]
    choices: Any = {"openai": ({"type": "function", "function": {"name": "g"}}, "required"),
                    "anthropic": ({"type": "tool", "name": "g"}, {"type": "any"})}[client]  # fmt: skip
    body = {**GO, "max_tokens": 9, "tools": tools}
    for provider in ("cohere", "ollama"):
        said = says(provider, FINE, stream=False)
        assert said is not None
        _, sent = stage.ask(client, provider, {**body, "tool_choice": choices[0]}, stream=False, says=said)
        assert [tool["function"]["name"] for tool in sent["tools"]] == ["g"]
    heard, sent = stage.ask(client, "ollama", {**body, "tool_choice": choices[1]}, stream=False, says=said)
    assert (heard.status, sent) == (400, None)
    assert "Name the tool that it must call" in heard.json()["error"]["message"]


def test_a_loss_is_declared_by_place_and_condition() -> None:
    """`when`: members that are there and fit; `unless`: something that the written body has; `*`: each element."""
    loss = DeclaredLoss.read({"at": "/a/*/b", "when": {"c": {"minimum": 3}}, "unless": ["/x/y", "/z"]})
    request = {"a": [{"b": 1}, {"d": 2}, {"b": False}, {"b": 4}], "c": 3}
    assert told_of([loss], request, {"x": {}}) == [("unsupported", ("a", 0, "b")), ("unsupported", ("a", 3, "b"))]
    for wrong, written in (({**request, "c": 2}, {}), ({"a": request["a"]}, {}), ({"c": 3}, {}), (request, {"z": 0})):
        assert told_of([loss], wrong, written) == []


def test_it_is_named_where_the_caller_said_it() -> None:
    """At the innermost place without which it is gone; by its neutral name where no place of his says it."""
    read = lambda body: {"t": [{"s": one["f"].get("strict")} if one else None for one in body.get("tools", ())]}  # noqa: E731
    body = {"model": "m", "tools": [{"f": {"strict": True}}, {"f": {"strict": True}}]}
    assert [loss.name for loss in losses_of([("unsupported", ("t", 1, "s"))], body, read)] == ["tools[1].f.strict"]
    assert [loss.name for loss in losses_of([("unsupported", ("filled", "in"))], body, read)] == ["filled.in"]


@pytest.mark.parametrize(("entry", "sentence"), [
    ("{at: temperature}", "must"), ("{at: /a~2}", "This loss cannot be told"), ("{at: /a, when: {a: {type: objekt}}}", "This loss cannot be told"),
])  # fmt: skip
def test_a_loss_that_cannot_be_told_stops_the_start(tmp_path: Path, entry: str, sentence: str) -> None:
    """At its line."""
    (tmp_path / "providers.yaml").write_text(f"dialects:\n  near:\n    like: openai\n    told:\n      - {entry}\nproviders: {{}}\n")
    problem = read_configuration(tmp_path, {}).problems.errors[0]
    assert (problem.file, problem.line) == ("providers.yaml", 5)
    assert sentence in problem.sentence or sentence == "must"
