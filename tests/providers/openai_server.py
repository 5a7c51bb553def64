"""OpenAI's Chat Completions as a server: strict about requests, exact in answers.

What it says: with tools offered and no results yet it calls every tool whose name stands in the user's text; given
results, it says them; else it repeats the user's text and counts the images. Reasoning models (`o-…`) show
`reasoning_content`, and take it back.
"""

from __future__ import annotations

import json
import re
from typing import Any

from providers.vendor_server import Received, Refused, Reply, VendorServer, arguments_for, shreds

KEY = "sk-openai-test"
KNOWN = {
    "model", "messages", "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "max_tokens",
    "max_completion_tokens", "temperature", "top_p", "n", "seed", "stop", "frequency_penalty", "presence_penalty",
    "logprobs", "top_logprobs", "logit_bias", "reasoning_effort", "response_format", "user", "metadata", "service_tier",
    "store", "verbosity", "modalities", "audio", "prediction", "web_search_options", "safety_identifier",
    "prompt_cache_key", "prompt_cache_retention", "functions", "function_call",
}  # fmt: skip
MESSAGE = {
    "system": {"role", "content", "name"},
    "developer": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "refusal", "tool_calls", "audio", "function_call", "annotations"},
    "tool": {"role", "content", "tool_call_id"},
}
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class OpenAIServer(VendorServer):
    """Serves POST /v1/chat/completions and GET /v1/models."""

    def refusal(self, refused: Refused) -> Reply:
        error = {"message": refused.message, "type": "invalid_request_error", "param": None, "code": None}
        return Reply(refused.status, {"error": {**error, **refused.more}}, headers={"x-request-id": "req-openai-e"})

    def reply(self, request: Received) -> Reply:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            raise Refused(401, "Incorrect API key provided.", code="invalid_api_key")
        if request.path == "/v1/models":
            model = {"id": "gpt-4o", "object": "model", "created": 1715367049, "owned_by": "system"}
            return Reply(200, {"object": "list", "data": [model]})
        if request.path != "/v1/chat/completions":
            raise Refused(404, f"Invalid URL (POST {request.path})")
        body = request.body
        self.check(body)
        message, finish_reason = self.answer(body)
        head = {"id": "chatcmpl-test", "created": 1760000000, "model": f"{body['model']}-2024-08-06"}
        usage = {
            "prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30,
            "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 4 if "reasoning_content" in message else 0,
                                          "audio_tokens": 0, "accepted_prediction_tokens": 0,
                                          "rejected_prediction_tokens": 0},
        }  # fmt: skip
        headers = {"x-request-id": "req-openai-1", "openai-processing-ms": "7", "x-ratelimit-remaining-requests": "99"}
        if body.get("stream"):
            events = self.events(head, message, finish_reason, usage, body)
            return Reply(200, events=events, headers=headers)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
        answer = {**head, "object": "chat.completion", "choices": [choice], "usage": usage,
                  "service_tier": "default", "system_fingerprint": "fp_test"}  # fmt: skip
        return Reply(200, answer, headers=headers)

    # ---- what it refuses ------------------------------------------------------------------------------------------

    def check(self, body: dict[str, Any]) -> None:
        unknown = set(body) - KNOWN
        if unknown:
            raise Refused(400, f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}")
        if "tools" in body and not body["tools"]:
            raise Refused(400, "Invalid 'tools': empty array.")
        if "tool_choice" in body and "tools" not in body:
            raise Refused(400, "'tool_choice' is only allowed when 'tools' are specified.")
        for tool in body.get("tools", []):
            if set(tool) - {"type", "function"} or not NAME.fullmatch(tool["function"]["name"]):
                raise Refused(400, "Invalid tool.")
        open_calls: list[str] = []
        for at, message in enumerate(body["messages"]):
            open_calls = self.check_message(at, message, open_calls, body["model"].startswith("o-"))
        if open_calls:
            raise Refused(400, f"An assistant message with 'tool_calls' must be followed by tool messages: {open_calls}")

    def check_message(self, at: int, message: dict[str, Any], open_calls: list[str], thinks: bool) -> list[str]:
        role = message["role"]
        allowed = MESSAGE[role] | ({"reasoning_content", "reasoning_details"} if thinks else set())
        if set(message) - allowed:
            raise Refused(400, f"Unknown parameter: 'messages[{at}].{sorted(set(message) - allowed)[0]}'.")
        if role == "tool":
            if message["tool_call_id"] not in open_calls:
                raise Refused(400, "messages with role 'tool' must be a response to a preceeding 'tool_calls'.")
            self.check_content(at, message["content"], {"text"})
            return [one for one in open_calls if one != message["tool_call_id"]]
        if open_calls:
            raise Refused(400, f"tool_call_ids did not have response messages: {', '.join(open_calls)}")
        if role == "assistant":
            calls = message.get("tool_calls", [])
            if message.get("content") is None and not calls and not message.get("refusal"):
                raise Refused(400, f"Invalid value for 'content': expected a string, got null: messages[{at}].")
            for call in calls:
                if not isinstance(call["function"]["arguments"], str) or len(call["id"]) > 40:
                    raise Refused(400, f"Invalid tool call in messages[{at}].")
            return [call["id"] for call in calls]
        self.check_content(at, message["content"], {"text", "image_url", "input_audio", "file"})
        return []

    @staticmethod
    def check_content(at: int, content: Any, kinds: set[str]) -> None:
        if isinstance(content, str):
            return
        if not isinstance(content, list) or not content:
            raise Refused(400, f"Invalid 'messages[{at}].content'.")
        for part in content:
            if part["type"] not in kinds or set(part) != {"type", part["type"]}:
                raise Refused(400, f"Invalid content part in messages[{at}]: {part['type']}.")

    # ---- what it says ---------------------------------------------------------------------------------------------

    def answer(self, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
        message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
        if body["model"].startswith("o-"):
            message["reasoning_content"] = "Let me think about it."
        last = body["messages"][-1]
        if last["role"] == "tool":
            results = [one for one in body["messages"] if one["role"] == "tool"]
            message["content"] = "Results: " + "; ".join(text_of(one["content"]) for one in results)
            return message, "stop"
        said = text_of(last["content"])
        chosen = body.get("tool_choice")
        forced = chosen["function"]["name"] if isinstance(chosen, dict) else None
        tools = [tool["function"] for tool in body.get("tools", []) if chosen != "none"]
        wanted = [tool for tool in tools if tool["name"] == forced or (not forced and tool["name"] in said)]
        if wanted:
            message["tool_calls"] = [
                {"id": f"call_{tool['name']}_{number}"[:40], "type": "function", "function": {
                    "name": tool["name"], "arguments": json.dumps(arguments_for(tool.get("parameters", {}), number))}}
                for number, tool in enumerate(wanted)
            ]  # fmt: skip
            return message, "tool_calls"
        images = sum(part["type"] == "image_url" for one in body["messages"] if isinstance(one["content"], list)
                     for part in one["content"])  # fmt: skip
        message["content"] = said + (f" (images: {images})" if images else "")
        return message, "stop"

    @staticmethod
    def events(
        head: dict[str, Any], message: dict[str, Any], finish_reason: str, usage: Any, body: dict[str, Any]
    ) -> list[bytes]:
        """The answer as chunks; parallel calls come interleaved, as they may."""
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
        if "reasoning_content" in message:
            deltas += [{"reasoning_content": piece} for piece in shreds(message["reasoning_content"], 8)]
        if message["content"]:
            deltas += [{"content": piece} for piece in shreds(message["content"])]
        calls = message.get("tool_calls", [])
        for index, call in enumerate(calls):
            function = {"name": call["function"]["name"], "arguments": ""}
            deltas.append({"tool_calls": [{"index": index, "id": call["id"], "type": "function", "function": function}]})
        pieces = [shreds(call["function"]["arguments"]) for call in calls]
        for row in range(max(map(len, pieces), default=0)):
            for index, piece in enumerate(pieces):
                if row < len(piece):
                    deltas.append({"tool_calls": [{"index": index, "function": {"arguments": piece[row]}}]})
        asked = (body.get("stream_options") or {}).get("include_usage")
        common = {**head, "object": "chat.completion.chunk", "service_tier": "default", "system_fingerprint": "fp_test"}
        common |= {"usage": None} if asked else {}
        chunks = [{**common, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]}
                  for delta in deltas]  # fmt: skip
        last = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish_reason}
        chunks.append({**common, "choices": [last]})
        if asked:
            chunks.append({**common, "choices": [], "usage": usage})
        return [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks] + [b"data: [DONE]\n\n"]


def text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content if part["type"] == "text")
