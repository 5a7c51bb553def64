"""Gemini's generateContent as a server: strict about requests, exact in answers.

What it says: with functions declared and no responses yet it calls every one whose name stands in the user's text;
given responses, it says them; else it repeats the user's text and counts the images. Asked for thoughts, it thinks. Its
calls carry no ids but a signature, which has to come back on them (or the word that stands in for one).
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, unquote

from providers.vendor_server import Received, Refused, Reply, VendorServer, arguments_for, shreds

KEY = "AIza-test"
KNOWN = {
    "contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings", "cachedContent",
    "labels", "serviceTier",
}  # fmt: skip
CONFIG = {
    "maxOutputTokens", "temperature", "topP", "topK", "seed", "stopSequences", "candidateCount", "presencePenalty",
    "frequencyPenalty", "responseLogprobs", "logprobs", "responseMimeType", "responseSchema", "responseJsonSchema",
    "responseModalities", "thinkingConfig", "speechConfig", "mediaResolution",
}  # fmt: skip
PARTS = {"text", "thought", "thoughtSignature", "inlineData", "fileData", "functionCall", "functionResponse"}
STAND_IN = "skip_thought_signature_validator"
THOUGHT = "I should think about this."


def signed(text: str) -> str:
    """The signature that this server gives a call or a thought: base64, as it always is."""
    return base64.b64encode(b"sig" + hashlib.sha256(text.encode()).digest()).decode()


class GeminiServer(VendorServer):
    """Serves POST /v1beta/models/{model}:generateContent, :streamGenerateContent, and GET /v1beta/models."""

    def refusal(self, refused: Refused) -> Reply:
        words = {401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
        error = {"code": refused.status, "message": refused.message, "status": words.get(refused.status, "INVALID_ARGUMENT")}
        return Reply(refused.status, {"error": {**error, **refused.more}})

    def reply(self, request: Received) -> Reply:
        if request.headers.get("x-goog-api-key") != KEY:
            raise Refused(400, "API key not valid. Please pass a valid API key.")
        if request.path == "/v1beta/models":
            model = {"name": "models/gemini-test", "displayName": "Gemini Test", "version": "1"}
            return Reply(200, {"models": [model]})
        model, _, method = unquote(request.path.removeprefix("/v1beta/models/")).partition(":")
        if not request.path.startswith("/v1beta/models/") or method not in ("generateContent", "streamGenerateContent"):
            raise Refused(404, f"Not found: {request.path}")
        self.check(request.body)
        parts = self.answer(request.body)
        thought = 4 if any(part.get("thought") for part in parts) else 0
        usage = {"promptTokenCount": 20, "candidatesTokenCount": 10 - thought, "totalTokenCount": 30,
                 "cachedContentTokenCount": 8, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 20}]}  # fmt: skip
        if thought:
            usage["thoughtsTokenCount"] = thought
        head = {"modelVersion": f"{model}-001", "responseId": "resp-test"}
        if method == "streamGenerateContent":
            sse = parse_qs(request.query).get("alt") == ["sse"]
            return self.streamed(parts, usage, head, sse)
        candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": "STOP", "index": 0}
        return Reply(200, {"candidates": [candidate], "usageMetadata": usage, **head})

    @staticmethod
    def streamed(parts: list[dict[str, Any]], usage: dict[str, Any], head: dict[str, Any], sse: bool) -> Reply:
        pieces = [piece for part in parts for piece in pieces_of(part)]
        chunks: list[dict[str, Any]] = [
            {"candidates": [{"content": {"parts": [piece], "role": "model"}, "index": 0}],
             "usageMetadata": {"promptTokenCount": 20, "totalTokenCount": 20}, **head}
            for piece in pieces
        ]  # fmt: skip
        last = {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0}
        chunks.append({"candidates": [last], "usageMetadata": usage, **head})
        if sse:
            return Reply(200, events=[f"data: {json.dumps(chunk)}\r\n\r\n".encode() for chunk in chunks])
        text = "[" + ",\n".join(json.dumps(chunk, indent=2) for chunk in chunks) + "]"
        return Reply(200, events=[text.encode()], headers={"content-type": "application/json"})

    # ---- what it refuses ------------------------------------------------------------------------------------------

    def check(self, body: dict[str, Any]) -> None:
        if not body.get("contents"):
            raise Refused(400, "contents is not specified")
        self.check_names("", body, KNOWN)
        config = body.get("generationConfig", {})
        self.check_names("generation_config", config, CONFIG)
        if config.get("maxOutputTokens", 1) < 1:
            raise Refused(400, "max_output_tokens must be positive")
        if "functionCallingConfig" in body.get("toolConfig", {}) and not body.get("tools"):
            raise Refused(400, "Function calling config is set without function_declarations.")
        open_calls, before = 0, ""
        for at, content in enumerate(body["contents"]):
            if content.get("role", "user") not in ("user", "model"):
                raise Refused(400, "Please use a valid role: user, model.")
            if not content.get("parts"):
                raise Refused(400, f"contents[{at}].parts must not be empty.")
            for part in content["parts"]:
                self.check_names(f"contents[{at}].parts", part, PARTS)
                if not isinstance(part.get("functionResponse", {"response": {}}).get("response"), dict):
                    raise Refused(400, "function_response.response must be an object.")
            responses = sum("functionResponse" in part for part in content["parts"])
            role = content.get("role", "user")
            if role == "user" and responses != open_calls:
                raise Refused(400, "Please ensure that the number of function response parts is equal to the number of "
                                   "function call parts of the function call turn.")  # fmt: skip
            calls = [part for part in content["parts"] if "functionCall" in part]
            if calls and not open_calls:
                self.check_signature(calls[0])
            open_calls = len(calls) + (open_calls if role == before == "model" else 0)
            before = role

    @staticmethod
    def check_names(place: str, value: dict[str, Any], known: set[str]) -> None:
        for name in value.keys() - known:
            raise Refused(400, f'Invalid JSON payload received. Unknown name "{name}" at \'{place}\': Cannot find field.')

    @staticmethod
    def check_signature(call: dict[str, Any]) -> None:
        """The first call of a turn has to be signed."""
        signature = call.get("thoughtSignature")
        if signature is None:
            raise Refused(400, "Function call is missing a thought_signature in functionCall parts.")
        plain = signature.replace("-", "+").replace("_", "/")
        if signature != STAND_IN and plain != signed(call["functionCall"]["name"]):
            raise Refused(400, "Thought signature is not valid.")

    # ---- what it says ---------------------------------------------------------------------------------------------

    @staticmethod
    def answer(body: dict[str, Any]) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        thinking = body.get("generationConfig", {}).get("thinkingConfig", {})
        if thinking.get("includeThoughts") or thinking.get("include_thoughts"):  # the package writes the second
            parts.append({"text": THOUGHT, "thought": True})
        last = body["contents"][-1]["parts"]
        responses = [part["functionResponse"] for part in last if "functionResponse" in part]
        if responses:
            said = "; ".join(said_by(one["response"]) for one in responses)
            return [*parts, {"text": f"Results: {said}"}]
        said = " ".join(part["text"] for part in last if "text" in part)
        calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
        declared = [one for tool in body.get("tools", []) for one in tool.get("functionDeclarations", [])]
        allowed = calling.get("allowedFunctionNames")
        wanted = [one for one in declared if calling.get("mode") != "NONE" and
                  (one["name"] in (allowed or ()) or (not allowed and one["name"] in said))]  # fmt: skip
        if wanted:
            for number, one in enumerate(wanted):
                arguments = arguments_for(one.get("parametersJsonSchema") or one.get("parameters") or {}, number)
                call: dict[str, Any] = {"functionCall": {"name": one["name"], "args": arguments}}
                parts.append({**call, "thoughtSignature": signed(one["name"])} if number == 0 else call)
            return parts
        images = sum("inlineData" in part for part in last)
        return [*parts, {"text": said + (f" (images: {images})" if images else "")}]


def said_by(response: dict[str, Any]) -> str:
    if "error" in response:
        return f"error: {response['error']}"
    return str(response.get("result", json.dumps(response)))


def pieces_of(part: dict[str, Any]) -> list[dict[str, Any]]:
    """A part as it comes in a stream: texts in shreds, calls whole."""
    if "functionCall" in part:
        return [part]
    return [{**part, "text": piece} for piece in shreds(part["text"])]
