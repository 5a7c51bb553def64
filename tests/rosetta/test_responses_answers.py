"""What clients of Responses hear, for every story of the others: whole answers, streams, failures, signs of life."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest
from contract.closed_view import closed_view, validator
from openai import omit
from openai._models import construct_type
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from rosetta.responses_grammar import check_responses
from rosetta.stories import ROOT, Json, Story, stories, template
from rosetta.stream_journey import FRAMINGS, bytes_of, frames_of, named, request_of, stream_stories, travel
from sdk_oracles import refuse_extras

from handlers.engine.assembler import Assembler
from handlers.engine.contract.document import load_document
from handlers.engine.frame_writer import FrameWriter
from handlers.engine.templates import Kind
from handlers.engine.translated_stream import as_loose

ASKED: Json = {"model": "m", "input": "Go.", "instructions": "Be brief.", "tools": [
    {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True, "unheard_of": 1},
    {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
    {"type": "namespace", "name": "crew", "description": "c", "tools": [{"type": "function", "name": "hire"}]},
    {"type": "web_search"},
], "tool_choice": {"type": "function", "name": "f"}, "temperature": 0, "top_p": None, "metadata": {"a": "b"},
    "reasoning": {"effort": "ludicrous", "summary": "auto"}, "text": {"format": {"type": "json_object"}, "verbosity": "low"},
    "max_output_tokens": 7, "parallel_tool_calls": False}  # fmt: skip
ANSWERS = stories("response")
STREAMS = [named(story) for story in stream_stories()]


@cache
def closed(component: str) -> Any:
    return validator(closed_view(load_document(ROOT / "openapi" / "openapi.yaml")), component)


def judge(answer: Json) -> None:
    """By the official types, strictly, and by our own contract: `store` aside, which the API answers, too."""
    closed("ResponsesResponse").validate(answer)
    known = copy.deepcopy({name: value for name, value in answer.items() if name != "store"})
    if known["error"] and known["error"]["code"] in ("context_length_exceeded", "insufficient_quota"):
        known["error"]["code"] = "server_error"
    refuse_extras(Response.model_validate(known), "Response")


def written(story: Story, asked: Json | None = None) -> Json:
    given = {**copy.deepcopy(story.neutral), "request": story.request, "asked": asked or {}, "values": {}}
    given["id"] = given["id"] or "r"  # the engine gives one to an answer that has none
    answer: Json = template("responses", Kind.WRITE_RESPONSE)(given)
    return answer


@pytest.mark.parametrize("story", ANSWERS, ids=lambda story: story.name)
def test_a_whole_answer_defect_157_defect_257(story: Story) -> None:
    """Each story's answer is one of the API's, and says what the story's neutral form says."""
    answer = written(story)
    judge(answer)
    back = template("responses", Kind.READ_RESPONSE)({"body": answer, "request": {}, "values": {}})
    heard = [(part["type"], part.get("text"), part.get("arguments"), part.get("signature")) for part in back["parts"]] \
        if "parts" in back else []  # fmt: skip
    told = [
        ("text" if part["type"] in ("refusal", "file") and part.get("modality") != "image" else part["type"],
         part.get("text", part.get("transcript")) if part["type"] != "reasoning" or not part.get("redacted") else None,
         part.get("arguments", {}) if part["type"] == "tool_call" else None,
         part.get("signature") if part["type"] == "reasoning" else None)
        for part in story.neutral.get("parts", []) if part["type"] != "unknown"
    ]  # fmt: skip
    assert heard == [each for each in told if each[:2] != ("text", "")]
    usage = story.neutral.get("usage", {})
    assert back["usage"]["input_tokens"] == usage.get("input_tokens", 0)
    assert back["usage"]["reasoning_tokens"] == usage.get("reasoning_tokens", 0)


