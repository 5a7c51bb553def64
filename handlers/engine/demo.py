"""A provider inside the process: no network, no key, so that everything can be tried a minute after cloning.

It stands behind httpx's transport interface like any other provider, and its wire is the neutral conversation as JSON,
streams as NDJSON; so a call to it passes both translations. What it says is made up by fixed rules (`reply`):

- it repeats the user's last text, a word at a time when it streams;
- asked to by the choice of tools, or by a tool's name in the user's text, it calls that tool with arguments that
  satisfy the tool's schema; given a tool's result, it says what the tool said;
- asked for an output of some schema, it makes one up that satisfies it;
- asked to think, it thinks aloud for a sentence first;
- `fail 429` (any status from 400 to 599) makes it fail so; `fail midway` breaks the answer off in the middle.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson

from .demo_values import value_of

FAIL = re.compile(r"\bfail (?P<how>[45]\d\d|midway)\b", re.IGNORECASE)
TYPES = {
    400: "invalid_request", 401: "authentication", 402: "billing", 403: "permission", 404: "not_found",
    409: "conflict", 413: "too_large", 429: "rate_limit", 503: "overloaded", 504: "timeout", 529: "overloaded",
}  # fmt: skip
FEED = 3
"""Words of an answer that arrive before it breaks off midway."""

Part = dict[str, Any]


class DemoTransport(httpx.AsyncBaseTransport):
    """Answers the neutral request in `request`'s body with a neutral response, or a stream of loose events."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        asked = orjson.loads(await request.aread())
        text = last_text(asked)
        failing = FAIL.search(text)
        if failing and failing["how"].isdigit():
            return failure(int(failing["how"]))
        parts, finish_reason, stop_sequence = reply(asked, text)
        usage = count(asked, parts)
        head = {"id": f"demo-{time.time_ns():x}", "model": asked["model"], "created": int(time.time())}
        if not asked.get("stream"):
            answer = {**head, "parts": parts, "finish_reason": finish_reason, "usage": usage}
            if stop_sequence is not None:
                answer["stop_sequence"] = stop_sequence
            return httpx.Response(200, json=answer)
        lines = events(head, parts, finish_reason, stop_sequence, usage)
        return httpx.Response(
            200, headers={"content-type": "application/x-ndjson"}, stream=Lines(lines, cut=bool(failing))
        )


class Lines(httpx.AsyncByteStream):
    """Loose events as lines of JSON; `cut`: the connection breaks after a few of them."""

    def __init__(self, lines: list[Part], *, cut: bool) -> None:
        self.lines, self.cut = lines, cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for number, line in enumerate(self.lines):
            if self.cut and number > FEED:
                raise httpx.RemoteProtocolError("the demo broke off, as it was asked to")
            yield orjson.dumps(line) + b"\n"


def failure(status: int) -> httpx.Response:
    error: Part = {"type": TYPES.get(status, "upstream" if status >= 500 else "invalid_request"),
                   "message": f"The demo fails with {status}, as it was asked to."}  # fmt: skip
    if status == 429:
        error["retry_after"] = 1
    return httpx.Response(status, json=error)


def last_text(asked: Part) -> str:
    """What the user said last."""
    for message in reversed(asked.get("messages", [])):
        if message["role"] == "user":
            return " ".join(part["text"] for part in message.get("parts", []) if part["type"] == "text")
    return ""


def reply(asked: Part, text: str) -> tuple[list[Part], str, str | None]:
    """The parts of the answer, why it ends, and at which stop sequence."""
    parts: list[Part] = []
    thinking = asked.get("reasoning") or {}
    if thinking and thinking.get("mode") != "disabled" and thinking.get("effort") != "none":
        parts.append({"type": "reasoning", "text": f"The user said {len(text.split())} words; I shall repeat them.",
                      "signature": f"demo-{len(text)}"})  # fmt: skip
    messages = asked.get("messages", [])
    results = messages and messages[-1]["role"] == "tool"
    calls = [] if results else called(asked, text)
    if calls:
        for number, tool in enumerate(calls):
            arguments = value_of(tool.get("parameters") or {}, text)
            parts.append({"type": "tool_call", "id": f"call_{len(messages)}_{number}", "name": tool["name"],
                          "arguments": arguments if isinstance(arguments, dict) else {}})  # fmt: skip
        return parts, "tool_call", None
    said, finish_reason, stopped = shortened(asked, said_of(asked, text, messages if results else []))
    if said or not parts:
        parts.append({"type": "text", "text": said})
    return parts, finish_reason, stopped


