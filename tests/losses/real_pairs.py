"""The shipped dialects, client to provider, as pure functions of what a client sends; and bodies as clients send them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from handlers.engine.configuration import load_configuration
from handlers.engine.dialects import Dialect
from handlers.engine.losses import Table, client_schema

ROOT = Path(__file__).resolve().parents[2]
REQUESTS = {"openai": "ChatCompletionRequest", "anthropic": "MessagesRequest"}
PAIRS = [("openai", "anthropic"), ("anthropic", "openai"), ("openai", "cohere"), ("anthropic", "cohere"),
         ("openai", "bedrock"), ("anthropic", "bedrock")]

Json = dict[str, Any]


@cache
def contract() -> Json:
    return yaml.load(
        (ROOT / "openapi" / "openapi.yaml").read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )


@cache
def schema(client: str) -> Json:
    return client_schema(contract(), REQUESTS[client])


@cache
def dialects() -> dict[str, Dialect]:
    return load_configuration(ROOT, {}).dialects


def translation(client: str, provider: str) -> Callable[[Json], Any]:
    reader, writer = dialects()[client], dialects()[provider]
    read, write = reader.read_request, writer.write_request
    assert read is not None
    assert write is not None

    def translate(body: Json) -> Any:
        request = read({"body": body, "path": {}, "values": reader.values})
        own = request.get("extra", {}).get(client, {})
        named = request.get("model") if "{{ model }}" in writer.path else None
        return write({**request, "values": writer.values}), named, request.get("stream"), own.get("stream_options")

    return translate


@cache
def table(client: str, provider: str) -> Table:
    return Table(translation(client, provider), schema(client))


def coding_agent() -> Json:
    """What an agent that writes code sends over the Messages API, for a model whose name it does not know."""
    ephemeral = {"type": "ephemeral"}
    return {
        "model": "up:some-model",
        "max_tokens": 32000,
        "stream": True,
        "thinking": {"type": "adaptive", "display": "omitted"},
        "output_config": {"effort": "high"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "metadata": {"user_id": '{"device_id":"d","session_id":"s"}'},
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.330"},
            {"type": "text", "text": "You are an agent.", "cache_control": ephemeral},
            {"type": "text", "text": "Be brief.", "cache_control": ephemeral},
        ],
        "tools": [
            {
                "name": "Bash", "description": "Runs a command.",
                "input_schema": {
                    "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
                    "properties": {"command": {"type": "string"}, "timeout": {"type": "number", "exclusiveMinimum": 0}},
                    "required": ["command"], "additionalProperties": False,
                },
            },
            {"name": "Later", "description": "x", "input_schema": {"type": "object"}, "defer_loading": True},
        ],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "List the files.", "cache_control": ephemeral}]},
            {"role": "system", "content": "The date is today."},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "", "signature": "morello1.up.AAAA"},
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a.txt", "is_error": False, "cache_control": ephemeral},
            ]},
        ],
    }  # fmt: skip


def chat_application() -> Json:
    """What an application sends over Chat Completions that uses much of it."""
    return {
        "model": "up:some-model",
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.2,
        "top_p": 0.9,
        "max_completion_tokens": 4000,
        "stop": ["END"],
        "seed": 7,
        "n": 1,
        "user": "u-1",
        "reasoning_effort": "medium",
        "parallel_tool_calls": False,
        "prompt_cache_key": "k",
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": {"type": "object"}}},
        "tools": [{"type": "function", "function": {"name": "look", "description": "x", "parameters": {"type": "object"}, "strict": True}}],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "name": "ann", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "high"}},
            ]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at":1}'}},
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "a cat"},
        ],
    }  # fmt: skip
