"""Thoughts in a text, between tags: told apart in whole answers and in streams, wherever the shreds are cut."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from providers.vendor_server import Reply

from handlers.engine.thought_tags import TagSplitter, ThoughtTags, told_apart

TAGS = ("<think>", "</think>")
THOUGHT, ANSWER = "reasoning", "text"
TEXTS = {
    "a thought and an answer": ("<think>\nLet me see </thin\n\n</think>\n\nFour.", [(THOUGHT, "Let me see </thin"), (ANSWER, "Four.")]),
    "no thought": ("Four < five.", [(ANSWER, "Four < five.")]),
    "an answer that talks of tags": ("Write <think>x</think> so.", [(ANSWER, "Write <think>x</think> so.")]),
    "an empty thought": ("<think>\n\n</think>\n\nFour.", [(ANSWER, "Four.")]),
    "two thoughts": (" <think>a</think>\n<think>b</think> c", [(THOUGHT, "a"), (THOUGHT, "b"), (ANSWER, "c")]),
    "a thought that never ends": ("<think>on and on </thi", [(THOUGHT, "on and on </thi")]),
    "half a tag and no more": ("<thi", [(ANSWER, "<thi")]),
    "a comparison": ("<3 <think>", [(ANSWER, "<3 <think>")]),
    "white space first": ("\n  Four.", [(ANSWER, "\n  Four.")]),
    "other scripts": ("<think>思考😀</think>答え", [(THOUGHT, "思考😀"), (ANSWER, "答え")]),
}


def split(shreds: list[str]) -> list[tuple[str, str]]:
    """What the shreds amount to; neighbours of one kind are one, but for thoughts that ended."""
    splitter = TagSplitter(TAGS)
    pieces = [piece for shred in shreds for piece in splitter.feed(shred)] + splitter.finish()
    found: list[tuple[str, str]] = []
    open_kind = None
    for kind, text in pieces:
        if not text:
            open_kind = None if kind == THOUGHT else open_kind
        elif kind == open_kind:
            found[-1] = (kind, found[-1][1] + text)
        else:
            found.append((kind, text))
            open_kind = kind
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_a_thought_is_told_apart_wherever_it_is_cut_defect_30(name: str) -> None:
    """No tag leaks and no answer is swallowed, whatever two places the text is cut at, and letter by letter."""
    text, expected = TEXTS[name]
    assert split([text]) == expected
    assert split(list(text)) == expected
    for first in range(len(text) + 1):
        for second in range(first, len(text) + 1):
            assert split([text[:first], text[first:second], text[second:]]) == expected, (first, second)


@pytest.mark.parametrize("name", TEXTS)
def test_a_whole_answer_is_told_apart_too_defect_30(name: str) -> None:
    """The same law for an answer that is not streamed."""
    text, expected = TEXTS[name]
    parts = told_apart([{"type": "text", "text": text}], TAGS)
    assert [(part["type"], part["text"]) for part in parts] == expected


def test_what_is_no_text_lets_a_text_begin_again_defect_30() -> None:
    """After a call of a tool a model may think again; what was held back comes before the call."""
    stage = ThoughtTags(TAGS)
    call = {"type": "delta", "part": "tool_call", "key": 0, "id": "c", "name": "f", "arguments": "{}"}
    text = {"type": "delta", "part": "text"}
    given = [{**text, "text": "<thi"}, call, {**text, "text": "<think>x</think>"}, {**text, "text": "y"}, {"type": "finish"}]
    assert stage.loose(given) == [
        {**text, "text": "<thi"}, call, {"type": "delta", "part": "reasoning", "text": "x"},
        {"type": "delta", "part": "reasoning", "end": True}, {**text, "text": "y"}, {"type": "finish"},
    ]  # fmt: skip


SAID = "<think>\nhm é\n</think>\n\nFour ü."
TURN = {"messages": [{"role": "user", "content": "2+2?"}], "max_tokens": 99}


def chat_stream(text: str) -> bytes:
    chunks = [{"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
        {"index": 0, "delta": {"role": "assistant", "content": letter}, "finish_reason": None}]} for letter in text]
    chunks.append({**chunks[0], "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


def blocks_of(answer: str) -> list[tuple[str, str]]:
    """Type and text of each block of a message stream."""
    blocks: list[tuple[str, str]] = []
    for event, data in pairwise(answer.splitlines()):
        if event.startswith("event: content_block") and data.startswith("data: "):
            told = json.loads(data[6:])
            if told["type"] == "content_block_start":
                blocks.append((told["content_block"]["type"], ""))
            elif told["type"] == "content_block_delta":
                delta = told["delta"]
                blocks[-1] = (blocks[-1][0], blocks[-1][1] + delta.get("text", delta.get("thinking", "")))
    return blocks


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_stream_with_tags_becomes_thinking_and_text_defect_30(bench: Any, size: int) -> None:
    """A caller of the other family sees a thinking block and a text block, and no tag; reads of any size."""
    raw = chat_stream(SAID)
    reply = Reply(200, events=[raw[at : at + size] for at in range(0, len(raw), size)])
    answer = bench.post("/v1/messages", {"model": "thinker:m", "stream": True, **TURN}, reply)
    assert blocks_of(answer.text) == [("thinking", "hm é"), ("text", "Four ü.")]


def test_a_whole_answer_with_tags_becomes_thinking_and_text_defect_30(bench: Any) -> None:
    """Not streamed, the same blocks."""
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": SAID, "refusal": None}, "finish_reason": "stop"}]}
    answer = bench.post("/v1/messages", {"model": "thinker:m", **TURN}, Reply(200, body)).json()
    assert [(one["type"], one.get("text", one.get("thinking"))) for one in answer["content"]] == [("thinking", "hm é"), ("text", "Four ü.")]


def test_blocks_with_keys_of_their_own_are_told_apart_defect_30(bench: Any) -> None:
    """A provider that numbers its blocks: the thought leaves its block, the answer stays."""
    events = [{"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [],
               "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}},
              {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
              *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": letter}} for letter in SAID),
              {"type": "content_block_stop", "index": 0},
              {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 9}},
              {"type": "message_stop"}]  # fmt: skip
    reply = Reply(200, events=[f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events])
    answer = bench.post("/v1/chat/completions", {"model": "thinker-a:m", "stream": True, **TURN}, reply)
    deltas = [json.loads(line[6:])["choices"][0]["delta"] for line in answer.text.splitlines() if line.startswith("data: {")]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Four ü."
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == "hm é"


def test_without_the_declaration_tags_are_text(bench: Any) -> None:
    """Nobody else's text is touched."""
    answer = bench.post("/v1/messages", {"model": "o:m", "stream": True, **TURN}, Reply(200, events=[chat_stream(SAID)]))
    assert blocks_of(answer.text) == [("text", SAID)]
