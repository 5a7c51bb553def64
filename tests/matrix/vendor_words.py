"""Answers in the words of providers whose dialect no caller speaks, so that nothing in Morello writes them.

Whole answers, and streams cut small: text and arguments come in shreds, calls one after another, counts behind the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from rosetta.stories import Json

from handlers.engine.event_stream import write_event

SHRED = 5
EVENT_STREAM = "application/vnd.amazon.eventstream"


def shreds(text: str) -> list[str]:
    """A text in pieces of a few characters."""
    return [text[at : at + SHRED] for at in range(0, len(text), SHRED)]


def written_arguments(part: Json) -> str:
    """A call's arguments as text; a model may have written what is no JSON."""
    arguments = part.get("arguments")
    return arguments if isinstance(arguments, str) else orjson.dumps(arguments or {}).decode()


# ---- Cohere ------------------------------------------------------------------------------------------------------

COHERE_ENDS = {
    "stop": "COMPLETE", "length": "MAX_TOKENS", "tool_call": "TOOL_CALL", "content_filter": "ERROR_TOXIC", "error": "ERROR",
    "other": "SOMETHING_ELSE",
}  # fmt: skip


def cohere_usage(response: Json) -> Json:
    usage = response.get("usage") or {}
    counts = {name: usage[name] for name in ("input_tokens", "output_tokens") if name in usage}
    return {"billed_units": counts, "tokens": counts, "cached_tokens": usage.get("cache_read_tokens", 0)}


def cohere_end(response: Json) -> str:
    reason = response["finish_reason"]
    return "STOP_SEQUENCE" if reason == "stop" and response.get("stop_sequence") else COHERE_ENDS[reason]


def cohere_content(part: Json) -> Json | None:
    """A piece of content; None for a part that has none there."""
    match part["type"]:
        case "text" | "refusal":
            return {"type": "text", "text": part["text"]}
        case "reasoning" if part.get("text") and part.get("id") != "tool_plan":
            return {"type": "thinking", "thinking": part["text"]}
    return None


def cohere_call(part: Json) -> Json:
    return {"id": part["id"], "type": "function", "function": {"name": part["name"], "arguments": written_arguments(part)}}


def cohere_whole(response: Json) -> Json:
    """The answer to a v2 chat request."""
    parts = response.get("parts", [])
    content = [piece for part in parts if (piece := cohere_content(part))]
    plan = "".join(part["text"] for part in parts if part["type"] == "reasoning" and part.get("id") == "tool_plan")
    message = {"role": "assistant", "content": content, "tool_plan": plan,
               "tool_calls": [cohere_call(part) for part in parts if part["type"] == "tool_call"]}  # fmt: skip
    message = {name: value for name, value in message.items() if value or name == "role"}
    return {"id": response["id"], "finish_reason": cohere_end(response), "message": message, "usage": cohere_usage(response)}


def cohere_events(response: Json) -> Iterator[Json]:
    """The same as a stream."""
    yield {"type": "message-start", "id": response["id"], "delta": {"message": {
        "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}}  # fmt: skip
    index = 0
    for part in response.get("parts", []):
        if part["type"] == "reasoning" and part.get("id") == "tool_plan":
            yield from ({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}} for piece in shreds(part["text"]))
        elif part["type"] == "tool_call":
            call = cohere_call(part)
            begun = {**call, "function": {"name": part["name"], "arguments": ""}}
            yield {"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls": begun}}}
            for piece in shreds(call["function"]["arguments"]):
                yield {"type": "tool-call-delta", "index": index, "delta": {"message": {"tool_calls": {"function": {"arguments": piece}}}}}
            yield {"type": "tool-call-end", "index": index}
            index += 1
        elif content := cohere_content(part):
            kind = "thinking" if content["type"] == "thinking" else "text"
            yield {"type": "content-start", "index": index, "delta": {"message": {"content": {"type": content["type"], kind: ""}}}}
            for piece in shreds(content[kind]):
                yield {"type": "content-delta", "index": index, "delta": {"message": {"content": {kind: piece}}}}
            yield {"type": "content-end", "index": index}
            index += 1
    yield {"type": "message-end", "delta": {"finish_reason": cohere_end(response), "usage": cohere_usage(response)}}


# ---- Converse ----------------------------------------------------------------------------------------------------

