"""What is asked: the scenarios of the bench, their bodies, and what their answers must hold."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from checking import Check
from mock_provider import kind_of

PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
CALLERS = 32
NAMES = {"openai": "OpenAI", "anthropic": "Anthropic"}
SIZES = {"1 KB": 1 << 10, "32 KB": 32 << 10, "512 KB": 512 << 10, "4 MB": 4 << 20}
STREAMS = (1, 16, 128, 512, 2000)


@dataclass(frozen=True)
class Scenario:
    """One line of the table. `model` says what the mock provider answers; `size` and `filled` what the request holds."""

    client: str
    provider: str
    model: str = "bench"
    stream: bool = False
    tools: bool = False
    size: int = 1 << 10
    filled: str = "messages"
    tool_count: int = 3
    callers: int = CALLERS
    label: str = ""

    @property
    def name(self) -> str:
        how = "pass-through" if self.client == self.provider else f"to {NAMES[self.provider]}"
        words = [f"{NAMES[self.client]} client, {how}", *(["tools"] if self.tools else []), *(["stream"] if self.stream else [])]
        return ", ".join([*words, *([self.label] if self.label else [])])

    @property
    def check(self) -> Check:
        kind = kind_of(self.model)
        return Check(self.client, kind.kilobytes, kind.events if self.stream else 0, kind.tools)

    def body(self, model: str) -> bytes:
        return body_of(self.client, model, self.stream, self.tool_count if self.tools else 0, self.size, self.filled)

    def request(self, model: str, headers: tuple[tuple[str, str], ...]) -> bytes:
        """The bytes of the request, for a target where the model has this name and which wants these headers."""
        body = self.body(model)
        lines = [f"POST {PATHS[self.client]} HTTP/1.1", "host: 127.0.0.1", "content-type: application/json",
                 f"content-length: {len(body)}", *(f"{name}: {value}" for name, value in headers)]  # fmt: skip
        if self.client == "anthropic":
            lines.append("anthropic-version: 2023-06-01")
        return "\r\n".join([*lines, "", ""]).encode() + body


@functools.lru_cache(maxsize=64)
def body_of(client: str, model: str, stream: bool, tools: int, size: int, filled: str) -> bytes:
    """A request of about `size` bytes: one image, or as many messages as it takes."""
    body: dict[str, Any] = {"model": model, "max_tokens": 1000, "temperature": 0.7}
    if stream:
        body["stream"] = True
    if tools:
        body["tools"] = [tool_of(client, n) for n in range(tools)]
    if filled == "image":
        body["messages"] = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, image_of(client, size)]}]
    elif tools:
        body["messages"] = errand(client)
    else:
        left = size - len(json.dumps(body)) - 40
        turns = max(1, min(5, left // 150) if size <= 1 << 10 else left // 150 | 1)
        words = "word " * 40 if turns > 1 else "word " * (left // 5)
        length = max(10, left // turns - 36)
        body["messages"] = [{"role": "user" if n % 2 == 0 else "assistant", "content": f"message {n} {words}"[:length]}
                            for n in range(turns)]  # fmt: skip
    return json.dumps(body, separators=(",", ":")).encode()


def tool_of(client: str, number: int) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"city": {"type": "string", "description": "Where."}}, "required": ["city"]}
    name = f"weather_{number}" if number else "weather"
    if client == "anthropic":
        return {"name": name, "description": "Looks it up.", "input_schema": schema}
    return {"type": "function", "function": {"name": name, "description": "Looks it up.", "parameters": schema}}


def errand(client: str) -> list[dict[str, Any]]:
    """A conversation in which a tool has been called."""
    first = {"role": "user", "content": "What is the weather in Oslo? " + "word " * 20}
    last = [{"role": "assistant", "content": "It rains there. " + "word " * 20}, {"role": "user", "content": "And in Rome?"}]
    if client == "anthropic":
        call = {"type": "tool_use", "id": "toolu_0", "name": "weather", "input": {"city": "Oslo"}}
        result = {"type": "tool_result", "tool_use_id": "toolu_0", "content": "rain"}
        return [first, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}, *last]
    call = {"id": "call_0", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
    return [first, {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_0", "content": "rain"}, *last]  # fmt: skip


def image_of(client: str, size: int) -> dict[str, Any]:
    data = "iVBORw0KGgo" + "A" * (size // 4 * 4 - 211)
    if client == "anthropic":
        return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}


def core() -> Iterator[Scenario]:
    """Each direction, JSON and stream, with and without tools; 1 KB."""
    for tools in (False, True):
        for client, provider in (("openai", "openai"), ("openai", "anthropic"), ("anthropic", "openai"), ("anthropic", "anthropic")):
            for stream in (False, True):
                yield Scenario(client, provider, "bench-tools" if tools else "bench", stream, tools)


def large() -> Iterator[Scenario]:
    """Large requests, through and translated, of both kinds; large answers."""
    for provider in ("openai", "anthropic"):
        for label, size in SIZES.items():
            for filled in ("messages", "image"):
                if size > 1 << 10:
                    callers = 2 if size >= 1 << 22 else 8
                    yield Scenario("openai", provider, size=size, filled=filled, callers=callers,
                                   label=f"{label}, {'one image' if filled == 'image' else 'many messages'}")  # fmt: skip
        yield Scenario("openai", provider, "bench-k100", label="100 KB answer")


def few() -> Iterator[Scenario]:
    """The quick run's: each direction without tools, and the largest bodies."""
    yield from (one for one in core() if not one.tools and (one.client, one.provider) != ("anthropic", "anthropic"))
    yield from (one for one in large() if one.size >= 1 << 22 or one.label == "100 KB answer")


def concurrent(streams: int, provider: str = "openai") -> Scenario:
    """So many streams at once, each as fast as models speak."""
    return Scenario("openai", provider, "bench-calm", stream=True, callers=streams, label=f"{streams} at once")
