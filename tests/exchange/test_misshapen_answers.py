"""An answer in a wrong shape is no answer: read leniently it would look like a model that has nothing to say."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from matrix.stage import CLIENTS, MEDIA, Stage, dialects
from matrix.test_matrix_answers import ASKS
from rosetta.oracles import check_contract
from rosetta.stories import WIRES, Json, stories

from handlers.engine.answer_checks import lack_of, misshapen
from handlers.engine.configuration import load_configuration, read_configuration
from handlers.engine.errors import ConfigurationError, TemplateError
from handlers.engine.event_stream import write_event

WRONG: dict[str, list[Any]] = {
    "openai": [
        {"choices": [7]}, {"choices": ["x"]}, {"choices": [{}]}, {"choices": [{"message": None}]}, {"choices": {"0": {}}},
        {"choices": [{"message": "x", "finish_reason": "stop"}]}, {"choices": [{"message": {"content": 7}}]},
        {"choices": [{"message": {"content": ["x"]}}]}, {"choices": [{"message": {"tool_calls": [7]}}]},
        {"choices": [{"message": {"tool_calls": [{"function": "f"}]}}]},
    ],
    "anthropic": [{"content": "x"}, {"content": {}}, {"content": [7]}, {"content": ["x"]}, {"content": [{"text": "x"}]},
                  {"content": [{"type": "text"}]}, {"content": [{"type": "tool_use", "name": "f", "input": "x"}]}],
    "responses": [{"output": "x"}, {"output": [7]}, {"output": [{}]}, {"output": [{"type": "message"}]},
                  {"output": [{"type": "message", "content": [7]}]}, {"output": [{"type": "function_call", "name": 7}]}],
    "gemini": [{"candidates": [7]}, {"candidates": [{}]}, {"candidates": [{"content": "x"}]},
               {"candidates": [{"content": {"parts": "x"}}]}, {"candidates": [{"content": {"parts": [7]}}]},
               {"candidates": [{"content": {"parts": [{"functionCall": "f"}]}}]}, {"promptFeedback": "x"}],
    "ollama": [{"message": "x"}, {"message": []}, {"message": {"content": 7}}, {"message": {"content": [{"text": "x"}]}},
               {"message": {"tool_calls": ["f"]}}, {"message": {"tool_calls": [{"function": {"name": 7}}]}}],
    "cohere": [{}, {"message": "x"}, {"message": {"content": 7}}, {"message": {"content": ["x"]}},
               {"message": {"tool_calls": {}}}, {"message": {"tool_plan": []}}],
    "bedrock": [{}, {"output": "x"}, {"output": {"message": None}}, {"output": {"message": {}}},
                {"output": {"message": {"content": "x"}}}, {"output": {"message": {"content": ["x"]}}},
                {"output": {"message": {"content": [{"toolUse": "f"}]}}}],
}  # fmt: skip
"""Bodies of answers; none of them says anything that can be understood."""

ODD: dict[str, list[Any]] = {
    "openai": [7, "x", {"choices": [7]}, {"choices": "x"}, {"choices": [{"delta": "x"}]}, {"choices": [{"delta": {"content": 7}}]},
               {"choices": [{"delta": {"content": ["x"]}, "finish_reason": "stop"}]}, {"choices": [{"delta": {"tool_calls": [7]}}]}],
    "anthropic": [7, {"type": "content_block_delta", "index": 0}, {"type": "content_block_delta", "index": 0, "delta": "x"},
                  {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 7}},
                  {"type": "content_block_start", "index": 0, "content_block": "x"}],
    "responses": [7, {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": 7},
                  {"type": "response.output_item.done", "output_index": 0, "item": "x"}, {"type": "response.completed", "response": "x"}],
    "gemini": [7, {"candidates": [7]}, {"candidates": "x"}, {"candidates": [{"content": "x"}]},
               {"candidates": [{"content": {"parts": [7]}}]}],
    "ollama": [7, {"message": "x"}, {"message": {"content": 7}}, {"message": {"tool_calls": "f"}}],
    "cohere": [7, {"type": "content-delta", "index": 0}, {"type": "content-delta", "index": 0, "delta": {"message": "x"}},
               {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": 7}}}},
               {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": "f"}}}],
    "bedrock": [{"contentBlockIndex": 0, "delta": "x"}, {"contentBlockIndex": 0, "delta": {"text": 7}},
                {"contentBlockIndex": 0, "delta": {"toolUse": "f"}}],
}  # fmt: skip
"""Events of streams, the same."""

SAYING = ("text", "refusal", "reasoning", "tool_call", "file")
BESIDE = ("citations", "logprobs")
"""What stands beside what is said. It costs nobody the answer."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("misshapen"))
    yield stage
    stage.close()


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", WIRES)
def test_an_answer_in_a_wrong_shape_is_none(stage: Stage, provider: str, stream: bool, client: str) -> None:
    """It is a 502 in the caller's words, which names the place. (What passes through is only counted.)"""
    for body in WRONG[provider] if client != provider else ():
        said = "application/json", orjson.dumps(body)
        heard, _ = stage.ask(client, provider, ASKS[client], stream=stream, says=said)
        assert heard.status == 502, (body, heard.body)
        check_contract(client, "error", heard.json())
        assert "The answer of the provider up-" in message_of(heard.json()), body


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("provider", WIRES)
def test_an_event_in_a_wrong_shape_breaks_the_stream(stage: Stage, provider: str, client: str) -> None:
    """Nothing is told as said that was not understood, and no good end follows."""
    for event in ODD[provider] if client != provider else ():
        heard, _ = stage.ask(client, provider, ASKS[client], stream=True, says=framed(provider, event))
        assert heard.status == 502, (event, heard.body)
        assert "of an event in its stream, it" in message_of(heard.json()), event


