"""The grammar of strict events, checked to the letter, and a short way to write events down."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

NEUTRAL = Path(__file__).parents[2] / "openapi" / "neutral.schema.yaml"
GROWING = {"text": "text", "refusal": "text", "reasoning": "text", "tool_call": "arguments"}


@cache
def validator(name: str) -> Draft202012Validator:
    document = yaml.safe_load(NEUTRAL.read_text("utf-8"))
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": document["$defs"]})


def check(events: list[dict[str, Any]]) -> None:
    """Assert that events are one well-formed stream: order, numbers, sums of deltas, each by its schema."""
    for event in events:
        validator("event").validate(event)
    assert [event["type"] for event in events].count("start") <= 1
    assert events[-1]["type"] in ("finish", "error"), "a stream ends with finish or error"
    assert all(event["type"] not in ("finish", "error") for event in events[:-1]), "nothing follows the end"
    if events[-1]["type"] == "finish":
        assert events[0]["type"] == "start", "a stream begins with start"
    body = events[1:-1] if events[0]["type"] == "start" else events[:-1]
    opened: dict[str, Any] | None = None
    deltas: list[dict[str, Any]] = []
    counts: dict[str, int] = {}
    index = 0
    for event in body:
        if event["type"] == "part_start":
            assert opened is None, "one part is open at a time"
            kind = event["part"]["type"]
            assert event["index"] == index, "parts are counted"
            assert event["nth"] == counts.get(kind, 0), "parts of a kind are counted"
            index, counts[kind] = index + 1, counts.get(kind, 0) + 1
            opened, deltas = event, []
            continue
        assert opened is not None, "only an open part changes or ends"
        assert (event["index"], event["nth"]) == (opened["index"], opened["nth"])
        assert event["part"]["type"] == opened["part"]["type"]
        if event["type"] == "part_delta":
            assert set(event) - {"type", "index", "nth", "part"}, "a delta changes something"
            deltas.append(event)
        else:
            adds_up(opened["part"], deltas, event["part"])
            opened = None
    assert opened is None or events[-1]["type"] == "error", "a part that began ends, unless the stream broke"


def adds_up(start: dict[str, Any], deltas: list[dict[str, Any]], whole: dict[str, Any]) -> None:
    """Assert that the start and the deltas of a part say what its end says."""
    validator("assistant_part").validate(whole)

    def joined(member: str) -> str:
        return "".join(delta[member] for delta in deltas if member in delta)

    kind = whole["type"]
    if whole.get("redacted"):
        assert start == whole
        return
    if kind == "tool_call":
        text = joined("arguments")
        if isinstance(whole["arguments"], dict):
            assert json.loads(text) == whole["arguments"]
        else:
            assert text == whole["arguments"]
        assert (start["id"], start["name"]) == (whole["id"], whole["name"])
    elif kind in GROWING:
        assert joined("text") == whole["text"]
    for member in ("signature", "transcript"):
        assert joined(member) == whole.get(member, "")
    assert [delta["citation"] for delta in deltas if "citation" in delta] == whole.get("citations", [])
    assert [each for delta in deltas for each in delta.get("logprobs", ())] == whole.get("logprobs", [])


def brief(events: list[dict[str, Any]]) -> list[str]:
    """Events in short: `start`, `0.0 text`, `+ "hello"`, `end`, `finish stop`."""
    return [_brief(event) for event in events]


def _brief(event: dict[str, Any]) -> str:
    kind, part = event["type"], event.get("part", {})
    if kind == "part_start":
        extra = [part[name] for name in ("id", "name", "signature", "modality") if name in part]
        return " ".join([f"{event['index']}.{event['nth']}", part["type"], *extra])
    if kind == "part_delta":
        changes = {name: value for name, value in event.items() if name not in ("type", "index", "nth", "part")}
        return " ".join(["+", *(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in changes.items())])
    if kind == "part_end":
        return "end"
    if kind == "finish":
        return f"finish {event['finish_reason']}"
    if kind == "error":
        return f"error {event['error'].get('code', event['error']['type'])}"
    return kind
