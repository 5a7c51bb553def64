"""A value that satisfies a JSON Schema, made up: for the arguments of tools, and for answers that must be JSON."""

from __future__ import annotations

from typing import Any

DEEPEST = 8
"""Levels of nesting after which optional members are left out, so that a recursive schema ends."""


def value_of(schema: Any, text: str, root: Any = None, depth: int = 0) -> Any:
    """A value of `schema`; free texts are `text`.

    Covers what tools' schemas use: types, enum, const, default, examples, `$ref` within the schema, any/one/all of,
    bounds, lengths and formats of the common kinds. A schema beyond that gets the closest this finds.
    """
    if not isinstance(schema, dict):
        return text
    root = schema if root is None else root
    schema = resolved(schema, root)
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    for word in ("enum", "examples"):
        if isinstance(schema.get(word), list) and schema[word]:
            return schema[word][0]
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list) and schema[word]:
            return value_of({**schema[word][0], **without(schema, word)}, text, root, depth + 1)
    if isinstance(schema.get("allOf"), list) and schema["allOf"]:
        merged: dict[str, Any] = {}
        for one in schema["allOf"]:
            merged = joined(merged, resolved(one, root))
        return value_of(joined(merged, without(schema, "allOf")), text, root, depth + 1)
    return typed(schema, text, root, depth)


def typed(schema: dict[str, Any], text: str, root: Any, depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind == "object":
        members = schema.get("properties") or {}
        required = schema.get("required") or []
        wanted = members if depth < DEEPEST else [name for name in members if name in required]
        names = dict.fromkeys([*wanted, *required])
        return {name: value_of(members.get(name, {}), text, root, depth + 1) for name in names}
    if kind == "array":
        items = schema.get("items", {})
        number = max(schema.get("minItems", 0), 1 if depth < DEEPEST else 0)
        return [value_of(items, text, root, depth + 1) for _ in range(number)]
    if kind == "integer":
        return int(bounded(schema, 1))
    if kind == "number":
        return bounded(schema, 1)
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    return phrase(schema, text)


def bounded(schema: dict[str, Any], value: float) -> float:
    """`value`, moved inside the schema's bounds."""
    low, high, step = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    if isinstance(schema.get("exclusiveMinimum"), (int, float)):
        low = schema["exclusiveMinimum"] + (step or 1)
    if isinstance(schema.get("exclusiveMaximum"), (int, float)):
        high = schema["exclusiveMaximum"] - (step or 1)
    if low is not None and value < low:
        value = low
    if high is not None and value > high:
        value = high
    if step:
        value = -(-value // step) * step
    return value


FORMATS = {
    "date": "2024-02-29", "date-time": "2024-02-29T12:00:00Z", "time": "12:00:00Z", "email": "someone@example.com",
    "uri": "https://example.com/", "uuid": "00000000-0000-4000-8000-000000000000", "ipv4": "192.0.2.1",
}  # fmt: skip


def phrase(schema: dict[str, Any], text: str) -> str:
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    text = text or "something"
    if "maxLength" in schema:
        text = text[: schema["maxLength"]]
    return text.ljust(schema.get("minLength", 0), ".")


def resolved(schema: dict[str, Any], root: Any) -> dict[str, Any]:
    """`schema` with a `$ref` into the same document followed, at most DEEPEST times."""
    for _ in range(DEEPEST):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            break
        target = root
        for step in reference[1:].split("/")[1:]:
            target = target.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(target, dict) else {}
        schema = target if isinstance(target, dict) else {}
    return schema


def without(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != name}


def joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both schemas at once: their members and what they require together."""
    both = {**one, **other}
    if "properties" in one and "properties" in other:
        both["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        both["required"] = [*one["required"], *other["required"]]
    return both
