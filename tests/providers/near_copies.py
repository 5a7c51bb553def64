"""Servers that speak nearly another dialect, each as strict about its own quirks as the original.

They take what their dialect's stand-in takes, but for what is said at each; errors come in their own words.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any, ClassVar

from mistralai.client import models as mistral_types
from providers.anthropic_server import THOUGHT, AnthropicServer
from providers.openai_server import KNOWN, OpenAIServer
from providers.vendor_server import Received, Refused, Reply

KEY = "key-of-a-near-copy"
OPENAI_ROLES = {"system", "user", "assistant", "tool"}
NINE = re.compile(r"[a-zA-Z0-9]{9}")


class NearCopy(OpenAIServer):
    """The frame: where it is, who may call, and what the dialect's stand-in then gets."""

    path = "/v1/chat/completions"
    known = KNOWN
    roles = OPENAI_ROLES
    members: ClassVar[dict[str, set[str]]] = {}
    """By role, members of a message that the server takes."""

    def authorized(self, request: Received) -> bool:
        return request.headers.get("authorization") == f"Bearer {KEY}"

    def reply(self, request: Received) -> Reply:
        if not self.authorized(request):
            raise Refused(401, "Unauthorized")
        if request.method == "GET":
            return Reply(200, {"object": "list", "data": [{"id": "m", "object": "model"}]})
        if request.path != self.path:
            raise Refused(404, f"no such path: {request.path}")
        return self.answered(request, request.body)

    def answered(self, request: Received, body: dict[str, Any]) -> Reply:
        """The dialect's answer to a body that has been looked at."""
        self.look_at(body)
        inner = dataclasses.replace(
            request, path="/v1/chat/completions", body=body,
            headers={**request.headers, "authorization": "Bearer sk-openai-test"},
        )  # fmt: skip
        return super().reply(inner)

    def look_at(self, body: dict[str, Any]) -> None:
        unknown = sorted(set(body) - self.known)
        if unknown:
            raise Refused(400, f"property '{unknown[0]}' is unsupported")
        for at, message in enumerate(body["messages"]):
            if message["role"] not in self.roles:
                raise Refused(400, f"messages[{at}].role: unknown variant `{message['role']}`")
            stray = sorted(set(message) - self.members.get(message["role"], set(message)))
            if stray:
                raise Refused(400, f"'messages.{at}' : property '{stray[0]}' is unsupported")

    def check_message(self, at: int, message: dict[str, Any], open_calls: list[str], thinks: bool) -> list[str]:
        return super().check_message(at, message, open_calls, thinks=True)


class AzureClassicServer(NearCopy):
    """The deployment in the path, the version in the query, the key in a header of its own."""

    path = "/openai/deployments/gpt-4o/chat/completions"
    known = KNOWN - {"model"}
    roles = OPENAI_ROLES | {"developer"}

    def authorized(self, request: Received) -> bool:
        return request.headers.get("api-key") == KEY and "authorization" not in request.headers

    def answered(self, request: Received, body: dict[str, Any]) -> Reply:
        if not re.fullmatch(r"api-version=\d{4}-\d\d-\d\d(-preview)?", request.query):
            raise Refused(404, "Resource not found")
        self.look_at(body)
        reply = super().answered(request, {**body, "model": "gpt-4o"}) if "model" not in body else None
        assert reply is not None, "unreachable: the model was refused"
        if reply.events is not None:
            filtered = {"id": "", "object": "", "created": 0, "model": "", "choices": [],
                        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]}  # fmt: skip
            reply.events.insert(0, f"data: {json.dumps(filtered)}\n\n".encode())
        return reply

    def look_at(self, body: dict[str, Any]) -> None:
        super().look_at({name: value for name, value in body.items() if name != "model" or value != "gpt-4o"})


def fields(name: str) -> set[str]:
    """The members that the vendor's own package knows of one of its types."""
    return {field.alias or own for own, field in getattr(mistral_types, name).model_fields.items()}


