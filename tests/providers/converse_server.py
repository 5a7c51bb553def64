"""Converse as a server: strict about requests and signatures, exact in answers.

A caller comes with an API key, or signs what it sends; the signature is worked out here once more, by the published
algorithm, from the bytes of the request line as they came. What it says: with tools offered and no results yet it calls
every tool whose name stands in the user's text; given results, it says them; else it repeats the user's text and counts
the images. Told to think, it thinks.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from providers.vendor_server import Received, Refused, Reply, VendorServer, arguments_for, shreds
from rosetta.converse_oracle import ConverseRequest

from handlers.engine.event_stream import write_event

KEY = "bedrock-test-key"
ACCESS_KEY, SECRET_KEY, TOKEN, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session-token", "eu-west-1"
THOUGHT, SIGNATURE = "I should think about this.", "sigEpAC"
USAGE = {"inputTokens": 20, "outputTokens": 10, "totalTokens": 30}


def digest(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(method: str, path: str, query: str, headers: dict[str, str], signed: str, body: bytes, scope: str, date: str, secret: str) -> str:  # fmt: skip
    """The hexadecimal signature of a request. `path` is as it was sent: it is encoded once more."""
    lines = [f"{name}:{' '.join(headers[name].split())}\n" for name in signed.split(";")]
    pairs = "&".join(sorted(pair if "=" in pair else f"{pair}=" for pair in query.split("&") if pair))
    canonical = "\n".join([method, quote(path, safe="/~-._"), pairs, "".join(lines), signed, hashlib.sha256(body).hexdigest()])
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for step in scope.split("/"):
        key = digest(key, step)
    return digest(key, text).hex()


class ConverseServer(VendorServer):
    """Serves POST /model/{id}/converse, converse-stream and count-tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.raw_path = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.raw_path = scope["raw_path"].decode()
        await super().__call__(scope, receive, send)

    def refusal(self, refused: Refused) -> Reply:
        return Reply(refused.status, {"message": refused.message},
                     headers={"x-amzn-errortype": str(refused.more.get("word", "ValidationException")) + ":http://x"})  # fmt: skip

    def check_caller(self, request: Received) -> None:
        given = request.headers.get("authorization", "")
        if given == f"Bearer {KEY}":
            return
        if not given.startswith("AWS4-HMAC-SHA256 "):
            raise Refused(403, "Missing Authentication Token", word="MissingAuthenticationTokenException")
        parts = dict(part.strip().split("=", 1) for part in given.removeprefix("AWS4-HMAC-SHA256 ").split(","))
        access_key, _, scope = parts["Credential"].partition("/")
        wanted = signature(
            request.method, self.raw_path, request.query, request.headers, parts["SignedHeaders"], request.raw, scope,
            request.headers["x-amz-date"], SECRET_KEY,
        )  # fmt: skip
        right = access_key == ACCESS_KEY and scope.endswith(f"/{REGION}/bedrock/aws4_request")
        signed = {"host", "x-amz-date", "x-amz-security-token"} <= set(parts["SignedHeaders"].split(";"))
        if not right or not signed or parts["Signature"] != wanted or request.headers["x-amz-security-token"] != TOKEN:
            raise Refused(403, "The request signature we calculated does not match the signature you provided.",
                          word="InvalidSignatureException")  # fmt: skip

    def reply(self, request: Received) -> Reply:
        self.check_caller(request)
        model, _, operation = self.raw_path.removeprefix("/model/").partition("/")
        if model == "missing":
            raise Refused(404, "Could not resolve the foundation model.", word="ResourceNotFoundException")
        if ":" in model or operation not in ("converse", "converse-stream"):
            raise Refused(404, "UnknownOperationException", word="UnknownOperationException")
        body = request.body
        try:
            ConverseRequest().validate(body)
        except (AssertionError, ValueError) as error:
            raise Refused(400, str(error)) from error
        content = self.answer(body)
        reason = "tool_use" if any("toolUse" in block for block in content) else "end_turn"
        if operation == "converse":
            return Reply(200, {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": reason,
                               "usage": USAGE, "metrics": {"latencyMs": 5}})  # fmt: skip
        events = [write_event(name, json.dumps({**told, "p": "abc"}).encode()) for name, told in events_of(content, reason)]
        return Reply(200, events=events, headers={"content-type": "application/vnd.amazon.eventstream"})

    @staticmethod
    def answer(body: dict[str, Any]) -> list[dict[str, Any]]:
        thinking = body.get("additionalModelRequestFields", {}).get("thinking", {}).get("type") in ("enabled", "adaptive")
        content: list[dict[str, Any]] = []
        if thinking:
            content.append({"reasoningContent": {"reasoningText": {"text": THOUGHT, "signature": SIGNATURE}}})
        turns = [message["role"] for message in body["messages"]]
        if any(one == other for one, other in pairwise(turns)):
            raise Refused(400, "A conversation must alternate between user and assistant roles.")
        last = body["messages"][-1]["content"]
        results = [block["toolResult"] for block in last if "toolResult" in block]
        if results:
            if thinking and not any("reasoningContent" in block for block in body["messages"][-2]["content"]):
                raise Refused(400, "Expected `thinking` or `redacted_thinking`, but found `tool_use`.")
            said = "; ".join(result["content"][0]["text"] for result in results)
            return [*content, {"text": f"Results: {said}"}]
        text = " ".join(block["text"] for block in last if "text" in block)
        images = sum("image" in block for block in last)
        tools = [tool["toolSpec"] for tool in body.get("toolConfig", {}).get("tools", ()) if tool["toolSpec"]["name"] in text]
        if tools:
            return [*content, *({"toolUse": {"toolUseId": f"tooluse_{number}", "name": tool["name"],
                                             "input": arguments_for(tool["inputSchema"]["json"], number)}}
                                for number, tool in enumerate(tools))]  # fmt: skip
        return [*content, {"text": text + (f" (images: {images})" if images else "")}]


def events_of(content: list[dict[str, Any]], reason: str) -> list[tuple[str, dict[str, Any]]]:
    """The blocks of an answer as they come in a stream."""
    found: list[tuple[str, dict[str, Any]]] = [("messageStart", {"role": "assistant"})]
    for index, block in enumerate(content):
        at = {"contentBlockIndex": index}
        if "toolUse" in block:
            call = block["toolUse"]
            found.append(("contentBlockStart", {**at, "start": {"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}}}))
            deltas: list[dict[str, Any]] = [{"toolUse": {"input": piece}} for piece in shreds(json.dumps(call["input"]))]
        elif "text" in block:
            deltas = [{"text": piece} for piece in shreds(block["text"])]
        else:
            thought = block["reasoningContent"]["reasoningText"]
            deltas = [{"reasoningContent": {"text": piece}} for piece in shreds(thought["text"])]
            deltas.append({"reasoningContent": {"signature": thought["signature"]}})
        found += [("contentBlockDelta", {**at, "delta": delta}) for delta in deltas]
        found.append(("contentBlockStop", at))
    return [*found, ("messageStop", {"stopReason": reason}), ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 5}})]
