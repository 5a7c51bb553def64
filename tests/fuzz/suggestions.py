"""The contract as chance should read it: the same requests are valid, but known words come up as often as random ones.

A vocabulary that may grow is any text to a validator, and chance would hardly ever write `ephemeral` or a data URL. So
each such text is offered as a choice between its known words and any other.
"""

from __future__ import annotations

from typing import Any

Schema = Any
ANYTHING = [None, 0, True, "text", [], [[None]], {"type": "x"}, {"a": 1}]
MOST_ELEMENTS = 3


def light(schema: Schema) -> Schema:
    """A copy that draws as quickly as it is judged: lists are short, and strangers few.

    It forbids more than the contract does: what is wrong by it alone is not wrong.
    """
    if isinstance(schema, list):
        return [light(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {name: light(value) for name, value in schema.items()}
    if schema.get("type") == "object" and "enum" not in schema and schema.get("additionalProperties", True) in (True, {}):
        copy["additionalProperties"] = {"enum": ANYTHING}
    if schema.get("type") == "array" and "maxItems" not in schema:
        copy["maxItems"] = max(MOST_ELEMENTS, schema.get("minItems", 0))
    return copy


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
