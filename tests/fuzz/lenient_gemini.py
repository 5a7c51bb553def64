"""Gemini's generateContent, as lenient_servers.py has it: the model and the way of answering stand in the path."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import parse_qs

from fuzz.lenient_servers import ARGUMENTS, TEXTS, Json, Lenient, offered, wire
from providers.gemini_server import signed
from providers.vendor_server import Received, Refused, Reply, shreds

WORDS = {409: "ABORTED", 429: "RESOURCE_EXHAUSTED"}
ENDINGS = ("STOP", "STOP", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "MALFORMED_FUNCTION_CALL", "OTHER")
PICTURE = {"mimeType": "image/png", "data": "iVBORw0KGgo="}


class LenientGemini(Lenient):
    """generateContent and streamGenerateContent, as events or as an array."""

    dialect = "gemini"

    def refusal(self, refused: Refused) -> Reply:
        error = {"code": refused.status, "message": refused.message, "status": WORDS[refused.status]}
        return Reply(refused.status, {"error": error})

    def streams(self, request: Received) -> bool:
        return request.path.endswith(":streamGenerateContent")

    def media_type(self, request: Received) -> str:
        return "text/event-stream" if self.as_events(request) else "application/json"

    @staticmethod
    def as_events(request: Received) -> bool:
        return parse_qs(request.query).get("alt", [""])[-1] == "sse"

    def framed(self, events: list[bytes], request: Received) -> list[bytes]:
        if self.as_events(request):
            return [b"data: %s\r\n\r\n" % event for event in events]
        return [b"[" + events[0], *(b",\r\n" + event for event in events[1:]), b"]\n"]

    def whole(self, body: Json, dice: random.Random) -> Json:
        if self.last.path.endswith(":countTokens"):
            return {"totalTokens": dice.randrange(10**6)}
        usage = {"promptTokenCount": 20, "candidatesTokenCount": 10, "totalTokenCount": 30,
                 "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 20}]}  # fmt: skip
        head: Json = {"usageMetadata": usage, "modelVersion": "m-001", "responseId": "resp-1"}
        if dice.random() < 0.05:
            return {"promptFeedback": {"blockReason": dice.choice(("SAFETY", "PROHIBITED_CONTENT"))}, **head}
        parts = self.parts(body, dice)
        if dice.random() < 0.3:
            usage |= {"thoughtsTokenCount": 4, "totalTokenCount": 34, "cachedContentTokenCount": 8}
        candidate: Json = {"content": {"parts": parts, "role": "model"}, "index": 0}
        candidate["finishReason"] = "STOP" if "functionCall" in parts[-1] else dice.choice(ENDINGS)
        if dice.random() < 0.1:
            cited = {"startIndex": 0, "endIndex": 1, "uri": "https://example.com/cherry", "title": "Cherries"}
            candidate["citationMetadata"] = {"citationSources": [cited]}
        if dice.random() < 0.1:
            rating = {"category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE"}
            candidate["safetyRatings"] = [rating]
        return {"candidates": [candidate], **head}

    @staticmethod
    def parts(body: Json, dice: random.Random) -> list[Json]:
        parts: list[Json] = []
        if dice.random() < 0.3:
            thought = dice.choice(TEXTS)
            parts.append({"text": thought, "thought": True})
        parts.append({"text": dice.choice(TEXTS)})
        if dice.random() < 0.3:
            parts[-1]["thoughtSignature"] = signed("text")
        if dice.random() < 0.1:
            parts.append({"inlineData": PICTURE})
        names = [name for tool in listed(body.get("tools"))
                 for name in offered(tool.get("functionDeclarations") or tool.get("function_declarations"), "name")]  # fmt: skip
        if names and dice.random() < 0.7:
            for number in range(dice.choice((1, 1, 2, 3))):
                call: Json = {"functionCall": {"name": dice.choice(names), "args": dice.choice(ARGUMENTS)}}
                if dice.random() < 0.3:
                    call["functionCall"]["id"] = f"call_{number}"
                parts.append({**call, "thoughtSignature": signed("call")} if number == 0 else call)
        return parts

    def events(self, answer: Json, body: Json, broken: bool) -> list[bytes]:
        if "candidates" not in answer:
            return [wire(answer)]
        candidate, head = answer["candidates"][0], {key: answer[key] for key in ("modelVersion", "responseId")}
        pieces = [
            {"candidates": [{"content": {"parts": [piece], "role": "model"}, "index": 0}], **head}
            for part in candidate["content"]["parts"] for piece in shredded(part)
        ]  # fmt: skip
        if broken:
            error = {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}
            return [*map(wire, pieces[:2]), wire({"error": error})]
        last = {**candidate, "content": {"parts": [{"text": ""}], "role": "model"}}
        return [*map(wire, pieces), wire({"candidates": [last], "usageMetadata": answer["usageMetadata"], **head})]


def listed(value: Any) -> list[Json]:
    """The objects of a list, whatever else it is or holds."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def shredded(part: Json) -> list[Json]:
    """A part as it comes in a stream: texts in shreds, the signature with the last of them; all else whole."""
    if "text" not in part:
        return [part]
    bare = {name: value for name, value in part.items() if name not in ("text", "thoughtSignature")}
    found = [{**bare, "text": piece} for piece in shreds(part["text"], 400) or [""]]
    return [*found[:-1], {**part, **found[-1]}]
