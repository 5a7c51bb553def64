"""Responses, Ollama's chat and text completions, as lenient_servers.py has them, and what answers for all services."""

from __future__ import annotations

import json
import random
from typing import Any

from contract.contract_specimens import contract
from fuzz.lenient_servers import ARGUMENTS, KINDS, TEXTS, Json, Lenient, offered, wire
from providers.responses_server import encrypted, events_of
from providers.vendor_server import Received, Refused, Reply, shreds

from handlers.engine.contract.document import follow

AT = "2026-01-02T03:04:05.123456789Z"
CREATED = 1767225600


class InOpenAIsWords(Lenient):
    """A failure as most say it."""

    def refusal(self, refused: Refused) -> Reply:
        error = {"message": refused.message, "type": KINDS[refused.status], "param": None, "code": None}
        return Reply(refused.status, {"error": error}, headers={"x-request-id": "req-lenient"})


class LenientResponses(InOpenAIsWords):
    """Responses."""

    dialect = "responses"

    def whole(self, body: Json, dice: random.Random) -> Json:
        if self.last.path.endswith("/input_tokens"):
            return {"object": "response.input_tokens", "input_tokens": dice.randrange(10**6)}
        output = self.output(body, dice)
        called = output[-1]["type"] == "function_call"
        status, reason = dice.choice((("completed", None), ("completed", None), ("incomplete", "max_output_tokens"),
                                      ("incomplete", "content_filter")))  # fmt: skip
        if called:
            status, reason = "completed", None
        usage = {"input_tokens": 12, "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 0},
                 "output_tokens": 10, "output_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 22}  # fmt: skip
        return {
            "id": "resp_1", "object": "response", "created_at": CREATED, "status": status, "background": False,
            "error": None, "incomplete_details": {"reason": reason} if reason else None, "instructions": None,
            "max_output_tokens": None, "model": "m-2026-01-01", "output": output, "parallel_tool_calls": True,
            "previous_response_id": None, "reasoning": {"effort": None, "summary": None}, "service_tier": "default",
            "store": False, "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
            "top_p": 1.0, "truncation": "disabled", "usage": usage, "user": None, "metadata": {},
        }  # fmt: skip

    @staticmethod
    def output(body: Json, dice: random.Random) -> list[Json]:
        output: list[Json] = []
        if dice.random() < 0.3:
            thought = dice.choice(TEXTS)
            thinking: Json = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": thought}]}
            if dice.random() < 0.5:
                thinking["encrypted_content"] = encrypted(thought)
            output.append(thinking)
        names = offered(body.get("tools"), "name")
        if names and dice.random() < 0.7:
            return output + [
                {"id": f"fc_{number}", "type": "function_call", "status": "completed", "call_id": f"call_{number}",
                 "name": dice.choice(names), "arguments": json.dumps(dice.choice(ARGUMENTS))}
                for number in range(dice.choice((1, 1, 2, 3)))
            ]  # fmt: skip
        part: Json = {"type": "output_text", "text": dice.choice(TEXTS), "annotations": [], "logprobs": []}
        if dice.random() < 0.1:
            part = {"type": "refusal", "refusal": "I would rather not."}
        said = {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
        return [*output, said]

    def events(self, answer: Json, body: Json, broken: bool) -> list[bytes]:
        events = events_of(answer, broken)
        if broken:
            events[-1]["response"]["output"] = answer["output"][:-1]
        return [
            b"event: %s\ndata: %s\n\n" % (event["type"].encode(), wire({**event, "sequence_number": number}))
            for number, event in enumerate(events)
        ]


class LenientOllama(Lenient):
    """Ollama's chat, in lines."""

    dialect = "ollama"

    def refusal(self, refused: Refused) -> Reply:
        return Reply(refused.status, {"error": refused.message})

    def streams(self, request: Received) -> bool:
        return request.body.get("stream") is not False

    def media_type(self, request: Received) -> str:
        return "application/x-ndjson"

    def whole(self, body: Json, dice: random.Random) -> Json:
        message: Json = {"role": "assistant", "content": dice.choice(TEXTS)}
        if dice.random() < 0.2:
            message["thinking"] = dice.choice(TEXTS)
        names = offered(body.get("tools"), "function", "name")
        if names and dice.random() < 0.7:
            message["tool_calls"] = [
                {"function": {"index": number, "name": dice.choice(names), "arguments": dice.choice(ARGUMENTS)}}
                for number in range(dice.choice((1, 1, 2, 3)))
            ]
        return {
            "model": body["model"], "created_at": AT, "message": message, "done": True,
            "done_reason": dice.choice(("stop", "stop", "length")), "total_duration": 4883583458,
            "load_duration": 1334875, "prompt_eval_count": 20, "prompt_eval_duration": 342546000, "eval_count": 10,
            "eval_duration": 4535599000,
        }  # fmt: skip

    def events(self, answer: Json, body: Json, broken: bool) -> list[bytes]:
        message = answer["message"]
        said: list[Json] = [{"content": "", "thinking": piece} for piece in shreds(message.get("thinking", ""), 400)]
        said += [{"content": piece} for piece in shreds(message["content"], 400)]
        said += [{"content": "", "tool_calls": [call]} for call in message.get("tool_calls", ())]
        head = {"model": answer["model"], "created_at": AT}
        lines: list[Json] = [{**head, "message": {"role": "assistant", **piece}, "done": False} for piece in said]
        if broken and lines:  # as the first line it would be a failure, and no stream
            lines = [*lines[:2], {"error": "an error was encountered while running the model"}]
        else:
            lines.append({**answer, "message": {"role": "assistant", "content": ""}})
        return [wire(line) + b"\n" for line in lines]


class LenientCompletions(InOpenAIsWords):
    """Text completions."""

    dialect = "completions"

    def whole(self, body: Json, dice: random.Random) -> Json:
        choice = {"index": 0, "text": dice.choice(TEXTS), "logprobs": None, "finish_reason": dice.choice(("stop", "length"))}
        usage = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}
        return {"id": "cmpl-1", "object": "text_completion", "created": CREATED, "model": "m-2026-01-01",
                "choices": [choice], "usage": usage}  # fmt: skip

    def events(self, answer: Json, body: Json, broken: bool) -> list[bytes]:
        choice = answer["choices"][0]
        head = {name: value for name, value in answer.items() if name != "usage"}
        chunks: list[Json] = [
            {**head, "choices": [{**choice, "text": piece, "finish_reason": None}]} for piece in shreds(choice["text"], 400)
        ]
        if broken:
            error = {"message": "Cut.", "type": "server_error", "param": None, "code": None}
            return [b"data: %s\n\n" % wire(chunk) for chunk in [*chunks[:2], {"error": error}]]
        chunks.append({**head, "choices": [{**choice, "text": ""}]})
        if isinstance(body.get("stream_options"), dict) and body["stream_options"].get("include_usage") is True:
            chunks.append({**answer, "choices": []})
        return [*(b"data: %s\n\n" % wire(chunk) for chunk in chunks), b"data: [DONE]\n\n"]


class LenientServices(InOpenAIsWords):
    """Answers each service with what the contract shows for it. The path's first segment is the service's name."""

    dialect = "services"

    def reply(self, request: Received) -> Reply:
        service = request.path.split("/")[1]
        media = ANSWERS[service]
        if "application/json" in media:
            return Reply(200, media["application/json"]["example"])
        kind = next(iter(media))
        return Reply(200, b"\x00\xff", headers={"content-type": "audio/mpeg" if "*" in kind else kind})

    @staticmethod
    async def read(scope: Any, receive: Any) -> Received:
        raw, more = b"", True
        while more:
            message = await receive()
            raw += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        is_json = headers.get("content-type", "").startswith("application/json")
        body = json.loads(raw) if raw and is_json else None
        return Received(scope["method"], scope["path"], scope["query_string"].decode(), headers, raw, body)


ANSWERS: dict[str, Any] = {
    operation["x-pass-through"]["service"]: follow(contract(), operation["responses"]["200"])["content"]
    for item in contract()["paths"].values()
    for operation in item.values()
    if "x-pass-through" in operation
}
"""What each service answers, by the contract."""
