"""Anthropic's Messages as a server: strict about requests, exact in answers.

What it says: with tools offered and no results yet it calls every tool whose name stands in the user's text; given
results, it says them; else it repeats the user's text and counts the images. Asked to think, it thinks, and signs; a
thought that comes back with another signature than its own, or not at all while a tool is in use, is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from providers.vendor_server import Received, Refused, Reply, VendorServer, arguments_for, shreds

KEY = "sk-ant-test"
KNOWN = {
    "model", "max_tokens", "messages", "system", "stream", "tools", "tool_choice", "temperature", "top_p", "top_k",
    "stop_sequences", "metadata", "thinking", "service_tier", "output_config", "container", "context_management",
    "mcp_servers", "cache_control",
}  # fmt: skip
USER = {"text", "image", "document", "tool_result", "search_result"}
ASSISTANT = {"text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "web_search_tool_result"}
ID = re.compile(r"[a-zA-Z0-9_-]+")
THOUGHT = "I should think about this."


def signed(thought: str) -> str:
    """The signature that this server gives a thought."""
    return "sig" + hashlib.sha256(thought.encode()).hexdigest()


class AnthropicServer(VendorServer):
    """Serves POST /v1/messages and GET /v1/models."""

    def refusal(self, refused: Refused) -> Reply:
        kind = {401: "authentication_error", 404: "not_found_error"}.get(refused.status, "invalid_request_error")
        body = {"type": "error", "error": {"type": kind, "message": refused.message}, "request_id": "req_anthropic_e"}
        return Reply(refused.status, body, headers={"request-id": "req_anthropic_e"})

    def reply(self, request: Received) -> Reply:
        if request.headers.get("x-api-key") != KEY:
            raise Refused(401, "invalid x-api-key")
        if not request.headers.get("anthropic-version"):
            raise Refused(400, "anthropic-version: header is required")
        if request.path == "/v1/models":
            model = {"type": "model", "id": "claude-test", "display_name": "Claude Test",
                     "created_at": "2025-02-19T00:00:00Z"}  # fmt: skip
            return Reply(200, {"data": [model], "has_more": False, "first_id": "claude-test", "last_id": "claude-test"})
        if request.path != "/v1/messages":
            raise Refused(404, f"Not found: {request.path}")
        body = request.body
        self.check(body)
        content, stop_reason = self.answer(body)
        usage = {"input_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 8,
                 "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
                 "output_tokens": 10, "service_tier": "standard"}  # fmt: skip
        message = {"id": "msg_test", "type": "message", "role": "assistant", "model": f"{body['model']}-20250219",
                   "content": content, "stop_reason": stop_reason, "stop_sequence": None, "usage": usage}  # fmt: skip
        headers = {"request-id": "req_anthropic_1", "anthropic-ratelimit-requests-remaining": "99"}
        if body.get("stream"):
            return Reply(200, events=self.events(message), headers=headers)
        return Reply(200, message, headers=headers)

    # ---- what it refuses ------------------------------------------------------------------------------------------

    def check(self, body: dict[str, Any]) -> None:
        for name in ("max_tokens", "messages", "model"):
            if name not in body:
                raise Refused(400, f"{name}: Field required")
        unknown = set(body) - KNOWN
        if unknown:
            raise Refused(400, f"{sorted(unknown)[0]}: Extra inputs are not permitted")
        thinking = body.get("thinking", {})
        if thinking.get("type") == "enabled" and not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
            raise Refused(400, "`max_tokens` must be greater than `thinking.budget_tokens`.")
        if thinking.get("type") == "enabled" and body.get("temperature", 1) != 1:
            raise Refused(400, "`temperature` may only be set to 1 when thinking is enabled.")
        if thinking.get("type") == "enabled" and body.get("tool_choice", {}).get("type") in ("any", "tool"):
            raise Refused(400, "Thinking may not be enabled when tool_choice forces tool use.")
        if "tools" in body and not body["tools"]:
            raise Refused(400, "tools: List should have at least 1 item")
        if "tool_choice" in body and "tools" not in body:
            raise Refused(400, "tool_choice: may only be specified while providing tools")
        self.check_messages(body, thinking)

    def check_messages(self, body: dict[str, Any], thinking: dict[str, Any]) -> None:
        open_calls: list[str] = []
        for at, message in enumerate(body["messages"]):
            role, content = message["role"], message["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            if not blocks or any(block["type"] == "text" and not block["text"].strip() for block in blocks):
                raise Refused(400, f"messages.{at}: text content blocks must be non-empty")
            if role not in ("user", "assistant", "system"):
                raise Refused(400, f"messages.{at}.role: Input should be 'user' or 'assistant'")
            results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
            if open_calls and sorted(results) != sorted(open_calls):
                raise Refused(400, f"messages.{at}: `tool_use` ids were found without `tool_result` blocks: {open_calls}")
            if results and not open_calls:
                raise Refused(400, f"messages.{at}: unexpected `tool_use_id` found in `tool_result` blocks")
            open_calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
            for block in blocks:
                self.check_block(at, role, block)
            owed = open_calls and thinking.get("type") == "enabled" and at == len(body["messages"]) - 2
            if owed and blocks[0]["type"] not in ("thinking", "redacted_thinking"):
                raise Refused(400, f"messages.{at}.content.0.type: Expected `thinking`, but found `{blocks[0]['type']}`")

    @staticmethod
    def check_block(at: int, role: str, block: dict[str, Any]) -> None:
        allowed = ASSISTANT if role == "assistant" else USER
        if block["type"] not in allowed:
            raise Refused(400, f"messages.{at}: block of type {block['type']} is not allowed here")
        if block["type"] == "thinking" and block.get("signature") != signed(block["thinking"]):
            raise Refused(400, f"messages.{at}: Invalid `signature` in `thinking` block")
        if block["type"] == "tool_use" and (not isinstance(block["input"], dict) or not ID.fullmatch(block["id"])):
            raise Refused(400, f"messages.{at}: tool_use.input: Input should be a valid dictionary")

    # ---- what it says ---------------------------------------------------------------------------------------------

    def answer(self, body: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
        content: list[dict[str, Any]] = []
        if body.get("thinking", {}).get("type") in ("enabled", "adaptive"):
            content.append({"type": "thinking", "thinking": THOUGHT, "signature": signed(THOUGHT)})
        last = body["messages"][-1]["content"]
        blocks = [{"type": "text", "text": last}] if isinstance(last, str) else last
        results = [block for block in blocks if block["type"] == "tool_result"]
        if results:
            said = "; ".join(("error: " if one.get("is_error") else "") + inner_text(one.get("content")) for one in results)
            return [*content, {"type": "text", "text": f"Results: {said}"}], "end_turn"
        said = " ".join(block["text"] for block in blocks if block["type"] == "text")
        choice = body.get("tool_choice", {})
        tools = body.get("tools", []) if choice.get("type") != "none" else []
        wanted = [tool for tool in tools if tool["name"] == choice.get("name") or
                  (choice.get("type") != "tool" and tool["name"] in said)]  # fmt: skip
        if wanted:
            calls = [{"type": "tool_use", "id": f"toolu_{number}", "name": tool["name"],
                      "input": arguments_for(tool["input_schema"], number)} for number, tool in enumerate(wanted)]  # fmt: skip
            return [*content, *calls], "tool_use"
        images = sum(block["type"] == "image" for block in blocks)
        return [*content, {"type": "text", "text": said + (f" (images: {images})" if images else "")}], "end_turn"

    @staticmethod
    def events(message: dict[str, Any]) -> list[bytes]:
        usage = {**message["usage"], "output_tokens": 1}
        start = {**message, "content": [], "stop_reason": None, "usage": usage}
        events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
        for index, block in enumerate(message["content"]):
            events += block_events(index, block)
        delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 10}})
        events.append({"type": "message_stop"})
        return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def block_events(index: int, block: dict[str, Any]) -> list[dict[str, Any]]:
    if block["type"] == "text":
        empty: dict[str, Any] = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in shreds(block["text"])]
    elif block["type"] == "thinking":
        empty = {"type": "thinking", "thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in shreds(block["thinking"], 8)]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    else:
        empty = {**block, "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": ""}]
        if block["input"]:
            deltas += [{"type": "input_json_delta", "partial_json": piece} for piece in shreds(json.dumps(block["input"]))]
    return [
        {"type": "content_block_start", "index": index, "content_block": empty},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def inner_text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return " ".join(block["text"] for block in content if block["type"] == "text")