def framed(provider: str, event: Any) -> tuple[str, bytes]:
    framing = dialects()[provider].stream.name
    if framing == "aws-event-stream":
        return "application/vnd.amazon.eventstream", write_event("contentBlockDelta", orjson.dumps(event))
    raw = orjson.dumps(event) if event != "x" else b"x"
    return MEDIA[framing], raw + b"\n" if framing == "ndjson" else b"data: " + raw + b"\n\n"


def message_of(body: Json) -> str:
    error: Any = body["error"]
    return str(error if isinstance(error, str) else error["message"])


CASES = [pytest.param(name, wire, id=f"{name}, {story.name}")
         for name in WIRES for story in stories("response") for wire in story.read(name)]  # fmt: skip


@pytest.mark.parametrize(("name", "wire"), CASES)
def test_nothing_that_is_said_is_lost_to_a_wrong_shape(name: str, wire: Json) -> None:
    """Whichever object or list of an answer is something else: what is said is read as it was, or the answer is none."""
    good = read(name, wire)
    assert good is not None
    for path, value in nodes(wire, ()):
        for other in (7, [] if isinstance(value, dict) else {}):
            found = read(name, replaced(wire, path, other)) if path else None
            assert found is None or found == good, (path, other)


def read(name: str, body: Json) -> list[Json] | None:
    """What an answer says; None where it is none."""
    dialect = dialects()[name]
    if lack_of(dialect, body) or misshapen(dialect, "response", body):
        return None
    assert dialect.read_response is not None
    try:
        response = dialect.read_response({"body": body, "request": {}, "values": dict(dialect.values)})
    except TemplateError:
        return None
    parts = [part for part in response.get("parts") or [] if part["type"] in SAYING]
    return [{name: value for name, value in part.items() if name not in BESIDE} for part in parts]


def nodes(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """The objects and lists of a value."""
    if isinstance(value, (dict, list)):
        yield path, value
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield from nodes(member, (*path, key))


def replaced(value: Any, path: tuple[str | int, ...], other: Any) -> Any:
    changed = at = copy.deepcopy(value)
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = other
    return changed


# ---- the file ----------------------------------------------------------------------------------------------------

HOME = "dialects: {near: {like: openai}}\nproviders: {p: {type: near, base_url: 'http://127.0.0.1:1', models: any}}\n"


@pytest.mark.parametrize(("text", "sentence", "line"), [
    ("response: {", "This is not YAML.", 2),
    ("- 7", "A mapping is expected here.", 1),
    ("answer: {}", "answer: is not a key here.", 0),
    ("event: {type: objekt}", "event: is not a JSON Schema", 0),
    ("event: 7", "event: is not a JSON Schema", 0),
])  # fmt: skip
def test_a_shape_that_is_none_stops_the_start(tmp_path: Path, text: str, sentence: str, line: int) -> None:
    """By file and line, where there is one."""
    (tmp_path / "providers.yaml").write_text(HOME)
    (tmp_path / "templates/near").mkdir(parents=True)
    (tmp_path / "templates/near/shapes.yaml").write_text(text + "\n")
    problem = read_configuration(tmp_path, {}).problems.errors[0]
    assert (problem.file, problem.line) == ("templates/near/shapes.yaml", line)
    assert problem.sentence.startswith(sentence)
    with pytest.raises(ConfigurationError):
        load_configuration(tmp_path, {})


def test_a_near_copy_may_have_shapes_of_its_own(tmp_path: Path) -> None:
    """A file of the child replaces its parent's."""
    (tmp_path / "providers.yaml").write_text(HOME)
    assert misshapen(load_configuration(tmp_path, {}).dialects["near"], "response", {"choices": [7]})
    (tmp_path / "templates/near").mkdir(parents=True)
    (tmp_path / "templates/near/shapes.yaml").write_text("response: {required: [seal]}\n")
    near = load_configuration(tmp_path, {}).dialects["near"]
    assert misshapen(near, "response", {"choices": [7]}) == "it has no /seal"
    assert misshapen(near, "event", 7) == ""