def called(asked: Part, text: str) -> list[Part]:
    """The tools to call: the one that is demanded, any where one is required, else those the user's text names."""
    tools = [tool for tool in asked.get("tools", []) if tool["type"] == "function"]
    choice = asked.get("tool_choice") or {}
    mode = choice.get("mode", "auto")
    if mode == "none":
        return []
    if mode == "tool":
        return [tool for tool in tools if tool["name"] == choice["name"]][:1]
    words = set(re.findall(r"[\w-]+", text))
    named = [tool for tool in tools if tool["name"] in words]
    if mode == "required" and not named:
        named = tools[:1]
    return named[:1] if asked.get("parallel_tool_calls") is False else named


def said_of(asked: Part, text: str, results: list[Part]) -> str:
    if results:
        said = []
        for part in results[-1]["parts"]:
            inner = " ".join(piece["text"] for piece in part.get("parts", []) if piece["type"] == "text")
            said.append(f"The tool {part.get('name') or part['id']} said: {inner}")
        return "\n".join(said)
    output = asked.get("output") or {}
    if output.get("type") == "json":
        return orjson.dumps(value_of(output.get("schema") or {"type": "object"}, text)).decode()
    files = sum(part["type"] == "file" for message in asked.get("messages", []) for part in message.get("parts", []))
    return text or (f"I got {files} file(s) and no text." if files else "You said nothing.")


def shortened(asked: Part, said: str) -> tuple[str, str, str | None]:
    """`said` up to the first stop sequence and within `max_tokens` words."""
    stops = [(said.index(stop), stop) for stop in asked.get("stop_sequences", []) if stop and stop in said]
    stopped = min(stops) if stops else None
    if stopped:
        said = said[: stopped[0]]
    pieces = words_of(said)
    limit = asked.get("max_tokens")
    if limit is not None and len(pieces) > limit:
        return "".join(pieces[:limit]), "length", None
    return said, "stop", stopped[1] if stopped else None


def words_of(text: str) -> list[str]:
    """`text` in pieces of a word each, white space kept: joined, they are `text`."""
    return re.findall(r"\s*\S+\s*$|\s*\S+|\s+$", text)


def count(asked: Part, parts: list[Part]) -> dict[str, int]:
    """Tokens, where each word is one."""
    given = sum(len(part.get("text", "").split()) + (part["type"] == "file") for message in asked.get("messages", [])
                for part in [*message.get("parts", [])])  # fmt: skip
    given += sum(len(part.get("text", "").split()) for part in asked.get("system", []))
    thought = sum(len(part["text"].split()) for part in parts if part["type"] == "reasoning")
    said = sum(len(words_of(part["text"])) for part in parts if part["type"] == "text")
    called_for = sum(1 for part in parts if part["type"] == "tool_call")
    usage = {"input_tokens": given, "output_tokens": said + thought + called_for}
    return {**usage, "reasoning_tokens": thought} if thought else usage


def events(head: Part, parts: list[Part], finish_reason: str, stop_sequence: str | None, usage: Part) -> list[Part]:
    """The answer as loose events: text by words, arguments in two shreds."""
    lines: list[Part] = [{"type": "start", **head}]
    for key, part in enumerate(parts):
        if part["type"] == "tool_call":
            arguments = orjson.dumps(part["arguments"]).decode()
            half = len(arguments) // 2
            lines.append({"type": "delta", "part": "tool_call", "key": key, "id": part["id"], "name": part["name"],
                          "arguments": arguments[:half]})  # fmt: skip
            lines.append({"type": "delta", "part": "tool_call", "key": key, "arguments": arguments[half:]})
            continue
        lines += [{"type": "delta", "part": part["type"], "text": word} for word in words_of(part["text"])]
        if "signature" in part:
            lines.append({"type": "delta", "part": part["type"], "signature": part["signature"]})
    finish: Part = {"type": "finish", "finish_reason": finish_reason, "raw_finish_reason": finish_reason}
    if stop_sequence is not None:
        finish["stop_sequence"] = stop_sequence
    return [*lines, finish, {"type": "usage", **usage}]
