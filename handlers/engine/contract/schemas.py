"""Schemas of OpenAPI 3.0 as JSON Schema draft 4, compiled.

A schema object of OpenAPI 3.0 is draft 4 with `nullable` and without a few words. Validators are compiled once, share
the document's components, and never fetch anything. Error messages mask the value that was wrong: it is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

NOT_VALIDATION = frozenset({
    "nullable", "discriminator", "example", "xml", "externalDocs", "deprecated", "title", "description", "default",
    "format", "readOnly", "writeOnly",
})  # fmt: skip
"""Words that say nothing about validity. `format` is among them: what looks like a date or an address is not ours to
refuse, and implementations differ about it."""

NAMED_SCHEMAS = ("properties", "patternProperties", "definitions")
LISTED_SCHEMAS = ("allOf", "anyOf", "oneOf")
SINGLE_SCHEMAS = ("items", "additionalProperties", "not")


def as_draft4(schema: Any) -> Any:
    """A schema object of OpenAPI 3.0 in draft 4's words. References stay; booleans (additionalProperties) too."""
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    result: dict[str, Any] = {}
    for word, value in schema.items():
        if word in NOT_VALIDATION or word.startswith("x-"):
            continue
        if word in NAMED_SCHEMAS:
            result[word] = {name: as_draft4(each) for name, each in value.items()}
        elif word in LISTED_SCHEMAS:
            result[word] = [as_draft4(each) for each in value]
        elif word in SINGLE_SCHEMAS:
            result[word] = as_draft4(value)
        else:
            result[word] = value
    if schema.get("nullable"):
        _allow_null(result)
    return result


def _allow_null(schema: dict[str, Any]) -> None:
    """`nullable` widens `type` and `enum`, and nothing without a `type` (OpenAPI 3.0.3)."""
    if "type" not in schema:
        return
    schema["type"] = [schema["type"], "null"]
    if "enum" in schema and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]


class Schemas:
    """The compiled validators of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        components = document.get("components", {}).get("schemas", {})
        self.components = {"schemas": {name: as_draft4(schema) for name, schema in components.items()}}

    def compile(self, schema: Mapping[str, Any]) -> jsonschema_rs.Draft4Validator:
        """A validator of one of the document's schema objects."""
        return self.compile_draft4(as_draft4(schema))

    def compile_draft4(self, schema: Any) -> jsonschema_rs.Draft4Validator:
        """A validator of a schema that is draft 4 already; its references lead into the document's components."""
        return jsonschema_rs.Draft4Validator(
            {"allOf": [schema], "components": {"schemas": self._reachable(schema)}},
            mask="value",
            offline=True,
            validate_formats=False,
            pattern_options=jsonschema_rs.RegexOptions(),
        )

    def _reachable(self, schema: Any) -> dict[str, Any]:
        """The components that a schema leads to: compiling copies what it is given, so it is given no more."""
        found: dict[str, Any] = {}
        waiting = [schema]
        while waiting:
            node = waiting.pop()
            if isinstance(node, list):
                waiting.extend(node)
            elif isinstance(node, Mapping):
                name = str(node.get("$ref", "")).rpartition("/")[2]
                if name in self.components["schemas"] and name not in found:
                    found[name] = self.components["schemas"][name]
                    waiting.append(found[name])
                waiting.extend(node.values())
        return found

    def follow(self, schema: Any) -> Any:
        """A draft 4 schema with its outermost references resolved."""
        while isinstance(schema, Mapping) and "$ref" in schema:
            schema = self.components["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return schema


class Depth:
    """How deep JSON may nest: checked in one call, because a walk in Python would cost more than the parse.

    Level n of the chain of schemas allows n levels of arrays and objects below it.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        definitions: dict[str, Any] = {"0": {"not": {"type": ["array", "object"]}}}
        for level in range(1, most + 1):
            below = {"$ref": f"#/definitions/{level - 1}"}
            definitions[str(level)] = {"items": below, "additionalProperties": below}
        self._definitions = definitions
        self._validators: dict[int, jsonschema_rs.Draft4Validator] = {}
        self.allows_below(0)

    def allows(self, raw: bytes, value: Any) -> bool:
        """Whether `value`, parsed from `raw`, nests at most `most` levels deep."""
        return raw.count(b"{") + raw.count(b"[") <= self.most or self.allows_below(0)(value)

    def allows_below(self, levels: int) -> Any:
        """The same question, as a function, about a value that stands `levels` levels down already."""
        left = max(0, self.most - levels)
        validator = self._validators.get(left)
        if validator is None:
            validator = jsonschema_rs.Draft4Validator(
                {"$ref": f"#/definitions/{left}", "definitions": self._definitions}, offline=True
            )
            self._validators[left] = validator
        return validator.is_valid
