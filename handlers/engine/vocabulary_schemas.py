"""Filters of schemas."""

from __future__ import annotations

from typing import Any

from .vocabulary_kinds import an_object

NAMED = ("properties", "$defs", "defs", "definitions", "patternProperties")
LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")
SINGLE = ("items", "additionalProperties", "not")
NUMBERS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")


def json_schema(value: Any) -> Any:
    """A schema of OpenAPI 3.0 as JSON Schema: types in small letters, `nullable` as a type, counts as numbers.

    >>> json_schema({"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True, "minLength": "1"}}})
    {'type': 'object', 'properties': {'a': {'type': ['string', 'null'], 'minLength': 1}}}
    """
    return None if value is None else converted(an_object(value, "json_schema"))


def converted(schema: Any) -> Any:
    if type(schema) is not dict:
        return schema
    result: dict[str, Any] = {}
    for word, value in schema.items():
        if word == "type" and type(value) is str:
            result[word] = value.lower()
        elif word in NAMED and type(value) is dict:
            result[word] = {name: converted(each) for name, each in value.items()}
        elif word in LISTED and type(value) is list:
            result[word] = [converted(each) for each in value]
        elif word in SINGLE:
            result[word] = converted(value)
        elif word in NUMBERS and type(value) is str and value.isdecimal():
            result[word] = int(value)
        elif word not in ("nullable", "propertyOrdering"):
            result[word] = value
    if schema.get("nullable") is True and type(result.get("type")) is str:
        result["type"] = [result["type"], "null"]
        if type(result.get("enum")) is list and None not in result["enum"]:
            result["enum"] = [*result["enum"], None]
    return result
