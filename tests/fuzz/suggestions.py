"""The contract as chance should read it: the same requests are valid, but known words come up as often as random ones.

A vocabulary that may grow is any text to a validator, and chance would hardly ever write `ephemeral` or a data URL. So
each such text is offered as a choice between its known words and any other.
"""

from __future__ import annotations

from typing import Any

Schema = Any


def suggesting(schema: Schema) -> Schema:
    """A copy of a document or schema in which known words and examples are choices of their own."""
    if isinstance(schema, list):
        return [suggesting(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    known = words(schema)
    if not known:
        return {name: suggesting(value) for name, value in schema.items()}
    return {"anyOf": [{"type": schema["type"], "enum": known}, schema]}


def words(schema: dict[str, Any]) -> list[Any]:
    """The values that a schema suggests."""
    for name in ("x-extensible-enum", "x-examples"):
        found = schema.get(name)
        if isinstance(found, list) and isinstance(schema.get("type"), str):
            return found
    return []
