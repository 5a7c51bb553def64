"""What a dialect's bodies look like, and the neutral form: for each template what it is given and what it must make.

A dialect says where its schemas are (`schemas:` of its entry): names of components of the contract, or `file#/pointer`
in the home or beside what is bundled. What it does not say is not checked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any

import jsonschema_rs
import yaml

from ..configuration import Configuration
from ..contract import load_document
from ..contract.explaining import Failure, find_failures
from ..contract.schemas import Schemas as ContractSchemas
from ..dialects import Dialect
from ..losses.schemas import client_schema, neutral_document, neutral_schema
from ..losses.specimens import DEEPEST, STRANGE, EndlessError, Schema, Schemas
from ..pointers import parse_pointer
from ..problems import Problems
from ..resources import BUNDLED

MOST_SPECIMENS = 4000
Required = dict[str, tuple[str, ...]]
GUARANTEED: dict[str, Required] = {
    "response": {"response": ("id", "model", "created", "parts", "finish_reason")},
    "error": {"error": ("type", "message", "status")},
}
"""What a neutral value has by the time a writer sees it: the engine fills in what a reader left out."""
NEEDED: dict[str, Required] = {"response": {"response": ("finish_reason",), "tool_call": ("type", "name")}}
"""What a reader must give where the schema asks for more: the engine knows id and model, and makes ids for calls."""


class Body:
    """One kind of value: its schema, a validator, specimens. `name` is what people call it."""

    def __init__(self, name: str, schema: dict[str, Any], validator: Any) -> None:
        self.name = name
        self.schema = schema
        self.validator = validator
        self.schemas = Schemas(schema)

    @cached_property
    def specimens(self) -> list[Any]:
        """Values in which every alternative occurs, with all members, and with the required ones alone; valid ones."""
        made = [*lean_variants(self.schemas, self.schema), *self.schemas.all_variants(self.schema, ())]
        return [value for value in map(recognizable, made[:MOST_SPECIMENS]) if self.validator.is_valid(value)]

    def failures(self, value: Any) -> list[Failure]:
        """All that is wrong with a value."""
        try:
            return [] if self.validator.is_valid(value) else find_failures(self.validator, value)
        except ValueError:
            return [Failure((), "a value of JSON")]


def lean_variants(schemas: Schemas, schema: Schema, inside: tuple[int, ...] = ()) -> Iterator[Any]:
    """Values in which one place, at any depth, has its required members only, and everything else all of them."""
    for branch in schemas.branches(schema):
        if id(branch) in inside or len(inside) > DEEPEST:
            continue
        within = (*inside, id(branch))
        if branch.get("type") == "array":
            yield from ([one] for one in lean_variants(schemas, branch.get("items", {}), within))
        elif "properties" in branch:
            with contextlib.suppress(EndlessError):
                yield schemas.made(branch, False, False, ())
                full = schemas.made(branch, True, False, ())
                for name, member in branch["properties"].items():
                    yield from ({**full, name: one} for one in lean_variants(schemas, member, within))


def recognizable(value: Any) -> Any:
    """A block that only its own family understands needs a type (or role) by which it is seen to be one."""
    if isinstance(value, list):
        return [recognizable(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {name: recognizable(one) for name, one in value.items()}
    if "dialect" in found and isinstance(found.get("data"), dict):
        found["data"] = {"type": STRANGE, "role": STRANGE, **found["data"]}
    return found


@cache
def neutral(name: str, family: str, which: str = "") -> Body:
    """A value of the neutral conversation: as a writer is `given` it, or as a reader must have `made` it."""
    document = neutral_document()
    definitions = dict(document["$defs"])
    names = GUARANTEED if which == "given" else NEEDED if which == "made" else {}
    for member, required in names.get(name, {}).items():
        definitions[member] = {**definitions[member], "required": list(required)}
    document = {"$defs": definitions}
    strict = {"$ref": f"#/$defs/{name}", "$defs": definitions}
    return Body(f"the neutral {name.replace('_', ' ')}", neutral_schema(document, name, family),
                jsonschema_rs.Draft202012Validator(strict))  # fmt: skip


@cache
def contract() -> tuple[dict[str, Any], ContractSchemas]:
    document = load_document(BUNDLED / "openapi" / "openapi.yaml")
    return document, ContractSchemas(document)


class Speech:
    """The bodies of one dialect. `problems` are those of its `schemas:`."""

    def __init__(self, dialect: Dialect, configuration: Configuration) -> None:
        self.dialect = dialect
        self.resources = configuration.resources
        self.problems = Problems()
        self.own = {what: body for what, where in dialect.schemas.items() if (body := self.body(what, where))}

    def body(self, what: str, where: str) -> Body | None:
        """The body that `schemas:` names."""
        try:
            file, _, pointer = where.partition("#")
            if "#" not in where and not where.endswith((".yaml", ".yml", ".json")):
                document, schemas = contract()
                schema = client_schema(document, where)
                return Body(where, schema, schemas.compile({"$ref": schema["$ref"]}))
            document = yaml.safe_load(self.resources.find(file).read_text("utf-8"))
            place: Any = document
            for step in parse_pointer(pointer):
                place = place[step]
            schema = {**document, "$ref": f"#{pointer}"} if pointer else document
            return Body(where, schema, jsonschema_rs.validator_for(schema))
        except (KeyError, TypeError, OSError, ValueError, yaml.YAMLError) as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            sentence = f"dialects.{self.dialect.name}.schemas.{what}: {where!r} cannot be read ({reason})."
            hint = "Name a component of the contract, or file#/pointer."
            self.problems.error("P004", *self.dialect.places.get(("schemas", what), self.dialect.place), sentence, hint)
            return None

    def given(self, kind: str) -> Body | None:
        """What a template of this kind is given."""
        match kind:
            case "read_request":
                return self.own.get("request")
            case "read_response":
                return self.own.get("response")
            case "read_event":
                return self.own.get("event")
            case "read_error":
                return self.own.get("error")
            case "write_request":
                return neutral("request", self.dialect.family)
            case "write_response":
                return neutral("response", self.dialect.family, "given")
            case "write_event":
                return neutral("event", self.dialect.family)
            case _:
                return neutral("error", self.dialect.family, "given")

    def made(self, kind: str) -> Body | None:
        """What a template of this kind must make; for events, one element of what it makes."""
        match kind:
            case "write_request" | "write_response" | "write_error":
                return self.own.get(kind.removeprefix("write_"))
            case "write_event":
                return neutral("frame", self.dialect.family)
            case "read_event":
                return neutral("loose_event", self.dialect.family)
            case _:
                return neutral(kind.removeprefix("read_"), self.dialect.family, "made")
