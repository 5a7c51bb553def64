"""Bodies made from a schema of the contract: valid ones through every branch, and ones that break one thing at a time.

A place is a schema object that a request can reach, with the way to it. Building along the way puts a chosen value at
the place and something valid everywhere else, so that a refusal can only be about the chosen value.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from handlers.engine.contract.document import follow

Schema = dict[str, Any]
Step = tuple[str, Any]
Constraint = tuple[str, Any]

UNHEARD_OF = "x-unheard-of"
DEEPEST = 7
ALIENS = (5, 1.5, True, "text", [], {}, None, [[]], {UNHEARD_OF: 1})
"""One value of each kind, for members that want another kind."""
KINDS = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


@dataclass(frozen=True)
class Place:
    """Where in a request a schema object applies. `chooses` marks the tag of a union that has an open branch."""

    label: str
    schema: Schema
    route: tuple[Step, ...]
    chooses: bool = False

    @property
    def is_branch(self) -> bool:
        return bool(self.route) and self.route[-1][0] == "branch"


@dataclass(frozen=True)
class Broken:
    """A body in which one constraint is broken at one place, and the path of what is wrong."""

    place: Place
    constraint: Constraint
    body: Any
    path: tuple[str | int, ...]

    @property
    def without_tag(self) -> bool:
        """Whether it is a tag that is missing: then another branch may have been meant, one that needs none."""
        return self.constraint[0] == "required" and self.place.is_branch and self.constraint[1] in ("type", "role")


class Bodies:
    """Values for the schemas of one document. The same seed gives the same values."""

    def __init__(self, document: dict[str, Any], seed: int) -> None:
        self.document = document
        self.random = random.Random(seed)

    # ---- places -----------------------------------------------------------------------------------------------

    def places(self, name: str) -> list[Place]:
        """Every schema object below the component `name`, each once, by its first way."""
        seen: set[int] = set()
        found: list[Place] = []
        waiting = [Place(name, self.document["components"]["schemas"][name], ())]
        while waiting:
            place = waiting.pop(0)
            schema = follow(self.document, place.schema)
            if id(schema) in seen:
                continue
            seen.add(id(schema))
            found.append(Place(place.label, schema, place.route, place.chooses))
            waiting.extend(self.below(schema, place))
        return found

    def below(self, schema: Schema, place: Place) -> Iterator[Place]:
        tag = self.tag(schema.get("oneOf", ()))
        for index, branch in enumerate(schema.get("oneOf", ())):
            named = branch.get("$ref", f"/{index}").rsplit("/", 1)[1]
            yield Place(f"{place.label}|{named}", branch, (*place.route, ("branch", index)))
            tags = follow(self.document, branch).get("properties", {})
            if tag in tags:
                yield Place(
                    f"{place.label}|{named}.{tag}", tags[tag],
                    (*place.route, ("branch", index), ("member", tag)), chooses=True,
                )  # fmt: skip
        for member, below in schema.get("properties", {}).items():
            yield Place(f"{place.label}.{member}", below, (*place.route, ("member", member)))
        if isinstance(schema.get("additionalProperties"), dict) and schema["additionalProperties"]:
            yield Place(f"{place.label}.*", schema["additionalProperties"], (*place.route, ("member", UNHEARD_OF)))
        if "items" in schema:
            yield Place(f"{place.label}[]", schema["items"], (*place.route, ("item", None)))

    def tag(self, branches: Any) -> str | None:
        """The member by which an open union is told apart: the one whose known values its open branch excludes."""
        for branch in branches:
            for name, member in follow(self.document, branch).get("properties", {}).items():
                if "not" in member:
                    return str(name)
        return None

    def constraints(self, place: Place) -> Iterator[Constraint]:
        """What a value at this place can break."""
        schema = place.schema
        for word in ("type", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern"):
            if word in schema:
                yield word, schema[word]
        for name in schema.get("required", ()):
            yield "required", name
        if "enum" in schema and not place.chooses:
            yield "enum", None
        if schema.get("additionalProperties") is False:
            yield "additionalProperties", None

    # ---- values -----------------------------------------------------------------------------------------------

    def valid(self, schema: Schema, depth: int = 0) -> Any:
        """A random valid value."""
        schema = follow(self.document, schema)
        if schema.get("nullable") and self.random.random() < 0.05:
            return None
        if "oneOf" in schema:
            return self.valid(self.random.choice(schema["oneOf"]), depth)
        kind = schema.get("type")
        if kind == "object":
            return self.object(schema, depth)
        if kind == "array":
            least = schema.get("minItems", 0)
            most = min(schema.get("maxItems", least + 2), least + 2)
            count = least if depth > DEEPEST else self.random.randint(least, most)
            return [self.valid(schema["items"], depth + 1) for _ in range(count)]
        return self.scalar(schema)

    def object(self, schema: Schema, depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        chance = 0.0 if depth > DEEPEST else 0.3 / (1 + depth)
        value = {
            name: self.valid(member, depth + 1)
            for name, member in schema.get("properties", {}).items()
            if name in required or self.random.random() < chance
        }
        others = schema.get("additionalProperties", True)
        if others is not False and self.random.random() < 0.1:
            value[UNHEARD_OF] = self.valid(others, depth + 1) if isinstance(others, dict) and others else {"a": [None]}
        return value

    def scalar(self, schema: Schema) -> Any:
        if "enum" in schema:
            return self.random.choice([each for each in schema["enum"] if each is not None])
        if "x-extensible-enum" in schema:
            return self.random.choice([*schema["x-extensible-enum"], UNHEARD_OF])
        kind = schema.get("type")
        if kind == "integer":
            least = schema.get("minimum", 0)
            return self.random.randint(least + 1, min(schema.get("maximum", least + 50), least + 50))
        if kind == "number":
            return self.random.uniform(schema.get("minimum", 0), schema.get("maximum", 1))
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind is None and "not" not in schema:
            return self.random.choice(ALIENS)
        if "not" in schema:
            return UNHEARD_OF
        if "pattern" in schema:
            return "name_1"
        return "text ✓"[: schema.get("maxLength", 9)].ljust(schema.get("minLength", 0), "x")

    # ---- building ---------------------------------------------------------------------------------------------

    def along(self, schema: Schema, route: tuple[Step, ...], leaf: Callable[[Schema], Any], depth: int = 0) -> Any:
        """A value that is valid but for what `leaf` makes of the schema at the end of `route`."""
        schema = follow(self.document, schema)
        if not route:
            return leaf(schema)
        (step, which), rest = route[0], route[1:]
        if step == "branch":
            return self.along(schema["oneOf"][which], rest, leaf, depth)
        if step == "item":
            least = max(0, schema.get("minItems", 0) - 1)
            return [
                *(self.valid(schema["items"], depth + 1) for _ in range(least)),
                self.along(schema["items"], rest, leaf, depth + 1),
            ]
        members = self.object(schema, depth)
        below = schema.get("properties", {}).get(which, schema.get("additionalProperties"))
        members[which] = self.along(below, rest, leaf, depth + 1)
        return members

    def path(self, schema: Schema, route: tuple[Step, ...]) -> tuple[str | int, ...]:
        """Where in a body the end of `route` stands, in a body that `along` has built."""
        path: list[str | int] = []
        for step, which in route:
            schema = follow(self.document, schema)
            if step == "branch":
                schema = schema["oneOf"][which]
            elif step == "item":
                path.append(max(0, schema.get("minItems", 0) - 1))
                schema = schema["items"]
            else:
                path.append(which)
                schema = schema.get("properties", {}).get(which, schema.get("additionalProperties"))
        return tuple(path)

    def breaking(self, constraint: Constraint, schema: Schema) -> list[Any]:
        """Values that break one constraint of a schema, most promising first."""
        word, detail = constraint
        if word == "type":
            kind = KINDS[detail]
            fits = [each for each in ALIENS if isinstance(each, kind) and (detail == "boolean" or each is not True)]
            return [each for each in ALIENS if each not in fits and not (each is None and schema.get("nullable"))]
        if word == "required":
            value = self.object(schema, 1)
            value.pop(detail, None)
            return [value]
        if word == "enum":
            return [UNHEARD_OF, "", 5]
        if word == "additionalProperties":
            return [{**self.object(schema, 1), UNHEARD_OF: 1}]
        if word in ("minimum", "maximum"):
            return [detail - 1 if word == "minimum" else detail + 1]
        if word in ("minLength", "maxLength"):
            return ["x" * (detail - 1 if word == "minLength" else detail + 1)]
        if word in ("minItems", "maxItems"):
            count = detail - 1 if word == "minItems" else detail + 1
            return [[self.valid(schema["items"], 2) for _ in range(count)]]
        return ["", "!", " ✓ ", "a\nb"]

    def broken(self, name: str, is_valid: Callable[[Any], bool]) -> list[Broken]:
        """Each constraint of the component `name` broken once, at each of its places."""
        root = self.document["components"]["schemas"][name]
        found = []
        for place in self.places(name):
            for constraint in self.constraints(place):
                candidates = (
                    self.along(root, place.route, lambda _, value=value: value)
                    for value in self.breaking(constraint, place.schema)
                )
                body = next((each for each in candidates if not is_valid(each)), None)
                assert body is not None, f"nothing breaks {constraint} at {place.label}"
                member = (constraint[1],) if constraint[0] == "required" else ()
                found.append(Broken(place, constraint, body, (*self.path(root, place.route), *member)))
        return found

    def mutated(self, value: Any) -> Any:
        """A copy of a value with one thing changed somewhere: removed, replaced by another kind, or doubled."""
        if isinstance(value, dict) and value and self.random.random() < 0.85:
            name = self.random.choice(list(value))
            copy = dict(value)
            copy[name] = self.mutated(value[name])
            if copy[name] is value[name] or self.random.random() < 0.1:
                del copy[name]
            return copy
        if isinstance(value, list) and value and self.random.random() < 0.8:
            index = self.random.randrange(len(value))
            return [*value[:index], self.mutated(value[index]), *value[index + 1 :]]
        return self.random.choice([*ALIENS, value, -1, 10**9, "", [value], {"type": value}, 0.0])
