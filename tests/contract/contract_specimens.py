"""Values made from the contract's schemas, and the ways through them: what the tests of the document are fed with."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from contract.closed_view import followed, is_open_branch

from handlers.engine.contract.document import load_document
from handlers.engine.resources import BUNDLED

Document = dict[str, Any]
Schema = dict[str, Any]


@cache
def contract() -> Document:
    """The contract, read once; not to be changed."""
    return load_document(BUNDLED / "openapi" / "openapi.yaml")


def schemas() -> dict[str, Schema]:
    """The contract's component schemas by name."""
    return contract()["components"]["schemas"]


def resolve(schema: Schema) -> Schema:
    """A schema of the contract without `$ref` at its top."""
    return followed(schema, contract())


def name_of(schema: Schema) -> str | None:
    """The component a reference leads to, if it is one."""
    return schema["$ref"].rsplit("/", 1)[1] if "$ref" in schema else None


def specimen(schema: Schema, whole: bool) -> Any:
    """A valid value: with all its members if `whole`, else with the required ones. Unions give their first branch."""
    schema = resolve(schema)
    if "oneOf" in schema:
        return specimen(next(each for each in schema["oneOf"] if not is_open_branch(resolve(each))), whole)
    if schema.get("type") == "array":
        return [specimen(schema["items"], whole)]
    if schema.get("type") == "object":
        required = schema.get("required", ())
        return {
            name: specimen(member, whole)
            for name, member in schema.get("properties", {}).items()
            if whole or name in required
        }
    return scalar(schema)


def scalar(schema: Schema) -> Any:
    """A valid value that is neither array nor object."""
    for word in ("enum", "x-extensible-enum", "x-examples"):
        if word in schema:
            return schema[word][0]
    if "not" in schema:
        return "x-unheard-of"
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    return {"string": "text", "integer": max(1, schema.get("minimum", 1)), "number": 0.5, "boolean": True}[schema["type"]]


def unions() -> Iterator[tuple[str, list[Schema]]]:
    """Every union of the contract with its place: `Component` or `Component.member`."""
    for place, schema in every_schema():
        if "oneOf" in schema:
            yield place, schema["oneOf"]


def every_schema() -> Iterator[tuple[str, Schema]]:
    """Each schema object with its place, references not followed."""
    for name, schema in schemas().items():
        yield from walk(name, schema)


def walk(place: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    """A schema and all that is written out within it."""
    yield place, schema
    for name, member in schema.get("properties", {}).items():
        yield from walk(f"{place}.{name}", member)
    for at, branch in enumerate(schema.get("oneOf", ())):
        yield from walk(f"{place}[{at}]", branch)
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield from walk(f"{place}.*", schema[word])


def tags_of(branch: Schema) -> dict[str, list[Any]]:
    """The members of a branch that tell it apart: required (or nullable with a default) and of closed values."""
    branch = resolve(branch)
    return {
        name: [value for value in member["enum"] if value is not None]
        for name, member in branch.get("properties", {}).items()
        if name in ("type", "role", "object") and "enum" in member
    }


def excluded(branch: Schema) -> tuple[str, list[Any]]:
    """The tag of an open branch, and the values it leaves to the others."""
    for name, member in resolve(branch)["properties"].items():
        if "not" in member:
            return name, member["not"]["enum"]
    raise AssertionError("no open branch")
