"""Providers that take whatever the contract lets through, and answer in their vendor's words.

The faithful servers of tests/providers refuse what their vendors would refuse, which is nearly every random body. These
refuse nothing: what they say is thrown like dice, from the values of the request, so that the same request always gets
the same answer, and many requests get all kinds of answers: text, thoughts, refusals, calls of the offered tools,
citations, every reason to end, now and then an error instead of an answer or in the middle of a stream.
"""

from __future__ import annotations

import json
import random
import zlib
from typing import Any

from providers.anthropic_server import block_events, signed
from providers.vendor_server import Received, Refused, Reply, VendorServer, shreds

Json = dict[str, Any]

TEXTS = (
    "A morello is a dark sour cherry.", "", " ", "one\u2028two\u2029three", "a\r\nb\rc\n\nd", '{"model": "x"}',
    "data: [DONE]\n\n", "🍒" * 7, "\x00\x07\x1b", "Zwölf Boxkämpfer", "x" * 300,
)  # fmt: skip
"""What may stand in a text, and is easily broken on the way."""
ARGUMENTS: tuple[Json, ...] = ({}, {"town": "Zürich"}, {"a": [1, {"b": None}], "model": "x"}, {"\u2028": 'quote " \\ '})
KINDS = {404: "not_found_error", 409: "conflict_error", 429: "rate_limit_error"}
FAILURES = (409, 429)
"""What the dice may say instead of an answer: no server's error, which would look like one of the gateway's own."""


class Lenient(VendorServer):
    """What both have in common. A subclass says how its vendor writes a `refusal`, a `whole` answer and `events`."""

    dialect: str

    def whole(self, body: Json, dice: random.Random) -> Json:
        raise NotImplementedError

    def events(self, answer: Json, body: Json, broken: bool) -> list[bytes]:
        raise NotImplementedError

    def reply(self, request: Received) -> Reply:
        del self.received[:-1]
        dice = random.Random(zlib.crc32(json.dumps(request.body, sort_keys=True).encode()))
        if request.method != "POST":
            raise Refused(404, f"Not found: {request.path}")
        if dice.random() < 0.03:
            raise Refused(dice.choice(FAILURES), "Not now.")
        body = request.body
        answer = self.whole(body, dice)
        if self.streams(request):
            events = self.framed(self.events(answer, body, dice.random() < 0.05), request)
            return Reply(200, events=pieces(events, dice), headers={"content-type": self.media_type(request)})
        return Reply(200, answer)

    def streams(self, request: Received) -> bool:
        return request.body.get("stream") is True

    def framed(self, events: list[bytes], request: Received) -> list[bytes]:
        """The events as this request wants them; by themselves they are what they mostly are."""
        return events

    def media_type(self, request: Received) -> str:
        return "text/event-stream"


def wire(value: Any) -> bytes:
    """JSON with no more escapes than it needs: line separators and the like stand there as they are."""
    return json.dumps(value, ensure_ascii=False).encode()


def pieces(events: list[bytes], dice: random.Random) -> list[bytes]:
    """A stream as the network brings it: events by themselves, glued together, or cut anywhere."""
    style, stream = dice.randrange(3), b"".join(events)
    if style == 0:
        return [stream]
    size = dice.choice((7, 64, 1000))
    if style == 1:
        return [stream[at : at + size] for at in range(0, min(len(stream), 40 * size), size)] + [stream[40 * size :]]
    return events


def offered(tools: Any, *place: str) -> list[str]:
    """The names of the tools that a body offers, whatever else it holds. `place` leads from a tool to its name."""
    names = []
    for tool in tools if isinstance(tools, list) else ():
        found = tool
        for step in place:
            found = found.get(step) if isinstance(found, dict) else None
        if isinstance(found, str):
            names.append(found)
    return names


class LenientOpenAI(Lenient):
    """Chat Completions."""

    dialect = "openai"

    def refusal(self, refused: Refused) -> Reply:
        error = {"message": refused.message, "type": KINDS[refused.status], "param": None, "code": None}
        return Reply(refused.status, {"error": error}, headers={"x-request-id": "req-lenient"})

    def whole(self, body: Json, dice: random.Random) -> Json:
        message, finish_reason = self.message(body, dice)
        answer: Json = {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1767225600, "model": "m-2026-01-01",
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
        }  # fmt: skip
        if dice.random() < 0.5:
            answer["service_tier"] = dice.choice(("default", "flex", "priority"))
            answer["system_fingerprint"] = "fp_1"
        if dice.random() < 0.5:
            answer["usage"]["prompt_tokens_details"] = {"cached_tokens": 4, "audio_tokens": 0}
            answer["usage"]["completion_tokens_details"] = {"reasoning_tokens": 5, "audio_tokens": 0}
        return answer

    @staticmethod
    def message(body: Json, dice: random.Random) -> tuple[Json, str]:
        message: Json = {"role": "assistant", "content": dice.choice(TEXTS), "refusal": None}
        names = offered(body.get("tools"), "function", "name")
        if dice.random() < 0.2:
            message["reasoning_content"] = dice.choice(TEXTS)
        if names and dice.random() < 0.7:
            message["content"] = dice.choice((None, "", "I shall call."))
            message["tool_calls"] = [
                {"id": f"call_{number}", "type": "function",
                 "function": {"name": dice.choice(names), "arguments": json.dumps(dice.choice(ARGUMENTS))}}
                for number in range(dice.choice((1, 1, 2, 3)))
            ]  # fmt: skip
            return message, "tool_calls"
        if dice.random() < 0.1:
            return {**message, "content": None, "refusal": "I would rather not."}, "stop"
        if dice.random() < 0.2 and message["content"]:
            cited = {"start_index": 0, "end_index": 1, "title": "Cherries", "url": "https://example.com/cherry"}
            message["annotations"] = [{"type": "url_citation", "url_citation": cited}]
        return message, dice.choice(("stop", "stop", "length", "content_filter"))

    def events(self, answer: Json, body: Json, broken: bool) -> list[bytes]:
        choice = answer["choices"][0]
        deltas = [{"role": "assistant", "content": ""}, *self.deltas(choice["message"])]
        head = {**answer, "object": "chat.completion.chunk"}
        usage = head.pop("usage")
        asked = isinstance(body.get("stream_options"), dict) and body["stream_options"].get("include_usage") is True
        if asked:
            head["usage"] = None
        chunks = [
            {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None, "logprobs": None}]}
            for delta in deltas
        ]
        if broken:
            chunks = [*chunks[:2], {"error": {"message": "Cut.", "type": "server_error", "param": None, "code": None}}]
            return [b"data: %s\n\n" % wire(chunk) for chunk in chunks]
        last = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"], "logprobs": None}
        chunks.append({**head, "choices": [last]})
        if asked:
            chunks.append({**head, "choices": [], "usage": usage})
        return [*(b"data: %s\n\n" % wire(chunk) for chunk in chunks), b"data: [DONE]\n\n"]

    @staticmethod
    def deltas(message: Json) -> list[Json]:
        found: list[Json] = [{"reasoning_content": piece} for piece in shreds(message.get("reasoning_content", ""), 400)]
        found += [{"content": piece} for piece in shreds(message["content"] or "", 400)]
        found += [{"refusal": piece} for piece in shreds(message["refusal"] or "")]
        if "annotations" in message:
            found.append({"annotations": message["annotations"]})
        for index, call in enumerate(message.get("tool_calls", ())):
            function = call["function"]
            found.append({"tool_calls": [{**call, "index": index, "function": {**function, "arguments": ""}}]})
            found += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
                      for piece in shreds(function["arguments"])]  # fmt: skip
        return found


class LenientAnthropic(Lenient):
    """Messages."""

    dialect = "anthropic"

    def streams(self, request: Received) -> bool:
        return request.body.get("stream") is True and not request.path.endswith("/count_tokens")

    def refusal(self, refused: Refused) -> Reply:
        error = {"type": KINDS[refused.status], "message": refused.message}
        body = {"type": "error", "error": error, "request_id": "req_lenient"}
        return Reply(refused.status, body, headers={"request-id": "req_lenient"})

    def whole(self, body: Json, dice: random.Random) -> Json:
        if self.last.path.endswith("/count_tokens"):
            return {"input_tokens": dice.randrange(10**6)}
        content, stop_reason = self.content(body, dice)
        stops = [stop for stop in body.get("stop_sequences") or () if isinstance(stop, str)]
        stopped = dice.choice(stops) if stop_reason == "end_turn" and stops and dice.random() < 0.5 else None
        usage: Json = {"input_tokens": 9, "output_tokens": 12, "cache_creation_input_tokens": 0,
                       "cache_read_input_tokens": 3, "service_tier": "standard",
                       "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}}  # fmt: skip
        return {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m-20260101", "content": content,
            "stop_reason": "stop_sequence" if stopped is not None else stop_reason, "stop_sequence": stopped,
            "usage": usage,
        }  # fmt: skip

    @staticmethod
    def content(body: Json, dice: random.Random) -> tuple[list[Json], str]:
        content: list[Json] = []
        if dice.random() < 0.3:
            thought = dice.choice(TEXTS)
            content.append({"type": "thinking", "thinking": thought, "signature": signed(thought)})
        if dice.random() < 0.1:
            content.append({"type": "redacted_thinking", "data": "EqQBCgIYAhIM"})
        names = offered(body.get("tools"), "name")
        if dice.random() < 0.7:
            content.append({"type": "text", "text": dice.choice(TEXTS)})
        if names and dice.random() < 0.7:
            content += [
                {"type": "tool_use", "id": f"toolu_{number}", "name": dice.choice(names), "input": dice.choice(ARGUMENTS[1:])}
                for number in range(dice.choice((1, 1, 2, 3)))
            ]
            return content, "tool_use"
        return content, dice.choice(("end_turn", "end_turn", "max_tokens", "refusal", "pause_turn"))

    def events(self, answer: Json, body: Json, broken: bool) -> list[bytes]:
        usage = {**answer["usage"], "output_tokens": 1}
        start = {**answer, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        events: list[Json] = [{"type": "message_start", "message": start}, {"type": "ping"}]
        for index, block in enumerate(answer["content"]):
            if block["type"] == "redacted_thinking":
                events.append({"type": "content_block_start", "index": index, "content_block": block})
                events.append({"type": "content_block_stop", "index": index})
            else:
                events += block_events(index, block)
        if broken:
            events = [*events[:4], {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}]
        else:
            delta = {"stop_reason": answer["stop_reason"], "stop_sequence": answer["stop_sequence"]}
            events += [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 12}}, {"type": "message_stop"}]
        return [b"event: %s\ndata: %s\n\n" % (event["type"].encode(), wire(event)) for event in events]

