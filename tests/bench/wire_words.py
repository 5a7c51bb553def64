"""What the mock provider says, in both vendors' words: answers and the events of streams, whose words are numbered."""

from __future__ import annotations

import itertools
import json
from typing import Any, NamedTuple

SENTENCE = "lorem ipsum dolor sit amet "
STAMP = "@0;"


class Piece(NamedTuple):
    """An event. `after` is None, or what follows the time that is written between the two when the event leaves."""

    before: bytes
    after: bytes | None = None


def text_of(kilobytes: int) -> str:
    """The text of an answer: `kilobytes` and a little less."""
    return (SENTENCE * (kilobytes * 38))[: kilobytes * 1000 - 200]


def arguments_of(count: int) -> list[str]:
    """The arguments of the tool that is called, as they arrive."""
    return ['{"city":"', *(f" word{n}" for n in range(count)), '"}']


def answer_of(dialect: str, kilobytes: int, *, tools: bool) -> dict[str, Any]:
    text, arguments = text_of(kilobytes), {"city": text_of(kilobytes)}
    if dialect == "openai":
        call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": json.dumps(arguments)}}
        message = {"role": "assistant", "content": None if tools else text, "refusal": None}
        choice = {"index": 0, "message": {**message, **({"tool_calls": [call]} if tools else {})}, "logprobs": None,
                  "finish_reason": "tool_calls" if tools else "stop"}  # fmt: skip
        return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "bench-2024", "choices": [choice],
                "usage": {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}}  # fmt: skip
    block = ({"type": "tool_use", "id": "toolu_1", "name": "weather", "input": arguments} if tools else
             {"type": "text", "text": text})  # fmt: skip
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "bench-2024", "content": [block],
            "stop_reason": "tool_use" if tools else "end_turn", "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 20}}  # fmt: skip


def events_of(dialect: str, count: int, *, tools: bool, stamped: bool) -> list[Piece]:
    """A stream with `count` numbered words. `stamped`: each of them also tells when it is written."""
    words = arguments_of(count) if tools else [f" word{n}" for n in range(count)]
    events = _chunks(words, tools) if dialect == "openai" else _blocks(words, tools)
    return [_piece(text, stamped) for text in events]


def _piece(event: str, stamped: bool) -> Piece:
    if not stamped or " word" not in event:
        return Piece(event.encode())
    at = event.index(" word")
    end = at + len(" word") + len("".join(itertools.takewhile(str.isdigit, event[at + 5 :])))
    return Piece(f"{event[:end]} @".encode(), f";{event[end:]}".encode())


def _chunks(words: list[str], tools: bool) -> list[str]:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> str:
        return "data: " + json.dumps({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "bench-2024",
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}],
        }, separators=(",", ":")) + "\n\n"  # fmt: skip

    def call(function: dict[str, str], **more: str) -> dict[str, Any]:
        return {"tool_calls": [{"index": 0, **more, "function": function}]}

    if tools:
        first = [chunk({"role": "assistant", "content": None}),
                 chunk(call({"name": "weather", "arguments": ""}, id="call_1", type="function"))]  # fmt: skip
        middle = [chunk(call({"arguments": word})) for word in words]
    else:
        first, middle = [chunk({"role": "assistant", "content": ""})], [chunk({"content": word}) for word in words]
    return [*first, *middle, chunk({}, "tool_calls" if tools else "stop"), "data: [DONE]\n\n"]


def _blocks(words: list[str], tools: bool) -> list[str]:
    def event(data: dict[str, Any]) -> str:
        return f"event: {data['type']}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"

    def delta(word: str) -> dict[str, str]:
        return {"type": "input_json_delta", "partial_json": word} if tools else {"type": "text_delta", "text": word}

    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "bench-2024", "content": [],
               "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 10, "output_tokens": 1}}  # fmt: skip
    block = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}} if tools else {"type": "text", "text": ""}
    return [
        event({"type": "message_start", "message": message}),
        event({"type": "content_block_start", "index": 0, "content_block": block}),
        *(event({"type": "content_block_delta", "index": 0, "delta": delta(word)}) for word in words),
        event({"type": "content_block_stop", "index": 0}),
        event({"type": "message_delta", "delta": {"stop_reason": "tool_use" if tools else "end_turn", "stop_sequence": None},
               "usage": {"output_tokens": 20}}),
        event({"type": "message_stop"}),
    ]  # fmt: skip
