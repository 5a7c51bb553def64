"""The contract's schemas applied to a large body slice by slice, with the same verdict as in one go.

Where a container was cut (large.py), its schema is taken apart: what it says about the container alone is checked at
once, what it says about elements and members is checked slice by slice, and unions are asked branch by branch. All
that is small is left to the compiled validators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import jsonschema_rs

from .explaining import USUAL_TAGS, Failure, find_failure
from .large import Sliced
from .schemas import Schemas, as_draft4

DESCENDING = frozenset({"items", "allOf", "anyOf", "oneOf", "not"})
"""Words that look into a container; the others look at it."""

Cuts = Mapping[int, Sequence[int]]


class SlicedValidator:
    """One schema of the document, for values that were parsed in slices."""

    def __init__(self, schemas: Schemas, schema: Mapping[str, Any]) -> None:
        self.schemas = schemas
        self.root = as_draft4(schema)
        self._compiled: dict[int, jsonschema_rs.Draft4Validator] = {}
        self._derived: dict[tuple[int, str], Any] = {}

    def find_failure(self, sliced: Sliced) -> Failure | None:
        """What is wrong with the value, or None."""
        return self._value(self.root, sliced.value, sliced.cuts)

    def _value(self, schema: Any, value: Any, cuts: Cuts) -> Failure | None:
        if id(value) not in cuts or not isinstance(schema, Mapping) or "patternProperties" in schema:
            return self._whole(schema, value)
        schema = self.schemas.follow(schema)
        failure = self._container(self._derive(schema, "container"), value)
        if failure is None:
            children = self._array if isinstance(value, list) else self._object
            failure = children(schema, value, cuts)
        return failure or self._combined(schema, value, cuts)

    def _whole(self, schema: Any, value: Any) -> Failure | None:
        if not schema:
            return None
        validator = self._validator(schema)
        return None if validator.is_valid(value) else find_failure(validator, value)

    def _container(self, schema: Any, value: Any) -> Failure | None:
        """As `_whole`, where only the container counts: an error would copy all that is in it."""
        validator = self._validator(schema)
        if validator.is_valid(value):
            return None
        hollow = dict.fromkeys(value) if isinstance(value, dict) else [None] * len(value)
        return find_failure(validator, hollow) or Failure((), "valid")

    def _validator(self, schema: Any) -> jsonschema_rs.Draft4Validator:
        validator = self._compiled.get(id(schema))
        if validator is None:
            validator = self._compiled[id(schema)] = self.schemas.compile_draft4(schema)
        return validator

    def _derive(self, schema: Mapping[str, Any], what: str) -> Any:
        """A schema made from `schema`, once: its `container` part, or an `array` of its items."""
        key = (id(schema), what)
        if key not in self._derived:
            self._derived[key] = container_part(schema) if what == "container" else {"items": schema["items"]}
        return self._derived[key]

    def _array(self, schema: Mapping[str, Any], value: list[Any], cuts: Cuts) -> Failure | None:
        items = schema.get("items")
        if not items:
            return None
        bounds = cuts[id(value)]
        for start, end in pairwise(bounds):
            if end - start == 1:
                failure = self._value(items, value[start], cuts)
                if failure is not None:
                    return failure.below((start,))
                continue
            failure = self._whole(self._derive(schema, "array"), value[start:end])
            if failure is not None:
                within = failure.path[0]
                return Failure((start + int(within), *failure.path[1:]), failure.expected, failure.missing)
        return None

    def _object(self, schema: Mapping[str, Any], value: dict[str, Any], cuts: Cuts) -> Failure | None:
        declared = schema.get("properties", {})
        others = schema.get("additionalProperties")
        others = others if isinstance(others, Mapping) else None
        for name in sorted(value, key=lambda each: id(value[each]) in cuts):  # what is small, tags too, comes first
            failure = self._value(declared.get(name, others), value[name], cuts)
            if failure is not None:
                return failure.below((name,))
        return None

    def _combined(self, schema: Mapping[str, Any], value: Any, cuts: Cuts) -> Failure | None:
        for branch in schema.get("allOf", ()):
            failure = self._value(branch, value, cuts)
            if failure is not None:
                return failure
        for word in ("anyOf", "oneOf"):
            if word not in schema:
                continue
            failures = [self._value(branch, value, cuts) for branch in schema[word]]
            wrong = [failure for failure in failures if failure is not None]
            if len(wrong) == len(failures):
                return _nearest(wrong)
            if word == "oneOf" and len(wrong) < len(failures) - 1:
                return Failure((), "of exactly one of the declared kinds")
        if "not" in schema and self._value(schema["not"], value, cuts) is None:
            return Failure((), "something else")
        return None


def container_part(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a schema says about a container without looking into it."""
    part = {word: value for word, value in schema.items() if word not in DESCENDING}
    if "properties" in part:
        part["properties"] = {name: {} for name in part["properties"]}
    if part.get("additionalProperties") is not False:
        part.pop("additionalProperties", None)
    return part


def _nearest(failures: Sequence[Failure]) -> Failure:
    """The failure of the branch that was meant: not of another kind, not with another tag, and furthest in."""

    def distance(failure: Failure) -> tuple[int, int]:
        if not failure.path:
            return 2, 0
        tag = len(failure.path) == 1 and failure.path[0] in USUAL_TAGS and not failure.missing
        return int(tag), -len(failure.path)

    return min(failures, key=distance)