class MistralServer(NearCopy):
    """A closed schema, ids of nine letters and digits, `any`, and thoughts within the content."""

    known = fields("ChatCompletionRequest")
    members: ClassVar[dict[str, set[str]]] = {role: fields(f"{role.capitalize()}Message") for role in ("system", "user", "assistant", "tool")}

    def refusal(self, refused: Refused) -> Reply:
        if refused.status == 422:
            return Reply(422, {"detail": [{"type": "extra_forbidden", "loc": ["body"], "msg": refused.message}]})
        error = {"object": "error", "message": refused.message, "type": "invalid_request_error", "param": None, "code": "3280"}
        return Reply(refused.status, error)

    def look_at(self, body: dict[str, Any]) -> None:
        try:
            super().look_at(body)
        except Refused as refused:
            raise Refused(422, "Extra inputs are not permitted: " + refused.message) from None
        if body.get("tool_choice") == "required":
            raise Refused(422, "tool_choice: Input should be 'auto', 'none' or 'any'")
        for message in body["messages"]:
            ids = [call["id"] for call in message.get("tool_calls") or ()] + [message.get("tool_call_id", "a" * 9)]
            for one in ids:
                if not NINE.fullmatch(one):
                    raise Refused(400, f"Tool call id was {one} but must be a-z, A-Z, 0-9, with a length of 9.")

    def answered(self, request: Received, body: dict[str, Any]) -> Reply:
        self.look_at(body)
        own = {**body, "stream_options": {"include_usage": True}}  # nobody asks for counts here, and they come
        if "random_seed" in own:
            own["seed"] = own.pop("random_seed")
        if own.get("tool_choice") == "any":
            own["tool_choice"] = "required"
        own["messages"] = [self.without_thoughts(message) for message in own["messages"]]
        inner = dataclasses.replace(
            request, path="/v1/chat/completions", body=own,
            headers={**request.headers, "authorization": "Bearer sk-openai-test"},
        )  # fmt: skip
        reply = OpenAIServer.reply(self, inner)
        if body["model"].startswith("magistral"):
            self.think(reply)
        return reply

    @staticmethod
    def without_thoughts(message: dict[str, Any]) -> dict[str, Any]:
        if message["role"] != "assistant" or not isinstance(message.get("content"), list):
            return message
        for chunk in message["content"]:
            assert chunk["type"] in ("text", "thinking"), chunk
        said = "".join(chunk["text"] for chunk in message["content"] if chunk["type"] == "text")
        return {**message, "content": said or None}

    @staticmethod
    def think(reply: Reply) -> None:
        chunk = {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}
        if reply.events is None:
            message = reply.body["choices"][0]["message"]
            said = [{"type": "text", "text": message["content"]}] if message["content"] else []
            message["content"] = [chunk, *said]
            return
        first = json.loads(reply.events[0].removeprefix(b"data: "))
        first["choices"][0]["delta"] = {"content": [chunk]}
        reply.events.insert(1, f"data: {json.dumps(first)}\n\n".encode())

    def answer(self, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
        message, reason = super().answer(body)
        for number, call in enumerate(message.get("tool_calls", [])):
            call["id"] = f"Mistral0{number}"
        return message, reason


class DeepSeekServer(NearCopy):
    """While a tool is being used, what was thought before must come back; no developers; no max_completion_tokens."""

    known = KNOWN - {"max_completion_tokens", "store", "seed", "metadata"} | {"thinking"}
    members: ClassVar[dict[str, set[str]]] = {
        "system": {"role", "content", "name"}, "user": {"role", "content", "name"}, "tool": {"role", "content", "tool_call_id"},
        "assistant": {"role", "content", "name", "tool_calls", "reasoning_content", "prefix", "refusal", "annotations", "audio", "function_call"},
    }  # fmt: skip

    def look_at(self, body: dict[str, Any]) -> None:
        super().look_at(body)
        turn = max(at for at, message in enumerate(body["messages"]) if message["role"] == "user")
        for message in body["messages"][turn:]:
            if message["role"] == "assistant" and message.get("tool_calls") and not message.get("reasoning_content"):
                raise Refused(400, "Missing `reasoning_content` field in the assistant message.")


class GroqServer(NearCopy):
    """No log probabilities, no names, thoughts under `reasoning` only; the counts of a stream in `x_groq`."""

    known = KNOWN - {"logprobs", "top_logprobs", "logit_bias"}
    roles = OPENAI_ROLES | {"developer"}
    members: ClassVar[dict[str, set[str]]] = {
        "system": {"role", "content"}, "developer": {"role", "content"}, "user": {"role", "content"},
        "assistant": {"role", "content", "tool_calls", "function_call", "reasoning"}, "tool": {"role", "content", "tool_call_id"},
    }  # fmt: skip

    def check_message(self, at: int, message: dict[str, Any], open_calls: list[str], thinks: bool) -> list[str]:
        return super().check_message(at, {name: value for name, value in message.items() if name != "reasoning"}, open_calls, thinks)

    def answer(self, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
        message, reason = super().answer(body)
        if "gpt-oss" in body["model"]:
            message["reasoning"] = THOUGHT
        return message, reason

    def events(self, head: Any, message: Any, finish_reason: str, usage: Any, body: Any) -> list[bytes]:  # type: ignore[override]
        events = super().events(head, message, finish_reason, usage, {**body, "stream_options": None})
        if "reasoning" in message:
            chunk = {**head, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"reasoning": THOUGHT}, "finish_reason": None}]}
            events.insert(1, f"data: {json.dumps(chunk)}\n\n".encode())
        last = json.loads(events[-2].removeprefix(b"data: "))
        events[-2] = f"data: {json.dumps({**last, 'x_groq': {'id': 'r', 'usage': usage}})}\n\n".encode()
        return events