CONVERSE_ENDS = {
    "stop": "end_turn", "length": "max_tokens", "tool_call": "tool_use", "content_filter": "content_filtered",
    "error": "malformed_model_output", "other": "something_else",
}  # fmt: skip


def converse_usage(response: Json) -> Json:
    """Cached tokens are counted beside the others."""
    usage = response.get("usage") or {}
    read, kept = usage.get("cache_read_tokens", 0), usage.get("cache_write_tokens", 0)
    counts = {"inputTokens": max(0, usage.get("input_tokens", 0) - read - kept), "outputTokens": usage.get("output_tokens", 0)}
    cached = {"cacheReadInputTokens": read, "cacheWriteInputTokens": kept} if read or kept else {}
    return {**counts, **cached, "totalTokens": sum(counts.values()) + read + kept}


def converse_end(response: Json) -> str:
    reason = response["finish_reason"]
    return "stop_sequence" if reason == "stop" and response.get("stop_sequence") else CONVERSE_ENDS[reason]


def converse_block(part: Json) -> Json | None:
    match part["type"]:
        case "text" | "refusal":
            return {"text": part["text"]}
        case "reasoning" if part.get("redacted"):
            return {"reasoningContent": {"redactedContent": part["signature"]}}
        case "reasoning":
            signed = {"signature": part["signature"]} if part.get("signature") else {}
            return {"reasoningContent": {"reasoningText": {"text": part.get("text", ""), **signed}}}
        case "tool_call":
            arguments = part.get("arguments")
            given = arguments if isinstance(arguments, dict) else {"INVALID_JSON": arguments} if arguments else {}
            return {"toolUse": {"toolUseId": part["id"], "name": part["name"], "input": given}}
    return None


def converse_whole(response: Json) -> Json:
    """The answer to a Converse request."""
    content = [block for part in response.get("parts", []) if (block := converse_block(part))]
    return {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": converse_end(response),
            "usage": converse_usage(response), "metrics": {"latencyMs": 7}}  # fmt: skip


def converse_deltas(block: Json) -> Iterator[Json]:
    """What the deltas of a block hold."""
    if "text" in block:
        yield from ({"text": piece} for piece in shreds(block["text"]))
    elif "toolUse" in block:
        yield from ({"toolUse": {"input": piece}} for piece in shreds(orjson.dumps(block["toolUse"]["input"]).decode()))
    elif "redactedContent" in block["reasoningContent"]:
        yield {"reasoningContent": {"redactedContent": block["reasoningContent"]["redactedContent"]}}
    else:
        thought = block["reasoningContent"]["reasoningText"]
        yield from ({"reasoningContent": {"text": piece}} for piece in shreds(thought["text"]))
        if "signature" in thought:
            yield {"reasoningContent": {"signature": thought["signature"]}}


def converse_events(response: Json) -> Iterator[tuple[str, Json]]:
    """The same as events of ConverseStream, by name."""
    yield "messageStart", {"role": "assistant"}
    blocks = [block for part in response.get("parts", []) if (block := converse_block(part))]
    for index, block in enumerate(blocks):
        if "toolUse" in block:
            start = {name: block["toolUse"][name] for name in ("toolUseId", "name")}
            yield "contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": start}}
        for delta in converse_deltas(block):
            yield "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}
        yield "contentBlockStop", {"contentBlockIndex": index}
    yield "messageStop", {"stopReason": converse_end(response)}
    yield "metadata", {"usage": converse_usage(response), "metrics": {"latencyMs": 7}}


# ---- both --------------------------------------------------------------------------------------------------------


def said_by(provider: str, response: Json, *, stream: bool) -> tuple[str, bytes]:
    """Media type and bytes of an answer."""
    if provider == "cohere":
        if not stream:
            return "application/json", orjson.dumps(cohere_whole(response))
        events: Any = cohere_events(response)
        return "text/event-stream", b"".join(
            b"event: %s\ndata: %s\n\n" % (one["type"].encode(), orjson.dumps(one)) for one in events
        )
    assert provider == "bedrock", provider
    if not stream:
        return "application/json", orjson.dumps(converse_whole(response))
    return EVENT_STREAM, b"".join(write_event(name, orjson.dumps(one)) for name, one in converse_events(response))
