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

from .explaining import Failure, Path, find_failure
from .large import Sliced
from .schemas import Schemas, as_draft4

DESCENDING = frozenset({"items", "allOf", "anyOf", "oneOf", "not"})
"""Words that look into a container; the others look at it."""

Cuts = Mapping[int, Sequence[int]]
Failures = list[Failure]
"""Nothing if the value is valid; else what is wrong, once for each branch of a union."""

INVALID = Failure((), "valid")


class SlicedValidator:
    """One schema of the document, for values that were parsed in slices."""

    def __init__(self, schemas: Schemas, schema: Mapping[str, Any]) -> None:
        self.schemas = schemas
        self.root = as_draft4(schema)
        self._compiled: dict[int, jsonschema_rs.Draft4Validator] = {}
        self._derived: dict[tuple[int, str], Any] = {}

    def find_failure(self, sliced: Sliced) -> Failure | None:
        """What is wrong with the value, or None."""
        found = self._value(self.root, sliced.value, sliced.cuts)
        if not found:
            return None
        shrunk = Shrunk(sliced, [failure.path for failure in found])
        failure = find_failure(self._validator(self.root), shrunk.value)
        return found[0] if failure is None else shrunk.restored(failure)

    def _value(self, schema: Any, value: Any, cuts: Cuts) -> Failures:
        if id(value) not in cuts or not isinstance(schema, Mapping) or "patternProperties" in schema:
            return self._whole(schema, value)
        schema = self.schemas.follow(schema)
        found = self._container(self._derive(schema, "container"), value)
        if not found:
            children = self._array if isinstance(value, list) else self._object
            found = children(schema, value, cuts)
        return found or self._combined(schema, value, cuts)

    def _whole(self, schema: Any, value: Any) -> Failures:
        if not schema:
            return []
        validator = self._validator(schema)
        return [] if validator.is_valid(value) else [find_failure(validator, value) or INVALID]

    def _container(self, schema: Any, value: Any) -> Failures:
        """As `_whole`, where only the container counts: an error would copy all that is in it."""
        validator = self._validator(schema)
        if validator.is_valid(value):
            return []
        hollow = dict.fromkeys(value) if isinstance(value, dict) else [None] * len(value)
        return [find_failure(validator, hollow) or INVALID]

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

    def _array(self, schema: Mapping[str, Any], value: list[Any], cuts: Cuts) -> Failures:
        items = schema.get("items")
        if not items:
            return []
        for start, end in pairwise(cuts[id(value)]):
            if end - start == 1:
                found = [failure.below((start,)) for failure in self._value(items, value[start], cuts)]
            else:
                found = self._whole(self._derive(schema, "array"), value[start:end])
                found = [failure.moved(start) for failure in found]
            if found:
                return found
        return []

    def _object(self, schema: Mapping[str, Any], value: dict[str, Any], cuts: Cuts) -> Failures:
        declared = schema.get("properties", {})
        others = schema.get("additionalProperties")
        others = others if isinstance(others, Mapping) else None
        for name in sorted(value, key=lambda each: id(value[each]) in cuts):  # what is small, tags too, comes first
            found = self._value(declared.get(name, others), value[name], cuts)
            if found:
                return [failure.below((name,)) for failure in found]
        return []

    def _combined(self, schema: Mapping[str, Any], value: Any, cuts: Cuts) -> Failures:
        for branch in schema.get("allOf", ()):
            found = self._value(branch, value, cuts)
            if found:
                return found
        for word in ("anyOf", "oneOf"):
            if word not in schema:
                continue
            results = [self._value(branch, value, cuts) for branch in schema[word]]
            fitting = results.count([])
            if fitting == 0:
                return [failure for found in results for failure in found]
            if word == "oneOf" and fitting > 1:
                return [Failure((), "of exactly one of the declared kinds")]
        if "not" in schema and not self._value(schema["not"], value, cuts):
            return [Failure((), "something else")]
        return []


def container_part(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a schema says about a container without looking into it."""
    part = {word: value for word, value in schema.items() if word not in DESCENDING}
    if "properties" in part:
        part["properties"] = {name: {} for name in part["properties"]}
    if part.get("additionalProperties") is not False:
        part.pop("additionalProperties", None)
    return part


class Shrunk:
    """A large value with nothing left in its cut arrays but what failed: small enough to be explained like any other.

    `paths` are the places that failed, in any branch of any union; what is small is kept whole.
    """

    def __init__(self, sliced: Sliced, paths: Sequence[Path]) -> None:
        self._cuts = sliced.cuts
        self._kept: dict[int, list[int]] = {}
        self.value = self._shrink(sliced.value, paths)

    def _shrink(self, value: Any, paths: Sequence[Path]) -> Any:
        if id(value) not in self._cuts:
            return value
        if isinstance(value, dict):
            return {name: self._shrink(member, _below(paths, name)) for name, member in value.items()}
        kept = sorted({0, *(int(path[0]) for path in paths if path)})
        shrunk = [self._shrink(value[index], _below(paths, index)) for index in kept if index < len(value)]
        self._kept[id(shrunk)] = kept
        return shrunk

    def restored(self, failure: Failure) -> Failure:
        """A failure of the shrunk value, with the places of the whole one."""
        node, path = self.value, []
        for number, part in enumerate(failure.path):
            kept = self._kept.get(id(node))
            path.append(part if kept is None else kept[int(part)])
            if number + 1 < len(failure.path):
                node = node[part]
        return Failure(tuple(path), failure.expected, failure.missing)


def _below(paths: Sequence[Path], part: str | int) -> list[Path]:
    return [path[1:] for path in paths if path and path[0] == part]
