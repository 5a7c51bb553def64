"""Filters of schemas."""

from __future__ import annotations

from typing import Any

from .vocabulary_kinds import an_object

UNKNOWN = ("nullable", "propertyOrdering")
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
    result = {word: member(word, value) for word, value in schema.items() if word not in UNKNOWN}
    if schema.get("nullable") is True and type(result.get("type")) is str:
        result["type"] = [result["type"], "null"]
        if type(result.get("enum")) is list and None not in result["enum"]:
            result["enum"] = [*result["enum"], None]
    return result


def member(word: str, value: Any) -> Any:
    """One member of a schema, as JSON Schema has it."""
    if word == "type" and type(value) is str:
        return value.lower()
    if word in NAMED and type(value) is dict:
        return {name: converted(each) for name, each in value.items()}
    if word in LISTED and type(value) is list:
        return [converted(each) for each in value]
    if word in SINGLE:
        return converted(value)
    if word in NUMBERS and type(value) is str and value.isdecimal():
        return int(value)
    return value
