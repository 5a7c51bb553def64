"""Maps from one vocabulary to another are total: no known word of either side falls through."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import yaml
from anthropic.types import StopReason
from anthropic.types.shared import ErrorType
from google.genai import types as genai
from openai.types.chat.chat_completion import Choice
from rosetta.oracles import check_contract, check_neutral, check_official, neutral_validator
from rosetta.stories import DIALECTS, ROOT, Json, declared_values, template

from handlers.engine.templates import Kind

NEUTRAL = yaml.safe_load((ROOT / "openapi" / "neutral.schema.yaml").read_text("utf-8"))["$defs"]
FINISH_REASONS = NEUTRAL["finish_reason"]["enum"]
ERROR_TYPES = NEUTRAL["error"]["properties"]["type"]["enum"]
EFFORTS = NEUTRAL["request"]["properties"]["reasoning"]["properties"]["effort"]["enum"]
PLAIN: Json = {"model": "m", "max_tokens": 64000, "messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}]}


def call(dialect: str, kind: Kind, given: Json, **values: Any) -> Any:
    return template(dialect, kind)({**given, "values": {**declared_values(dialect), **values}})


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("reason", FINISH_REASONS)
def test_every_neutral_finish_reason_is_written_defect_136(dialect: str, reason: str) -> None:
    """Each of our finish reasons has a word in each dialect, in whole answers and in streams alike."""
    usage = {"input_tokens": 1, "output_tokens": 1}
    response = {"id": "r", "model": "m", "created": 1, "parts": [{"type": "text", "text": "Hi"}], "usage": usage}
    body = call(dialect, Kind.WRITE_RESPONSE, {**response, "finish_reason": reason, "request": {}})
    check_official(dialect, "response", body, [])
    check_contract(dialect, "response", body)
    event = {"type": "finish", "finish_reason": reason, "usage": usage}
    frames = call(dialect, Kind.WRITE_EVENT, {"event": event, "response": response, "request": {}})
    assert word_of(dialect, frames[0]["data"]) == word_of(dialect, body)


def word_of(dialect: str, told: Json) -> str:
    """Why an answer ended, in the words of a whole answer or of the last piece of one."""
    words: Any = {
        "openai": lambda: told["choices"][0]["finish_reason"],
        "anthropic": lambda: told.get("delta", told)["stop_reason"],
        "gemini": lambda: told["candidates"][0]["finishReason"],
        "ollama": lambda: told["done_reason"],
    }
    return str(words[dialect]())


@pytest.mark.parametrize("word", [each.value for each in genai.FinishReason])
def test_every_finish_reason_of_generate_content_is_read_defect_136(word: str) -> None:
    """Each word means something, and the filters' words come back as they were."""
    candidate = {"content": {"parts": [{"text": "Hi"}], "role": "model"}, "finishReason": word}
    neutral = call("gemini", Kind.READ_RESPONSE, {"body": {"responseId": "r", "modelVersion": "m", "candidates": [candidate]},
                                                  "request": {}})  # fmt: skip
    check_neutral("response", neutral)
    unclear = ("FINISH_REASON_UNSPECIFIED", "OTHER", "LANGUAGE", "IMAGE_OTHER", "NO_IMAGE", "ESCALATION", "CONTINUATION",
               "PUP_LIMITED_DISABLED")  # fmt: skip
    assert (neutral["finish_reason"] == "other") == (word in unclear)
    if neutral["finish_reason"] == "content_filter":
        assert word_of("gemini", call("gemini", Kind.WRITE_RESPONSE, {**neutral, "request": {}})) == word


@pytest.mark.parametrize("word", [each.value for each in genai.BlockedReason])
def test_every_reason_to_block_a_prompt_is_read_defect_136(word: str) -> None:
    """A blocked prompt has no candidate; its answer says so in words."""
    body = {"responseId": "r", "modelVersion": "m", "promptFeedback": {"blockReason": word}}
    neutral = call("gemini", Kind.READ_RESPONSE, {"body": body, "request": {}})
    check_neutral("response", neutral)
    assert (neutral["finish_reason"], neutral["raw_finish_reason"]) == ("content_filter", word)
    assert word in neutral["parts"][0]["text"]


@pytest.mark.parametrize("word", get_args(StopReason))
def test_every_stop_reason_is_read_and_comes_back_defect_136(word: str) -> None:
    """A word of Messages means something here, and goes back to a client of Messages as it was."""
    content = [{"type": "tool_use", "id": "t", "name": "f", "input": {}}] if word == "tool_use" else []
    body = {"id": "r", "model": "m", "content": content, "stop_reason": word, "usage": {}}
    body["stop_sequence"] = "END" if word == "stop_sequence" else None
    neutral = call("anthropic", Kind.READ_RESPONSE, {"body": body, "request": {}})
    check_neutral("response", neutral)
    assert neutral["finish_reason"] != "other" or word == "pause_turn"
    assert call("anthropic", Kind.WRITE_RESPONSE, {**neutral, "request": {}})["stop_reason"] == word


@pytest.mark.parametrize("word", get_args(Choice.model_fields["finish_reason"].annotation))
def test_every_finish_reason_of_chat_is_read_defect_136(word: str) -> None:
    message = {"role": "assistant", "content": "Hi"}
    body = {"id": "r", "model": "m", "created": 1, "choices": [{"message": message, "finish_reason": word}]}
    neutral = call("openai", Kind.READ_RESPONSE, {"body": body, "request": {}})
    check_neutral("response", neutral)
    assert neutral["finish_reason"] != "other"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("type_", ERROR_TYPES)
def test_every_error_type_is_written_and_comes_back_defect_141(dialect: str, type_: str) -> None:
    """Each type of error has a word in each dialect, and is read from it; our own failures are the provider's there."""
    body = call(dialect, Kind.WRITE_ERROR, {"type": type_, "message": "No."})
    check_contract(dialect, "error", body)
    status = {"internal": 500, "upstream": 502}.get(type_, 400)
    given = {"status": status, "headers": {}, "body": body}
    if dialect == "anthropic" or type_ in ("internal", "upstream"):
        expected = "upstream" if type_ == "internal" else type_
        assert call(dialect, Kind.READ_ERROR, given)["type"] == expected


@pytest.mark.parametrize("word", [word for word in get_args(ErrorType) if not word.startswith("memory_")])
def test_every_error_type_of_messages_is_read_defect_141(word: str) -> None:
    error = {"type": "error", "error": {"type": word, "message": "No."}}
    neutral = call("anthropic", Kind.READ_ERROR, {"status": 500, "headers": {}, "body": error})
    assert neutral_validator("error").is_valid(neutral)
    assert call("anthropic", Kind.WRITE_ERROR, neutral)["error"]["type"] == word


@pytest.mark.parametrize("form", ["budget", "adaptive"])
@pytest.mark.parametrize("effort", EFFORTS)
def test_every_effort_reaches_messages_defect_85_defect_239(effort: str, form: str) -> None:
    """An effort becomes a budget, or thinking of the adaptive kind with an effort, or no thinking."""
    body = call("anthropic", Kind.WRITE_REQUEST, {**PLAIN, "reasoning": {"effort": effort}}, thinking=form)
    check_official("anthropic", "request", body, [])
    expected = "disabled" if effort == "none" else "enabled" if form == "budget" else "adaptive"
    assert body["thinking"]["type"] == expected
    assert ("output_config" in body) == (expected == "adaptive")
    if expected == "enabled":
        assert 1024 <= body["thinking"]["budget_tokens"] < body["max_tokens"]
