"""What a JSON Schema describes, made concrete: its alternatives, values worth trying, whole specimens.

Understands what the contract (OpenAPI 3.0) and the neutral schema (2020-12) use: `$ref` into the same document,
`allOf`, `oneOf`/`anyOf`, members that exclude each other (`properties` with `oneOf: [{required: [a]}, …]`), `const`,
`enum`, `x-extensible-enum` (an open set), `not: {enum}` (anything but these), bounds, `default`, `example`, `examples`
and `x-examples`. Null is nowhere a value. A schema that contains itself is followed once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

STRANGE = "x-unheard-of"
OTHER = "x-unheard-of-either"
EMPTY: list[Any] = [None, "", [], {}]

INHERITED = ("default", "x-loss", "x-loss-advice", "x-same-as")
UNIONS = ("oneOf", "anyOf")
DEEPEST = 24


class EndlessError(Exception):
    """A specimen would contain itself."""


class Schemas:
    """One document of schemas. Alternatives are remembered, so that equal places give the very same objects."""

    def __init__(self, document: Schema) -> None:
        self.document = document
        self.branches_of: dict[int, tuple[Schema, list[Schema]]] = {}    # holds the schema too: its id stays its own
        self.specimens: dict[tuple[int, bool, bool], Any] = {}

    # ---- alternatives ---------------------------------------------------------------------------------------------

    def resolve(self, schema: Schema) -> Schema:
        """Without `$ref` and `allOf` at its top; what stands beside them wins."""
        if "$ref" in schema:
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            return combined(self.resolve(self.target(schema["$ref"])), rest)
        if "allOf" in schema:
            whole: Schema = {}
            for part in schema["allOf"]:
                whole = combined(whole, self.resolve(part))
            return combined(whole, {key: value for key, value in schema.items() if key != "allOf"})
        return schema

    def target(self, reference: str) -> Schema:
        place: Any = self.document
        for step in reference.removeprefix("#").split("/")[1:]:
            place = place[step.replace("~1", "/").replace("~0", "~")]
        assert isinstance(place, dict)
        return place

    def branches(self, schema: Schema) -> list[Schema]:
        """The alternatives of a schema, flat, without null; a schema without alternatives is its own only one."""
        known = self.branches_of.get(id(schema))
        if known is None:
            resolved = self.resolve(schema)
            known = self.branches_of.get(id(resolved)) or (resolved, list(self.split(resolved)))
            self.branches_of[id(resolved)] = known
            self.branches_of[id(schema)] = (schema, known[1])
        return known[1]

    def split(self, schema: Schema) -> Iterator[Schema]:
        union = next((word for word in UNIONS if schema.get(word)), None)
        if union is None:
            kinds = schema.get("type")
            if isinstance(kinds, list):
                yield from ({**schema, "type": kind} for kind in kinds if kind != "null")
            elif kinds != "null":
                yield schema
        elif "properties" in schema:
            yield from exclusive(schema, schema[union])
        else:
            handed = {key: schema[key] for key in INHERITED if key in schema}
            for one in schema[union]:
                for branch in self.branches(one):
                    yield {**handed, **branch} if handed else branch

    # ---- values and specimens -------------------------------------------------------------------------------------

    def specimen(self, schema: Schema, rich: bool, second: bool) -> Any:
        """`rich`: with all its members, else with the required ones only; of first values or of `second` ones."""
        return self.made(self.chosen(schema, second), rich, second, ())

    def chosen(self, schema: Schema, second: bool) -> Schema:
        """The alternative that stands for all: the first one, or the second one if it is of a known kind."""
        branches = self.branches(schema)
        return branches[1] if second and len(branches) > 1 and not unheard_of(branches[1]) else branches[0]

    def made(self, branch: Schema, rich: bool, second: bool, inside: tuple[int, ...]) -> Any:
        key = (id(branch), rich, second)
        if key in self.specimens:
            return self.specimens[key]
        if id(branch) in inside:
            raise EndlessError
        value = self.make(branch, rich, second, (*inside, id(branch)))
        if not inside:
            self.specimens[key] = value
        return value

    def make(self, branch: Schema, rich: bool, second: bool, inside: tuple[int, ...]) -> Any:
        if branch.get("type") == "array":
            try:
                return [self.made(self.branches(branch.get("items", {}))[0], rich, second, inside)]
            except EndlessError:
                return []
        if not structured(branch):
            tried = values(branch)
            return tried[1 if second and len(tried) > 1 else 0]
        found = {}
        for key, member in branch.get("properties", {}).items():
            needed = key in branch.get("required", ())
            if rich or needed:
                try:
                    found[key] = self.made(self.chosen(member, second), rich, second, inside)
                except EndlessError:
                    if needed:
                        raise
        more = branch.get("additionalProperties")
        if not branch.get("properties") and isinstance(more, dict) and more:
            found["t" if second else "s"] = self.made(self.chosen(more, second), rich, second, inside)
        return found


    def variants(self, branch: Schema, inside: tuple[int, ...] = ()) -> list[Any]:
        """Specimens with all members set, in which each alternative and each tried value below occurs at least once;
        the first is the rich specimen of first values."""
        if id(branch) in inside or len(inside) > DEEPEST:
            return []
        inside = (*inside, id(branch))
        if branch.get("type") == "array":
            return [[one] for one in self.all_variants(branch.get("items", {}), inside)] or [[]]
        if not structured(branch):
            return values(branch)
        base = self.specimen(branch, True, False)
        found = [base]
        for key, member in branch.get("properties", {}).items():
            found += [{**base, key: one} for one in self.all_variants(member, inside)[1:]]
        return found

    def all_variants(self, schema: Schema, inside: tuple[int, ...]) -> list[Any]:
        return [one for branch in self.branches(schema) for one in self.variants(branch, inside)]


def combined(below: Schema, above: Schema) -> Schema:
    """Two schemas that both hold, as one: members and required names add up, else the one above wins."""
    if not above:
        return below
    whole = {**below, **above}
    if "properties" in below and "properties" in above:
        whole["properties"] = {**below["properties"], **above["properties"]}
    if "required" in below and "required" in above:
        whole["required"] = list(dict.fromkeys([*below["required"], *above["required"]]))
    return whole


def exclusive(schema: Schema, rivals: list[Schema]) -> Iterator[Schema]:
    """An object whose alternatives say only which members are required: one schema for each, without the others."""
    exclusive_names = {name for one in rivals for name in one.get("required", ())}
    for one in rivals:
        wanted = one.get("required", [])
        members = {k: v for k, v in schema["properties"].items() if k not in exclusive_names or k in wanted}
        rest = {key: value for key, value in schema.items() if key not in UNIONS}
        yield {**rest, "properties": members, "required": [*schema.get("required", []), *wanted]}


def structured(branch: Schema) -> bool:
    """Whether it is an object with a form of its own; one that takes anything is a value like a text."""
    return bool(branch.get("properties")) or bool(isinstance(branch.get("additionalProperties"), dict)
                                                  and branch["additionalProperties"])


def unheard_of(branch: Schema) -> bool:
    """Whether it is the open end of a union: any kind but the known ones."""
    return any("enum" in member.get("not", {}) for member in branch.get("properties", {}).values())


def closed_values(branch: Schema) -> list[Any] | None:
    """All values of a closed set; None if the set is open."""
    if "const" in branch:
        return [branch["const"]]
    if "enum" in branch:
        return [value for value in branch["enum"] if value is not None]
    if branch.get("type") == "boolean":
        default = bool(branch.get("default"))
        return [not default, default]
    return None


def values(branch: Schema) -> list[Any]:
    """What is tried: all of a closed set; of an open one two that differ at least, and nought where it is allowed."""
    closed = closed_values(branch)
    if closed is not None:
        return closed
    if "x-extensible-enum" in branch:
        return [*(value for value in branch["x-extensible-enum"] if value is not None), STRANGE, OTHER]
    if "enum" in branch.get("not", {}):
        return [STRANGE, OTHER]
    examples = branch.get("x-examples") or branch.get("examples")
    if isinstance(examples, list) and len(examples) > 1:
        return [*examples, *([0] if number(branch) and allowed(0, branch) and 0 not in examples else [])]
    if number(branch):
        return numbers(branch)
    if branch.get("type") == "object":
        return [{"s": 1}, {"t": 2}]
    if "example" in branch and isinstance(branch["example"], str):
        return [branch["example"], branch["example"] + "x"]
    if branch.get("format") in ("byte", "base64") or branch.get("contentEncoding") == "base64":
        return ["AAAA", "BBBB"]
    length = branch.get("minLength", 1)
    return ["s" * length, "t" * length]


def number(branch: Schema) -> bool:
    return branch.get("type") in ("integer", "number")


def allowed(value: float, branch: Schema) -> bool:
    low, high = branch.get("minimum", -math.inf), branch.get("maximum", math.inf)
    above, below = branch.get("exclusiveMinimum", False), branch.get("exclusiveMaximum", False)
    if isinstance(above, bool):                             # draft 4 says it beside the bound
        above = low if above else -math.inf
    if isinstance(below, bool):
        below = high if below else math.inf
    return bool(low <= value <= high and above < value < below)


def numbers(branch: Schema) -> list[float]:
    """Some over the range that the bounds allow, so that a narrower one shows; and nought where it is allowed."""
    low, high = branch.get("minimum"), branch.get("maximum")
    whole = branch.get("type") == "integer"
    if low is not None and high is not None:
        candidates = [low + (high - low) * quarter / 4 for quarter in (1, 2, 3, 4)]
    elif low is not None and low >= 1000:
        candidates = [low + 3, low + 5]
    else:
        candidates = [4096, 8192] if whole else [0.5, 1, 1.5, 2]
    if whole:
        candidates = [int(value) for value in candidates]
    fitting = [value for value in dict.fromkeys(candidates) if value != 0 and allowed(value, branch)]
    return [*(fitting or [low or high or 1]), *([0] if allowed(0, branch) else [])]


def tags(branch: Schema) -> dict[str, Any]:
    """The required members that have one value only: they tell the kinds of a union apart."""
    found = {}
    for key, member in branch.get("properties", {}).items():
        if key in branch.get("required", ()):
            only = [member["const"]] if "const" in member else member.get("enum", ())
            if len(only) == 1:
                found[key] = only[0]
    return found


def choices(branch: Schema) -> dict[str, list[Any]]:
    """The required members that have few values only: one for most kinds, or the versions of a tool."""
    found = {}
    for key, member in branch.get("properties", {}).items():
        if key in branch.get("required", ()) and ("const" in member or "enum" in member):
            found[key] = closed_values(member) or []
    return found


def form(branch: Schema) -> str | None:
    """The JSON type of a branch; None if it takes any."""
    if "type" in branch:
        return str(branch["type"])
    if branch.get("properties"):
        return "object"
    some = next(iter(closed_values(branch) or ()), None)
    return {str: "string", bool: "boolean", int: "integer", float: "number"}.get(type(some))
