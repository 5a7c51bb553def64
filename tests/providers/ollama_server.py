"""Ollama's own chat as a server: strict about requests, exact in answers.

What it says: with tools offered and no results yet it calls every tool whose name stands in the user's text; given
results, it says them; else it repeats the user's text and counts the images. Told to think, it thinks.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from providers.vendor_server import Received, Refused, Reply, VendorServer, arguments_for, shreds

KNOWN = {"model", "messages", "stream", "tools", "format", "think", "options", "keep_alive", "logprobs", "top_logprobs"}
MESSAGE = {"role", "content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id"}
OPTIONS = {"num_predict", "temperature", "top_p", "top_k", "seed", "stop", "frequency_penalty", "presence_penalty", "num_ctx"}
THOUGHT = "I should think about this."
AT = "2026-01-02T03:04:05.123456789Z"


class OllamaServer(VendorServer):
    """Serves POST /api/chat and GET /api/tags."""

    def refusal(self, refused: Refused) -> Reply:
        return Reply(refused.status, {"error": refused.message})

    def reply(self, request: Received) -> Reply:
        if request.path == "/api/tags":
            model = {"name": "qwen3:8b", "model": "qwen3:8b", "modified_at": AT, "size": 1, "digest": "d",
                     "details": {"family": "qwen3"}}  # fmt: skip
            return Reply(200, {"models": [model]})
        if request.path != "/api/chat":
            raise Refused(404, "404 page not found")
        body = request.body
        self.check(body)
        message = self.answer(body)
        head = {"model": body["model"], "created_at": AT}
        end = {"done": True, "done_reason": "stop", "total_duration": 4883583458, "load_duration": 1334875,
               "prompt_eval_count": 20, "prompt_eval_duration": 342546000, "eval_count": 10,
               "eval_duration": 4535599000}  # fmt: skip
        if body.get("stream") is False:
            return Reply(200, {**head, "message": message, **end})
        lines = [{**head, "message": {"role": "assistant", "content": "", **piece}, "done": False} for piece in pieces_of(message)]
        lines.append({**head, "message": {"role": "assistant", "content": ""}, **end})
        events = [json.dumps(line).encode() + b"\n" for line in lines]
        return Reply(200, events=events, headers={"content-type": "application/x-ndjson"})

    # ---- what it refuses ------------------------------------------------------------------------------------------

    @staticmethod
    def check(body: dict[str, Any]) -> None:
        if body.keys() - KNOWN or body.get("options", {}).keys() - OPTIONS:
            raise Refused(400, f"unknown members: {sorted(body.keys() - KNOWN)}")
        if body["model"] == "missing":
            raise Refused(404, "model 'missing' not found")
        for message in body["messages"]:
            if message.keys() - MESSAGE:
                raise Refused(400, f"unknown members of a message: {sorted(message.keys() - MESSAGE)}")
            if message["role"] not in ("user", "assistant", "system", "tool") or not isinstance(message.get("content", ""), str):
                raise Refused(400, "json: cannot unmarshal into Go struct field ChatRequest.messages")
            for image in message.get("images", ()):
                base64.b64decode(image, validate=True)
            for call in message.get("tool_calls", ()):
                if not isinstance(call["function"]["arguments"], dict):
                    raise Refused(400, "json: cannot unmarshal string into Go struct field arguments")

    # ---- what it says ---------------------------------------------------------------------------------------------

    @staticmethod
    def answer(body: dict[str, Any]) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": ""}
        if body.get("think"):
            message["thinking"] = THOUGHT
        results: list[str] = []
        for one in reversed(body["messages"]):
            if one["role"] != "tool":
                break
            results.insert(0, one["content"])
        if results:
            return {**message, "content": f"Results: {'; '.join(results)}"}
        last = body["messages"][-1]
        wanted = [tool["function"] for tool in body.get("tools", []) if tool["function"]["name"] in last.get("content", "")]
        if wanted:
            calls = [{"function": {"index": 0, "name": one["name"], "arguments": arguments_for(one["parameters"], number)}}
                     for number, one in enumerate(wanted)]  # fmt: skip
            return {**message, "tool_calls": calls}
        images = len(last.get("images", ()))
        return {**message, "content": last.get("content", "") + (f" (images: {images})" if images else "")}


def pieces_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    """A message as it comes in a stream: thoughts and text in shreds, each call whole, in a line of its own."""
    return [
        *({"thinking": piece} for piece in shreds(message.get("thinking", ""))),
        *({"content": piece} for piece in shreds(message["content"])),
        *({"tool_calls": [call]} for call in message.get("tool_calls", ())),
    ]
