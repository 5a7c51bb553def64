"""The schemas of tables: a client's request out of the contract, the neutral ones for single templates."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from ..resources import BUNDLED
from .specimens import Schema


def client_schema(document: dict[str, Any], name: str) -> Schema:
    """A component of an OpenAPI document, usable by Table: references go on pointing into its components."""
    components = document["components"]
    if name not in components["schemas"]:
        raise KeyError(name)
    return {"$ref": f"#/components/schemas/{name}", "components": {"schemas": components["schemas"]}}


def neutral_schema(document: dict[str, Any], name: str, family: str) -> Schema:
    """A definition of the neutral schema (`request`, `response`), as the templates of one family see it.

    What only a family understands (`unknown` things and `extra`) is tried twice: as its own, and as another's.
    """
    return {"$ref": f"#/$defs/{name}", "$defs": {key: owned(value, family) for key, value in document["$defs"].items()}}


def answer_schema(family: str = "") -> Schema:
    """The schema of neutral answers, for what a client of `family` may lose of one."""
    return neutral_schema(neutral_document(), "response", family)


@cache
def neutral_document() -> dict[str, Any]:
    """The neutral schema as it is bundled; never changed."""
    text = (BUNDLED / "openapi" / "neutral.schema.yaml").read_bytes()
    document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are the safe one
    assert isinstance(document, dict)
    return document


def owned(schema: Any, family: str) -> Any:
    if isinstance(schema, list):
        return [one for part in schema for one in alternatives(part, family)]
    if not isinstance(schema, dict):
        return schema
    found = {key: owned(value, family) for key, value in schema.items()}
    members = found.get("properties")
    if isinstance(members, dict):
        if is_unknown(schema):
            return {"oneOf": [of_family(found, {"const": family}), found]}
        if isinstance(members.get("extra"), dict):
            extra = {**members["extra"], "properties": {family: {"type": "object"}}}
            found["properties"] = {**members, "extra": extra}
    return found


def alternatives(schema: Any, family: str) -> list[Any]:
    """A branch of a union; an unknown thing becomes two branches, so that the tags of both are seen at one level."""
    made = owned(schema, family)
    if isinstance(schema, dict) and is_unknown(schema):
        return list(made["oneOf"])
    return [made]


def is_unknown(schema: dict[str, Any]) -> bool:
    members, required = schema.get("properties"), schema.get("required", ())
    return isinstance(members, dict) and {"dialect", "data"} <= members.keys() and "dialect" in required


def of_family(schema: dict[str, Any], dialect: Schema) -> dict[str, Any]:
    return {**schema, "properties": {**schema["properties"], "dialect": dialect}}