@pytest.mark.parametrize("story", ANSWERS, ids=lambda story: story.name)
def test_a_whole_answer_told_as_a_stream_says_the_same_defect_32(story: Story) -> None:
    """The items are the same, ids included; how it ended is told in the words that coding agents understand."""
    assembler = Assembler(id="r", model="m", created=1)
    events = [event for loose in as_loose(story.neutral) for event in assembler.feed(loose)] + assembler.end()
    writer, out = FrameWriter(FRAMINGS["responses"]), b""
    shared = {"response": assembler.response, "request": story.request, "asked": ASKED, "values": {}}
    for event in events:
        out += writer.write(template("responses", Kind.WRITE_EVENT)({"event": event, **shared}) or [])
    frames = frames_of(out)
    check_responses(frames)
    judge(frames[-1][1]["response"])
    if story.neutral["finish_reason"] != "length":
        assert frames[-1][1]["response"]["output"] == written(story, ASKED)["output"]


@pytest.mark.parametrize("story", STREAMS)
def test_every_stream_is_grammatical_defect_156_defect_163_defect_252(story: Json) -> None:
    """Whatever a provider of whichever format did, the stream obeys the grammar and the official types."""
    out = travel(story["from"], ("responses",), request_of(story), [bytes_of(story)]).out["responses"]
    frames = frames_of(out)
    if frames[0][0] == "response.failed":
        return  # nothing came: the engine opens the stream (test_a_stream_that_only_fails)
    check_responses(frames)
    for _, data in frames:
        closed("ResponseStreamEvent").validate(data)


@pytest.mark.parametrize(
    "story", [named(story) for story in stream_stories() if story["neutral"][-1]["type"] != "error"]
)
def test_the_official_client_puts_the_answer_together_defect_258(story: Json) -> None:
    """The package's own accumulator makes of each stream the answer that the neutral parts are."""
    journey = travel(story["from"], ("responses",), request_of(story), [bytes_of(story)])
    state: Any = ResponseStreamState(input_tools=[], text_format=omit)
    for _, data in frames_of(journey.out["responses"]):
        state.handle_event(event_of(data))
    if journey.assembler.response["finish_reason"] in ("content_filter", "error"):
        return  # it failed, and the package puts nothing together
    parts = journey.assembler.response["parts"]
    answer = state._completed_response
    said = [part.get("text", part.get("transcript")) for part in parts if part["type"] in ("text", "refusal", "file")]
    assert answer.output_text == "".join(text for text in said if text)
    calls = [(item.call_id, item.name) for item in answer.output if item.type == "function_call"]
    assert calls == [(part["id"], part["name"]) for part in parts if part["type"] == "tool_call"]


def event_of(data: Json) -> Any:
    """An event as the package's client makes one of the wire: unchecked."""
    return construct_type(type_=ResponseStreamEvent, value=data)


# ---- how it ends -------------------------------------------------------------------------------------------------

PARTS: list[Json] = [{"type": "text", "text": "Hel"}]


def heard(event: Json, **values: Any) -> list[Json]:
    response = {"id": "r", "model": "m", "created": 1, "parts": PARTS, "usage": {}}
    given = {"event": event, "response": response, "request": {}, "asked": ASKED, "values": values}
    frames: list[Any] = template("responses", Kind.WRITE_EVENT)(given) or []
    return [frame["data"] for frame in frames]


ENDS = {
    "stop": ("response.completed", "completed", None, None),
    "tool_call": ("response.completed", "completed", None, None),
    "other": ("response.completed", "completed", None, None),
    "length": ("response.completed", "incomplete", "max_output_tokens", None),
    "content_filter": ("response.failed", "failed", None, "invalid_prompt"),
    "error": ("response.failed", "failed", None, "server_error"),
}


