"""Images that nobody can decode: sent as they are, or, where an operator wishes it, replaced by a sentence."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from providers.vendor_server import Reply

from handlers.engine.broken_images import SENTENCE, SLICE, decodes

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(100))).decode()
CHAT_ANSWER = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
    {"index": 0, "message": {"role": "assistant", "content": "hey", "refusal": None}, "logprobs": None, "finish_reason": "stop"}]}
MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "hey"}],
           "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
BROKEN = {
    "no base64": "this is no base64!",
    "half of one": PNG[:41],
    "a page": base64.b64encode(b"<html>not found</html>").decode(),
    "nothing": "",
    "another type": base64.b64encode(b"GIF89a" + bytes(50)).decode(),
}


def image_of(data: str, media_type: str = "image/png") -> dict[str, Any]:
    return {"type": "file", "modality": "image", "media_type": media_type, "data": data}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_image_is_seen_defect_101(name: str) -> None:
    """The encoding and the first bytes tell."""
    assert not decodes(image_of(BROKEN[name]))


@pytest.mark.parametrize("part", [
    image_of(PNG), image_of("\n".join(PNG[at : at + 20] for at in range(0, len(PNG), 20))), image_of(PNG, "image/unheard-of"),
    image_of(base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(3 * SLICE)).decode()),
    {"type": "file", "modality": "image", "url": "https://example.com/a.png"}, {"type": "file", "modality": "document", "data": "?"},
], ids=["an image", "in lines", "of a type nobody knows", "of several slices", "by URL", "no image"])  # fmt: skip
def test_what_may_be_one_is_left_alone_defect_101(part: dict[str, Any]) -> None:
    """Only what nobody could decode is taken for broken."""
    assert decodes(part)


def messages_with(data: str) -> list[Any]:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    return [{"role": "user", "content": [{"type": "text", "text": "look"}, image]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [image]}]}]  # fmt: skip


def chat_with(data: str) -> list[Any]:
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    return [{"role": "user", "content": [{"type": "text", "text": "look"}, url]}]


TOOLS = [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]


@pytest.mark.parametrize("provider", ["mends-o", "mends-a"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_a_sentence_takes_its_place_and_the_caller_is_told_defect_101(bench: Any, path: str, provider: str) -> None:
    """On both paths, in results of tools too: the conversation goes on, where it would be refused for ever."""
    broken = BROKEN["a page"]
    body: dict[str, Any] = {"model": f"{provider}:m", "max_tokens": 9, "messages": chat_with(broken)}
    if path == MESSAGES:
        body |= {"messages": messages_with(broken), "tools": TOOLS}
    answer = bench.post(path, body, Reply(200, CHAT_ANSWER if provider == "mends-o" else MESSAGE))
    assert answer.status_code == 200
    assert "compatibility image" in answer.headers["gateway-warnings"]
    sent = json.dumps(bench.provider.last.body)
    assert broken not in sent
    assert sent.count(SENTENCE) == (2 if path == MESSAGES else 1)
    assert "look" in sent


@pytest.mark.parametrize(("path", "provider"), [(CHAT, "mends-o"), (MESSAGES, "mends-a")])
def test_a_body_without_broken_images_goes_through_as_it_is_defect_101(bench: Any, path: str, provider: str) -> None:
    """The wish of the operator costs nobody his bytes who has nothing to be mended."""
    content = chat_with(PNG) if path == CHAT else messages_with(PNG)[:1]
    raw = json.dumps({"model": f"{provider}:m", "unknown_member": [1.0], "max_tokens": 9, "messages": content}, indent=1).encode()
    bench.post(path, raw, Reply(200, CHAT_ANSWER if provider == "mends-o" else MESSAGE))
    assert bench.provider.last.raw == raw.replace(f"{provider}:m".encode(), b"m")


@pytest.mark.parametrize(("path", "model"), [(CHAT, "o:m"), (CHAT, "a:m"), (MESSAGES, "a:m"), (MESSAGES, "o:m")])
def test_without_the_wish_the_provider_decides_defect_101(bench: Any, path: str, model: str) -> None:
    """What the caller sent is sent, and the provider's refusal comes back in its words."""
    content = chat_with(BROKEN["a page"]) if path == CHAT else messages_with(BROKEN["a page"])[:1]
    error = {"type": "invalid_request_error", "message": "Could not process image"}
    reply = Reply(400, {"type": "error", "error": error} if model == "a:m" else {"error": error})
    answer = bench.post(path, {"model": model, "max_tokens": 9, "messages": content}, reply)
    assert BROKEN["a page"] in json.dumps(bench.provider.last.body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Could not process image"
