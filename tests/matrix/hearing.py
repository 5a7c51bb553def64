"""What a client makes of an answer: its text, its calls, why it ended. By the official packages where they put streams
together; the grammar of each dialect's streams is checked on the way."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from rosetta.oracles import check_contract
from rosetta.responses_grammar import check_responses
from rosetta.stories import Json
from rosetta.stream_grammar import check_chat, check_generated, check_lines, check_messages
from rosetta.stream_journey import accumulated_completion, accumulated_message, frames_of

Call = tuple[str, Any]


@dataclass(frozen=True)
class Meaning:
    """What is the same in every dialect."""

    text: str
    calls: tuple[str, ...]
    counted: int | None = None


def arguments(told: Any) -> Any:
    if not isinstance(told, str):
        return told
    try:
        return json.loads(told)
    except json.JSONDecodeError:
        return {"INVALID_JSON": told}


def calls_of(calls: list[Call]) -> tuple[str, ...]:
    return tuple(f"{name} {json.dumps(arguments(told), sort_keys=True)}" for name, told in calls)


def whole(client: str, answer: Json) -> Meaning:
    """Of an answer in JSON, which our own contract must allow."""
    check_contract(client, "response", answer)
    return MEANINGS[client](answer)


def streamed(client: str, raw: bytes) -> Meaning:
    """Of a stream, which must keep the grammar of its dialect."""
    if client == "gemini":  # without `alt=sse` its streams are one array
        frames: list[tuple[str | None, Any]] = [(None, piece) for piece in json.loads(raw)]
    else:
        frames = frames_of(raw, "ndjson" if client == "ollama" else "sse")
    CHECKS[client](frames)
    return MEANINGS[client](put_together(client, frames))


def put_together(client: str, frames: list[tuple[str | None, Any]]) -> Json:
    if client == "openai":
        message = accumulated_completion(frames).model_dump(mode="json")
        counts = [data["usage"] for _, data in frames if isinstance(data, dict) and data.get("usage")]
        return {"choices": [{"message": message}], "usage": counts[-1] if counts else {}}
    if client == "anthropic":
        answer: Json = accumulated_message(frames).model_dump(mode="json", warnings=False)
        return answer
    if client == "responses":
        ends = [data["response"] for _, data in frames if isinstance(data, dict)
                and data["type"] in ("response.completed", "response.incomplete", "response.failed")]  # fmt: skip
        return dict(ends[-1])
    pieces = [data for _, data in frames]
    if client == "gemini":
        parts = [part for piece in pieces for one in piece.get("candidates", ())[:1] for part in one.get("content", {}).get("parts", ())]
        return {**pieces[-1], "candidates": [{"content": {"parts": parts}}]}
    text = "".join(piece["message"]["content"] for piece in pieces)
    calls = [call for piece in pieces for call in piece["message"].get("tool_calls", ())]
    return {**pieces[-1], "message": {"content": text, "tool_calls": calls}}


def of_chat(answer: Json) -> Meaning:
    message = answer["choices"][0]["message"]
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls") or () if "function" in call]
    return Meaning((message.get("content") or "") + (message.get("refusal") or ""), calls_of(calls),
                   (answer.get("usage") or {}).get("completion_tokens"))  # fmt: skip


def of_message(answer: Json) -> Meaning:
    text = "".join(block["text"] for block in answer["content"] if block["type"] == "text")
    calls = [(block["name"], block["input"]) for block in answer["content"] if block["type"] == "tool_use"]
    return Meaning(text, calls_of(calls), answer["usage"]["output_tokens"])


def of_response(answer: Json) -> Meaning:
    text = "".join(part.get("text", part.get("refusal", "")) for item in answer["output"] if item["type"] == "message"
                   for part in item["content"])  # fmt: skip
    calls = [(item["name"], item["arguments"]) for item in answer["output"] if item["type"] == "function_call"]
    return Meaning(text, calls_of(calls), (answer.get("usage") or {}).get("output_tokens"))


def of_generated(answer: Json) -> Meaning:
    parts = (answer.get("candidates") or [{}])[0].get("content", {}).get("parts", [])
    text = "".join(part["text"] for part in parts if "text" in part and not part.get("thought"))
    calls = [(part["functionCall"]["name"], part["functionCall"].get("args", {})) for part in parts if "functionCall" in part]
    counts = answer.get("usageMetadata", {})
    counted = counts.get("candidatesTokenCount", 0) + counts.get("thoughtsTokenCount", 0)
    return Meaning(text, calls_of(calls), counted)


def of_line(answer: Json) -> Meaning:
    message = answer["message"]
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls") or ()]
    return Meaning(message["content"], calls_of(calls), answer.get("eval_count"))


MEANINGS = {
    "openai": of_chat, "anthropic": of_message, "responses": of_response, "gemini": of_generated, "ollama": of_line,
}  # fmt: skip
CHECKS: dict[str, Any] = {
    "openai": lambda frames: check_chat(frames, wants_usage=any(isinstance(data, dict) and data.get("usage") for _, data in frames)),
    "anthropic": check_messages, "responses": check_responses, "gemini": check_generated, "ollama": check_lines,
}  # fmt: skip
