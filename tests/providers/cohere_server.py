"""Cohere's chat, version 2, as a server: strict about requests, exact in answers.

What it says: with tools offered and no results yet it plans, and calls every tool whose name stands in the user's text;
given results, it says them; else it repeats the user's text and counts the images. Told to think, it thinks.
"""

from __future__ import annotations

import json
from typing import Any

from providers.vendor_server import Received, Refused, Reply, VendorServer, arguments_for, shreds

KEY = "co-test-key"
KNOWN = {
    "model", "messages", "stream", "tools", "strict_tools", "documents", "citation_options", "response_format",
    "safety_mode", "max_tokens", "stop_sequences", "temperature", "seed", "frequency_penalty", "presence_penalty", "k",
    "p", "logprobs", "tool_choice", "thinking", "priority",
}  # fmt: skip
MESSAGE = {
    "system": {"role", "content"}, "user": {"role", "content"}, "tool": {"role", "content", "tool_call_id"},
    "assistant": {"role", "content", "tool_calls", "tool_plan", "citations"},
}  # fmt: skip
THOUGHT = "I should think about this."
PLAN = "I will look it up."
USAGE = {"billed_units": {"input_tokens": 4, "output_tokens": 3}, "tokens": {"input_tokens": 20, "output_tokens": 10}}


class CohereServer(VendorServer):
    """Serves POST /v2/chat and /v2/embed, and GET /v1/models."""

    def refusal(self, refused: Refused) -> Reply:
        return Reply(refused.status, {"id": "8c2f", "message": refused.message})

    def reply(self, request: Received) -> Reply:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            raise Refused(401, "invalid api token")
        if request.path == "/v1/models":
            return Reply(200, {"models": [{"name": "command-test", "endpoints": ["chat"], "context_length": 128000}]})
        if request.path != "/v2/chat":
            raise Refused(404, "page not found")
        body = request.body
        self.check(body)
        message = self.answer(body)
        reason = "TOOL_CALL" if "tool_calls" in message else "COMPLETE"
        if body["stream"] is False:
            return Reply(200, {"id": "29f14a5a", "finish_reason": reason, "message": message, "usage": USAGE})
        events = [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events_of(message, reason)]
        return Reply(200, events=events)

    # ---- what it refuses ------------------------------------------------------------------------------------------

    @staticmethod
    def check(body: dict[str, Any]) -> None:
        if body.keys() - KNOWN:
            raise Refused(422, f"unknown field: {sorted(body.keys() - KNOWN)}")
        if body["model"] == "missing":
            raise Refused(404, "model 'missing' not found, make sure the correct model ID was used")
        for message in body["messages"]:
            if message["role"] not in MESSAGE or message.keys() - MESSAGE[message["role"]]:
                raise Refused(400, f"invalid message: {sorted(message)}")
            if message["role"] in ("system", "user") and not message["content"]:
                raise Refused(400, "invalid request: all elements in messages must have content")
            if message["role"] == "assistant" and isinstance(message.get("content"), str) and "tool_calls" in message:
                raise Refused(400, "invalid request: content and tool_calls are exclusive, use tool_plan")
        for tool in body.get("tools", ()):
            if not tool["function"]["name"].isidentifier() or "parameters" not in tool["function"]:
                raise Refused(400, "invalid tool")
        if body.get("tool_choice", "NONE") not in ("NONE", "REQUIRED") or not 0.01 <= body.get("p", 0.75) <= 0.99:
            raise Refused(400, "invalid request")

    # ---- what it says ---------------------------------------------------------------------------------------------

    @staticmethod
    def answer(body: dict[str, Any]) -> dict[str, Any]:
        thinking = body.get("thinking", {}).get("type") == "enabled"
        thoughts = [{"type": "thinking", "thinking": THOUGHT}] if thinking else []
        results: list[str] = []
        for one in reversed(body["messages"]):
            if one["role"] != "tool":
                break
            results.insert(0, one["content"])
        if results:
            return said(thoughts, f"Results: {'; '.join(results)}")
        content = body["messages"][-1]["content"]
        items = [{"type": "text", "text": content}] if isinstance(content, str) else content
        text = " ".join(item["text"] for item in items if item["type"] == "text")
        images = sum(item["type"] == "image_url" for item in items)
        wanted = [tool["function"] for tool in body.get("tools", []) if tool["function"]["name"] in text]
        if not wanted or body.get("tool_choice") == "NONE":
            return said(thoughts, text + (f" (images: {images})" if images else ""))
        calls = [{"id": f"{one['name']}_{number}", "type": "function", "function": {
            "name": one["name"], "arguments": json.dumps(arguments_for(one["parameters"], number))}}
            for number, one in enumerate(wanted)]  # fmt: skip
        return {"role": "assistant", "tool_plan": PLAN, "tool_calls": calls, **({"content": thoughts} if thoughts else {})}


def said(thoughts: list[dict[str, Any]], text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": [*thoughts, {"type": "text", "text": text}]}


def events_of(message: dict[str, Any], reason: str) -> list[dict[str, Any]]:
    """A message as it comes in a stream."""
    opening: Any = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    found: list[dict[str, Any]] = [{"id": "29f14a5a", "type": "message-start", "delta": {"message": opening}}]

    def add(kind: str, index: int | None = None, **of_message: Any) -> None:
        delta = {"delta": {"message": of_message}} if of_message else {}
        found.append({"type": kind, **({"index": index} if index is not None else {}), **delta})

    for index, item in enumerate(message.get("content", ())):
        member = item["type"]
        add("content-start", index, content={"type": member, member: ""})
        for piece in shreds(item[member]):
            add("content-delta", index, content={member: piece})
        add("content-end", index)
    for piece in shreds(message.get("tool_plan", "")):
        add("tool-plan-delta", tool_plan=piece)
    for index, call in enumerate(message.get("tool_calls", ())):
        add("tool-call-start", index, tool_calls={**call, "function": {"name": call["function"]["name"], "arguments": ""}})
        for piece in shreds(call["function"]["arguments"]):
            add("tool-call-delta", index, tool_calls={"function": {"arguments": piece}})
        add("tool-call-end", index)
    return [*found, {"type": "message-end", "id": "29f14a5a", "delta": {"finish_reason": reason, "usage": USAGE}}]