class VllmServer(NearCopy):
    """Takes whatever is unknown to it, and names failures flatly, with a number for a code."""

    known = KNOWN | {"top_k", "min_p", "chat_template_kwargs"}
    roles = OPENAI_ROLES | {"developer"}

    def authorized(self, request: Received) -> bool:
        return "authorization" not in request.headers

    def refusal(self, refused: Refused) -> Reply:
        return Reply(refused.status, {"object": "error", "message": refused.message, "type": "BadRequestError", "param": None,
                                      "code": refused.status})  # fmt: skip

    def check(self, body: dict[str, Any]) -> None:
        super().check({name: value for name, value in body.items() if name in KNOWN})


class LlamaCppServer(VllmServer):
    """A tool cannot be chosen by its name: that is not refused, but overheard."""

    def refusal(self, refused: Refused) -> Reply:
        return Reply(refused.status, {"error": {"code": refused.status, "message": refused.message, "type": "invalid_request_error"}})

    def answer(self, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
        choice = body.get("tool_choice", "auto")
        if isinstance(choice, dict):
            choice = "auto"
        if choice not in ("auto", "none", "required"):
            raise Refused(400, f"Invalid tool_choice: {choice}")
        return super().answer({**body, "tool_choice": choice})


class LmStudioServer(NearCopy):
    """Choices are words; JSON needs a schema; failures are bare text."""

    known = KNOWN - {"max_completion_tokens"} | {"top_k"}

    def authorized(self, request: Received) -> bool:
        return "authorization" not in request.headers

    def refusal(self, refused: Refused) -> Reply:
        return Reply(refused.status, {"error": refused.message})

    def look_at(self, body: dict[str, Any]) -> None:
        super().look_at(body)
        if not isinstance(body.get("tool_choice", ""), str):
            raise Refused(400, "Invalid tool_choice type: 'object'. Supported string values: none, auto, required")
        if body.get("response_format", {}).get("type", "text") not in ("json_schema", "text"):
            raise Refused(400, "'response_format.type' must be 'json_schema' or 'text'")

    def answer(self, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
        if body.get("tool_choice") == "required" and len(body["tools"]) == 1:
            body = {**body, "tool_choice": {"type": "function", "function": body["tools"][0]["function"]}}
        return super().answer(body)


class VertexAnthropicServer(AnthropicServer):
    """The model in the path, the version in the body, a bearer's token."""

    path = re.compile(r"/v1/projects/p/locations/l/publishers/anthropic/models/([^/:]+):(rawPredict|streamRawPredict)")

    def reply(self, request: Received) -> Reply:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            raise Refused(401, "Request had invalid authentication credentials.")
        if "x-api-key" in request.headers:
            raise Refused(400, "headers of another door")
        called = self.path.fullmatch(request.path)
        if called is None:
            raise Refused(404, f"Not found: {request.path}")
        body = dict(request.body)
        if body.pop("anthropic_version", None) != "vertex-2023-10-16":
            raise Refused(400, "anthropic_version: Field required")
        if "model" in body:
            raise Refused(400, "model: Extra inputs are not permitted")
        if bool(body.get("stream")) != (called[2] == "streamRawPredict"):
            raise Refused(400, "stream: does not fit the method")
        headers = {**request.headers, "x-api-key": "sk-ant-test", "anthropic-version": "2023-06-01"}
        inner = dataclasses.replace(request, path="/v1/messages", headers=headers, body={**body, "model": called[1]})
        return super().reply(inner)


SERVERS: dict[str, Any] = {
    "azure-classic": AzureClassicServer, "mistral": MistralServer, "deepseek": DeepSeekServer, "groq": GroqServer,
    "vllm": VllmServer, "llamacpp": LlamaCppServer, "lmstudio": LmStudioServer, "vertex-anthropic": VertexAnthropicServer,
}  # fmt: skip
BASES = {
    "azure-classic": "", "vertex-anthropic": "/v1/projects/p/locations/l/publishers/anthropic",
}  # fmt: skip
"""What follows a server's address in base_url, where it is not /v1."""
KEYLESS = {"vllm", "llamacpp", "lmstudio"}