@pytest.mark.parametrize("reason", ENDS)
def test_each_reason_has_an_end_that_coding_agents_understand_defect_251(reason: str) -> None:
    """What is cut is complete with a reason; what a filter ended has failed, and is not tried again."""
    (event,) = heard({"type": "finish", "finish_reason": reason, "usage": {"input_tokens": 3}})
    answer = event["response"]
    details, error = answer["incomplete_details"] or {}, answer["error"] or {}
    assert (event["type"], answer["status"], details.get("reason"), error.get("code")) == ENDS[reason]
    assert answer["output"][0]["content"][0]["text"] == "Hel"
    assert answer["usage"]["total_tokens"] == 3
    judge(answer)


FAILURES = {
    "context_length_exceeded": {"type": "invalid_request", "code": "context_length_exceeded"},
    "rate_limit_exceeded": {"type": "rate_limit"},
    "insufficient_quota": {"type": "billing"},
    "invalid_prompt": {"type": "permission"},
    "server_error": {"type": "overloaded", "code": "busy"},
}


@pytest.mark.parametrize("code", FAILURES)
def test_each_failure_has_a_code_that_coding_agents_understand_defect_253_defect_255(code: str) -> None:
    """Which of them are worth another attempt, and what to do about them."""
    (event,) = heard({"type": "error", "error": {"message": "No.", **FAILURES[code]}})
    assert event["type"] == "response.failed"
    assert event["response"]["error"] == {"code": code, "message": "No."}
    judge(event["response"])


def test_how_long_to_wait_is_said_once_defect_255() -> None:
    """In the words that are looked for; a provider that says it itself is not repeated."""
    limited = {"type": "rate_limit", "message": "Slow down.", "retry_after": 7}
    (event,) = heard({"type": "error", "error": limited})
    assert event["response"]["error"]["message"] == "Slow down. Please try again in 7s."
    (event,) = heard({"type": "error", "error": {**limited, "message": "Please try again in 3s."}})
    assert event["response"]["error"]["message"] == "Please try again in 3s."


def test_a_refusal_is_text_defect_256() -> None:
    """Coding agents drop a refusal; who has other clients says `refusals: parts`."""
    start = {"type": "part_start", "index": 1, "nth": 0, "part": {"type": "refusal", "text": ""}}
    delta = {"type": "part_delta", "index": 1, "nth": 0, "part": {"type": "refusal", "text": ""}, "text": "No."}
    end = {"type": "part_end", "index": 1, "nth": 0, "part": {"type": "refusal", "text": "No."}}
    told = [event for each in (start, delta, end) for event in heard(each)]
    assert [event["type"] for event in told if event["type"].endswith("delta")] == ["response.output_text.delta"]
    assert told[-1]["item"]["content"][0]["type"] == "output_text"
    told = [event for each in (start, delta, end) for event in heard(each, refusals="parts")]
    assert [event["type"] for event in told] == [
        "response.output_item.added", "response.content_part.added", "response.refusal.delta", "response.refusal.done",
        "response.content_part.done", "response.output_item.done",
    ]  # fmt: skip
    assert told[-1]["item"]["content"] == [{"type": "refusal", "refusal": "No."}]


def test_a_ping_is_an_event_defect_254() -> None:
    """A comment would not count as a sign of life."""
    (event,) = heard({"type": "ping"})
    assert (event["type"], event["response"]["status"]) == ("response.in_progress", "in_progress")
    judge(event["response"])


def test_the_answer_repeats_what_was_asked() -> None:
    """Of what the API repeats, in its own words; words that are not the API's are left out."""
    (event,) = heard({"type": "finish", "finish_reason": "stop", "usage": {}})
    answer = event["response"]
    assert {name: answer[name] for name in ("instructions", "temperature", "max_output_tokens", "parallel_tool_calls")} == {
        "instructions": "Be brief.", "temperature": 0, "max_output_tokens": 7, "parallel_tool_calls": False}  # fmt: skip
    assert answer["reasoning"] == {"effort": None, "summary": "auto"}
    assert answer["tools"] == [
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True},
        {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
        {"type": "namespace", "name": "crew", "description": "c",
         "tools": [{"type": "function", "name": "hire", "parameters": None, "strict": None}]},
    ]  # fmt: skip
