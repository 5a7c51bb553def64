"""What the two dialects cannot tell each other: named in the client's words, refused where the answer would change."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from rosetta.stories import ROOT, declared_values, template

from handlers.engine.contract.document import load_document
from handlers.engine.losses import Table, client_schema
from handlers.engine.templates import Kind

Json = dict[str, Any]

COMPONENTS = {"openai": "ChatCompletionRequest", "anthropic": "MessagesRequest"}
HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@cache
def table(client: str, provider: str) -> Table:
    read, write = template(client, Kind.READ_REQUEST), template(provider, Kind.WRITE_REQUEST)

    def translate(body: Json) -> Any:
        neutral = read({"body": body, "path": {}, "values": declared_values(client)})
        return write({**neutral, "values": declared_values(provider)})

    document = load_document(ROOT / "openapi" / "openapi.yaml")
    return Table(translate, client_schema(document, COMPONENTS[client]))


def losses(client: str, provider: str, **members: Any) -> dict[str, bool]:
    """By name, whether it is refused."""
    found = table(client, provider)({"model": "m", "max_tokens": 2000, "messages": HELLO, **members})
    return {loss.name: loss.refuse for loss in found}


CHAT = {
    "nothing": ({}, {}),
    "what both know": (
        {"temperature": 0.5, "top_p": 0.9, "stop": ["x"], "stream": True, "user": "u", "tools": [TOOL],
         "tool_choice": "auto"}, {}),
    "defect_83 defect_112 one call at a time": ({"tools": [TOOL], "parallel_tool_calls": False}, {}),
    "defect_82 a forced tool": (
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}}, {}),
    "defect_93 a schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}}, {}),
    "defect_85 an effort": ({"reasoning_effort": "high", "max_tokens": 64_000}, {}),
    "defect_242 an effort for which the answer leaves no room": ({"reasoning_effort": "high"}, {"reasoning_effort": False}),
    "defect_241 an effort beside a forced tool": (
        {"reasoning_effort": "high", "max_tokens": 64_000, "tools": [TOOL], "tool_choice": "required"},
        {"reasoning_effort": False}),
    "defect_110 a temperature beside an effort": (
        {"reasoning_effort": "high", "max_tokens": 64_000, "temperature": 0.5}, {"temperature": False}),
    "the older protocol": (
        {"functions": [{"name": "f", "parameters": {"type": "object"}}],
         "messages": [*HELLO, {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
                      {"role": "function", "name": "f", "content": "x"}]}, {}),
    "defaults": ({"n": 1, "frequency_penalty": 0, "logprobs": False, "modalities": ["text"]}, {}),
    "defect_45 defect_128 several answers": ({"n": 2}, {"n": True}),
    "defect_128 sampling": (
        {"seed": 1, "logit_bias": {"1": 2}, "presence_penalty": 0.5},
        {"seed": False, "logit_bias": False, "presence_penalty": False}),
    "a member unheard of": ({"unheard_of": 1}, {"unheard_of": False}),
    "an image's detail": (
        {"messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "https://a.example", "detail": "low"}}]}]},
        {"messages[0].content[0].image_url.detail": False}),
    "sound": (
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}}]}]},
        {"messages[0].content[0]": True}),
    "a tool of a kind unheard of": (
        {"tools": [TOOL, {"type": "custom", "custom": {"name": "sh"}}]}, {"tools[1].custom": True}),
}  # fmt: skip

MESSAGES = {
    "nothing": ({}, {}),
    "what both know": (
        {"temperature": 0.5, "top_p": 0.9, "stop_sequences": ["x"], "stream": True, "metadata": {"user_id": "u"},
         "system": "Be brief.", "tools": [{"name": "f", "input_schema": {"type": "object"}}],
         "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}, {}),
    "defect_124 top_k": ({"top_k": 5}, {"top_k": False}),
    "defect_237 context management": ({"context_management": {"edits": []}}, {"context_management": False}),
    "defect_79 a tool of the provider's": (
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, {"tools[0]": True}),
    "defect_91 a document at an address": (
        {"messages": [{"role": "user", "content": [
            {"type": "document", "source": {"type": "url", "url": "https://a.example"}}]}]},
        {"messages[0].content[0].source": True}),
    "defect_91 a document of plain text": (
        {"messages": [{"role": "user", "content": [
            {"type": "document", "title": "A", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}]}]}, {}),
    "defect_73 a tool that did not fail": (
        {"messages": [*HELLO, {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
                      {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "x",
                                                    "is_error": False}]}]}, {}),
    "defect_94 hints about the cache": (
        {"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]},
        {"system[0].cache_control": False}),
}  # fmt: skip


@pytest.mark.parametrize(("members", "expected"), CHAT.values(), ids=CHAT)
def test_chat_to_messages(members: Json, expected: dict[str, bool]) -> None:
    assert losses("openai", "anthropic", **members) == expected


@pytest.mark.parametrize(("members", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_messages_to_chat(members: Json, expected: dict[str, bool]) -> None:
    assert losses("anthropic", "openai", **members) == expected
