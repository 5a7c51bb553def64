"""The closed view of the contract: what Morello itself writes must fit this, to the letter.

The served contract is open, so that clients survive what a provider adds tomorrow. What this gateway writes holds no
surprises: each object has its declared members only, each vocabulary its known words, each union its known branches.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from handlers.engine.contract.schemas import Schemas

Document = dict[str, Any]
Schema = dict[str, Any]


def closed_view(document: Document) -> Document:
    """A copy of an OpenAPI document whose component schemas are closed; all else is as it was."""
    view = copy.deepcopy(document)
    schemas = {name: each for name, each in view["components"]["schemas"].items() if not is_open_branch(each)}
    for schema in schemas.values():
        close(schema, document)
    view["components"]["schemas"] = schemas
    return view


def validator(document: Document, name: str) -> jsonschema_rs.Draft4Validator:
    """A compiled validator of one component, of the document as it is given: open or closed."""
    return Schemas(document).compile({"$ref": f"#/components/schemas/{name}"})


def is_open_branch(schema: Mapping[str, Any]) -> bool:
    """Whether a schema is the last branch of a union: an object with a tag that is none of the known ones."""
    members = schema.get("properties", {})
    return any("not" in member and "enum" in member["not"] for member in members.values())


def close(schema: Any, document: Document) -> None:
    """Close a schema in place, and all within it."""
    if isinstance(schema, list):
        for each in schema:
            close(each, document)
    if not isinstance(schema, dict):
        return
    if isinstance(schema.get("x-extensible-enum"), list):
        words = schema.pop("x-extensible-enum")
        schema["enum"] = [*words, None] if schema.get("nullable") else words
    if isinstance(schema.get("properties"), dict):
        schema.setdefault("additionalProperties", False)
        for member in schema["properties"].values():
            close(member, document)
    for word in ("oneOf", "anyOf"):
        if word in schema:
            schema[word] = [each for each in schema[word] if not is_open_branch(followed(each, document))]
            close(schema[word], document)
    for word in ("items", "additionalProperties"):
        close(schema.get(word), document)


def followed(schema: Schema, document: Document) -> Schema:
    """A schema without `$ref` at its top."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema
