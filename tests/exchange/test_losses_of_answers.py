"""What of an answer the caller's words cannot carry is told: in a header, or once a stream runs, in a comment."""

from __future__ import annotations

import json
from typing import Any

import pytest
from providers.vendor_server import Reply

CHAT = "/v1/chat/completions"
ASKED = {"model": "a:m", "max_tokens": 90, "messages": [{"role": "user", "content": "hi"}]}
MESSAGE: dict[str, Any] = {
    "id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip
TEXT = {"type": "text", "text": "hey"}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
NEW = {"type": "brand_new", "x": 1}

ANSWERS = [
    ([TEXT], None),
    ([THOUGHT, TEXT], None),
    ([TEXT, {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}], None),
    ([SEARCH, FOUND, TEXT], "unsupported parts[*] x2"),
    ([TEXT, NEW], "unsupported parts[1]"),
]


def events(blocks: list[dict[str, Any]]) -> bytes:
    """The stream that the vendor would make of these blocks, each opened whole."""
    told: list[dict[str, Any]] = [{"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}}]
    for at, block in enumerate(blocks):
        told += [{"type": "content_block_start", "index": at, "content_block": block},
                 {"type": "content_block_stop", "index": at}]  # fmt: skip
    told += [{"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 1}},
             {"type": "message_stop"}]  # fmt: skip
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in told)


@pytest.mark.parametrize(("blocks", "losses"), ANSWERS, ids=str)
def test_a_whole_answer_tells_in_its_header(bench: Any, blocks: list[dict[str, Any]], losses: str | None) -> None:
    """Ordinary answers have none."""
    answer = bench.post(CHAT, ASKED, Reply(200, {**MESSAGE, "content": blocks}))
    assert answer.status_code == 200
    assert answer.headers.get("gateway-warnings") == losses


@pytest.mark.parametrize(("blocks", "losses"), ANSWERS, ids=str)
def test_a_stream_tells_in_a_comment(bench: Any, blocks: list[dict[str, Any]], losses: str | None) -> None:
    """Its headers are out by then."""
    answer = bench.post(CHAT, {**ASKED, "stream": True}, Reply(200, events=[events(blocks)]))
    assert answer.status_code == 200
    comments = [line for line in answer.text.splitlines() if line.startswith(":") and "gateway-warnings" in line]
    assert comments == ([f": gateway-warnings: {losses}"] if losses else [])
    assert "hey" in answer.text
