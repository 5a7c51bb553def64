"""OpenAI's Responses as a server: strict about requests, exact in answers.

What it says: with tools offered and no results yet it calls every tool whose name stands in the user's text; given
results, it says them; else it repeats the user's text and counts the images. Asked to think it thinks, and encrypts the
thought where `include` wants it; one that comes back with another encryption than its own is refused. The words `too
long` and `too many` in the user's text are refused as the vendor refuses those; `cut` ends the answer early, `filtered`
ends it by a filter, and `broken` fails in its stream.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from providers.vendor_server import Received, Refused, Reply, VendorServer, arguments_for, shreds

KEY = "sk-responses-test"
KNOWN = {
    "model", "input", "instructions", "stream", "stream_options", "store", "tools", "tool_choice", "parallel_tool_calls",
    "max_output_tokens", "temperature", "top_p", "top_logprobs", "reasoning", "text", "include", "user", "service_tier",
    "metadata", "truncation", "previous_response_id", "prompt_cache_key", "safety_identifier", "background",
    "client_metadata",
}  # fmt: skip
INPUT = {"input_text", "input_image", "input_file"}
THOUGHT = "I should think about this."
CREATED = 1767225600

Json = dict[str, Any]


def encrypted(thought: str) -> str:
    """What this server makes of a thought that only it can read."""
    return "enc" + hashlib.sha256(thought.encode()).hexdigest()


class ResponsesServer(VendorServer):
    """Serves POST /v1/responses and GET /v1/models."""

    def refusal(self, refused: Refused) -> Reply:
        more = {key: value for key, value in refused.more.items() if key != "headers"}
        error = {"message": refused.message, "type": "invalid_request_error", "param": None, "code": None, **more}
        headers = {"x-request-id": "req_responses_e", **refused.more.get("headers", {})}
        return Reply(refused.status, {"error": error}, headers=headers)

    def reply(self, request: Received) -> Reply:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            raise Refused(401, "Incorrect API key provided", code="invalid_api_key")
        if request.path == "/v1/models":
            return Reply(200, {"object": "list", "data": [{"id": "r-test", "object": "model", "created": CREATED, "owned_by": "o"}]})
        if request.path != "/v1/responses":
            raise Refused(404, f"Invalid URL ({request.method} {request.path})")
        body = {name: value for name, value in request.body.items() if value is not None}  # null says nothing there
        self.check(body)
        answer = self.answer(body)
        headers = {"x-request-id": "req_responses_1", "x-ratelimit-remaining-requests": "99"}
        if body.get("stream"):
            broken = "broken" in said_last(body)
            return Reply(200, events=numbered(events_of(answer, broken)), headers=headers)
        return Reply(200, answer, headers=headers)

    # ---- what it refuses ------------------------------------------------------------------------------------------

    def check(self, body: Json) -> None:
        unknown = set(body) - KNOWN
        if unknown:
            name = sorted(unknown)[0]
            raise Refused(400, f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")
        if "model" not in body or "input" not in body:
            raise Refused(400, "Missing required parameter.", code="missing_required_parameter")
        if body.get("max_output_tokens", 16) < 16:
            raise Refused(400, "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16.")
        for tool in body.get("tools", ()):
            if tool["type"] == "function" and not {"name", "parameters"} <= set(tool):
                raise Refused(400, "Missing required parameter: 'tools[0].parameters'.")
        if "tool_choice" in body and not body.get("tools") and body["tool_choice"] != "auto":
            raise Refused(400, "Tool choice must be 'auto' when there are no tools.")
        calls: set[str] = set()
        for at, item in enumerate(items_of(body)):
            self.check_item(at, item, calls)
        said = said_last(body)
        if "too long" in said:
            raise Refused(400, "Your input exceeds the context window of this model. Please adjust your input and try again.",
                          param="input", code="context_length_exceeded")  # fmt: skip
        if "too many" in said:
            raise Refused(429, "Rate limit reached.", type="requests", code="rate_limit_exceeded", headers={"retry-after": "7"})

    @staticmethod
    def check_item(at: int, item: Json, calls: set[str]) -> None:
        kind = item.get("type", "message")
        if kind == "message":
            content = item["content"]
            if not isinstance(content, str):
                allowed = {"output_text", "refusal"} if item["role"] == "assistant" else INPUT
                for part in content:
                    if part["type"] not in allowed:
                        raise Refused(400, f"Invalid value: '{part['type']}'. Supported values are: {sorted(allowed)}.",
                                      param=f"input[{at}].content", code="invalid_value")  # fmt: skip
        elif kind == "function_call":
            calls.add(item["call_id"])
            json.loads(item["arguments"])
        elif kind == "function_call_output":
            if item["call_id"] not in calls:
                raise Refused(400, f"No tool call found for function call output with call_id {item['call_id']}.", param="input")
        elif kind == "reasoning":
            if "role" in item or "summary" not in item:
                raise Refused(400, f"Missing required parameter: 'input[{at}].summary'.")
            if item.get("encrypted_content") != encrypted(THOUGHT):
                raise Refused(400, "The encrypted content could not be verified.", code="invalid_encrypted_content")
        else:
            raise Refused(400, f"Invalid value: '{kind}'.", param=f"input[{at}]", code="invalid_value")

    # ---- what it says ---------------------------------------------------------------------------------------------

    def answer(self, body: Json) -> Json:
        said, output = said_last(body), []
        if body.get("reasoning", {}).get("effort", "none") != "none":
            summary = [{"type": "summary_text", "text": THOUGHT}] if body["reasoning"].get("summary") else []
            thought: Json = {"id": "rs_test", "type": "reasoning", "summary": summary}
            if "reasoning.encrypted_content" in body.get("include", ()):
                thought["encrypted_content"] = encrypted(THOUGHT)
            output.append(thought)
        output += self.said(body, said)
        status, reason = ("incomplete", "max_output_tokens") if "cut" in said else ("completed", None)
        if "filtered" in said:
            status, reason = "incomplete", "content_filter"
        usage = {"input_tokens": 12, "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 0},
                 "output_tokens": 10, "output_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 22}  # fmt: skip
        return {
            "id": "resp_test", "object": "response", "created_at": CREATED, "status": status, "background": False,
            "error": None, "incomplete_details": {"reason": reason} if reason else None,
            "instructions": body.get("instructions"), "max_output_tokens": body.get("max_output_tokens"),
            "model": f"{body['model']}-2025-01-01", "output": output,
            "parallel_tool_calls": body.get("parallel_tool_calls", True), "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None, **body.get("reasoning", {})}, "service_tier": "default",
            "store": body.get("store", True), "temperature": body.get("temperature", 1.0),
            "text": {"format": {"type": "text"}, **body.get("text", {})}, "tool_choice": body.get("tool_choice", "auto"),
            "tools": body.get("tools", []), "top_p": 1.0, "truncation": "disabled", "usage": usage, "user": None,
            "metadata": body.get("metadata", {}),
        }  # fmt: skip

    def said(self, body: Json, said: str) -> list[Json]:
        items = items_of(body)
        if items[-1].get("type") == "function_call_output":
            results = []
            for item in reversed(items):
                if item.get("type") != "function_call_output":
                    break
                results.insert(0, inner_text(item["output"]))
            return [message(f"Results: {'; '.join(results)}")]
        choice = body.get("tool_choice", "auto")
        named = choice.get("name") if isinstance(choice, dict) else None
        tools = [tool for tool in body.get("tools", []) if tool["type"] == "function" and choice != "none"]
        wanted = [tool for tool in tools if tool["name"] == named or (named is None and tool["name"] in said)]
        if wanted:
            return [{"id": f"fc_{number}", "type": "function_call", "status": "completed", "call_id": f"call_{number}",
                     "name": tool["name"], "arguments": json.dumps(arguments_for(tool["parameters"], number))}
                    for number, tool in enumerate(wanted)]  # fmt: skip
        if "decline" in said:
            refusal = {"type": "refusal", "refusal": "I would rather not."}
            return [{"id": "msg_test", "type": "message", "status": "completed", "role": "assistant", "content": [refusal]}]
        images = sum(part["type"] == "input_image" for part in parts_of(items[-1]))
        return [message(said + (f" (images: {images})" if images else ""))]


def message(text: str) -> Json:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"id": "msg_test", "type": "message", "status": "completed", "role": "assistant", "content": [part]}


def items_of(body: Json) -> list[Json]:
    given = body["input"]
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


def parts_of(item: Json) -> list[Json]:
    content = item.get("content") or []
    return [{"type": "input_text", "text": content}] if isinstance(content, str) else content


def said_last(body: Json) -> str:
    """The text of the last item, if a user said it."""
    item = items_of(body)[-1]
    return " ".join(part["text"] for part in parts_of(item) if part["type"] == "input_text") if item.get("role") == "user" else ""


def inner_text(output: Any) -> str:
    return output if isinstance(output, str) else " ".join(part["text"] for part in output if part["type"] == "input_text")


# ---- the stream -----------------------------------------------------------------------------------------------------


def events_of(answer: Json, broken: bool) -> list[Json]:
    """The events of an answer, in the vendor's order."""
    begun = {**answer, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    events = [{"type": "response.created", "response": begun}, {"type": "response.in_progress", "response": begun}]
    for index, item in enumerate(answer["output"]):
        events += item_events(index, item)
    if broken:
        error = {"code": "server_error", "message": "The server had an error."}
        return [*events[:-1], {"type": "response.failed", "response": {**answer, "status": "failed", "error": error}}]
    return [*events, {"type": f"response.{answer['status']}", "response": answer}]


def item_events(index: int, item: Json) -> list[Json]:
    where = {"item_id": item["id"], "output_index": index}
    empty: Json = {"message": {"status": "in_progress", "content": []}, "reasoning": {"summary": []},
                   "function_call": {"status": "in_progress", "arguments": ""}}[item["type"]]  # fmt: skip
    events: list[Json] = [{"type": "response.output_item.added", "output_index": index, "item": {**item, **empty}}]
    if item["type"] == "function_call":
        events += [{"type": "response.function_call_arguments.delta", **where, "delta": piece}
                   for piece in shreds(item["arguments"])]  # fmt: skip
        events.append({"type": "response.function_call_arguments.done", **where, "arguments": item["arguments"]})
    for number, piece in enumerate(item.get("summary", ())):
        at = {**where, "summary_index": number}
        events.append({"type": "response.reasoning_summary_part.added", **at, "part": {**piece, "text": ""}})
        events += [{"type": "response.reasoning_summary_text.delta", **at, "delta": shred} for shred in shreds(piece["text"], 8)]
        events.append({"type": "response.reasoning_summary_text.done", **at, "text": piece["text"]})
        events.append({"type": "response.reasoning_summary_part.done", **at, "part": piece})
    for number, part in enumerate(item.get("content", ())):
        events += part_events({**where, "content_index": number}, part)
    return [*events, {"type": "response.output_item.done", "output_index": index, "item": item}]


def part_events(at: Json, part: Json) -> list[Json]:
    kind, word = ("refusal", "refusal") if part["type"] == "refusal" else ("output_text", "text")
    more: Json = {} if kind == "refusal" else {"logprobs": []}
    return [
        {"type": "response.content_part.added", **at, "part": {**part, word: ""}},
        *({"type": f"response.{kind}.delta", **at, "delta": shred, **more} for shred in shreds(part[word])),
        {"type": f"response.{kind}.done", **at, word: part[word], **more},
        {"type": "response.content_part.done", **at, "part": part},
    ]


def numbered(events: list[Json]) -> list[bytes]:
    return [f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n".encode()
            for number, event in enumerate(events)]  # fmt: skip
