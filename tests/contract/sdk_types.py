"""Compares the types of an official package with the contract: TypedDicts and pydantic models against components.

The walk goes through both at once. It notes what the package knows and the contract does not (members, words of a
vocabulary, kinds of a union, other types), and afterwards what the contract knows and the package does not.
"""

from __future__ import annotations

import collections.abc
import datetime
import io
import os
import types
from dataclasses import dataclass, field
from typing import IO, Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin

import pydantic
import typing_extensions
from contract.closed_view import is_open_branch
from contract.contract_specimens import name_of, resolve, schemas
from typing_extensions import ReadOnly, TypeAliasType, is_typeddict

Schema = dict[str, Any]

SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", datetime.datetime: "string"}
LISTS = (list, collections.abc.Iterable, collections.abc.Sequence)
MAPS = (dict, collections.abc.Mapping)
TAGS = ("type", "role", "object")


@dataclass
class Comparison:
    """What a walk has found. `beside` names unions that share their kinds with another one.

    `nulls`: whether an optional member must take null. In answers the packages cannot tell null from absent.
    """

    nulls: bool = True
    beside: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    seen: dict[str, set[str]] = field(default_factory=dict)
    words: dict[str, set[Any]] = field(default_factory=dict)
    done: set[tuple[str, str]] = field(default_factory=set)
    roots: set[str] = field(default_factory=set)

    def compare(self, type_: Any, component: str) -> Comparison:
        """Walk one pair of roots."""
        self.roots.add(component)
        self.visit(type_, {"$ref": f"#/components/schemas/{component}"}, component)
        return self

    @property
    def beyond(self) -> set[str]:
        """What the contract knows and the package does not: components, members and words."""
        components = {name for root in self.roots for name in reachable(root)} - self.seen.keys()
        members = {
            f"{component}.{name}"
            for component, known in self.seen.items()
            for name in schemas()[component].get("properties", {})
            if name not in known
        }
        words = {
            f"{place} = {word}"
            for place, known in self.words.items()
            for word in vocabulary(at(place)) or ()
            if word is not None and word not in known
        }
        return components | members | words

    # ---- the walk -------------------------------------------------------------------------------------------------

    def visit(self, type_: Any, schema: Schema, place: str) -> None:
        place = name_of(schema) or place
        schema = resolve(schema)
        options = [each for each in alternatives(type_) if not of_files(each)]
        words = [word for each in options if get_origin(each) is Literal for word in get_args(each)]
        if words:
            self.compare_words(words, schema, place, suggested=str in options)
        for each in options:
            if get_origin(each) is not Literal and each not in (Any, object):
                self.visit_one(each, schema, place)

    def visit_one(self, type_: Any, schema: Schema, place: str) -> None:
        if type_ is type(None):
            if self.nulls and not takes_null(schema):
                self.missing.add(f"{place}: null")
        elif is_structure(type_):
            self.visit_structure(type_, schema, place)
        elif get_origin(type_) in MAPS or type_ in MAPS:
            self.expect("object", schema, place)
        elif get_origin(type_) in LISTS or is_sequence_protocol(type_):
            array = self.expect("array", schema, place)
            if array and get_args(type_):
                self.visit(get_args(type_)[0], array["items"], f"{place}.*")
        elif type_ in SCALARS:
            self.expect(SCALARS[type_], schema, place)
        else:
            raise AssertionError(f"{place}: what is {type_}?")

    def expect(self, kind: str, schema: Schema, place: str) -> Schema | None:
        """The branch of a JSON type."""
        for branch in branches(schema):
            if branch.get("type") == kind or (kind == "integer" and branch.get("type") == "number"):
                return branch
        self.missing.add(f"{place}: {kind}")
        return None

    def compare_words(self, words: list[Any], schema: Schema, place: str, suggested: bool) -> None:
        """Literals; beside a plain `str` they are only suggestions, for example the names of models."""
        if isinstance(words[0], bool):
            self.expect("boolean", schema, place)
            return
        for branch in branches(schema):
            known = vocabulary(branch)
            if known is not None or branch.get("type") == "string":
                self.words.setdefault(self.place_of(branch, place), set()).update(words)
                if not suggested:
                    self.missing |= {f"{place} = {word}" for word in words if word not in (known or ())}
                return
        self.missing.add(f"{place}: words")

    def place_of(self, branch: Schema, place: str) -> str:
        return next((name for name, schema in schemas().items() if schema is branch), place)

    def visit_structure(self, type_: type, schema: Schema, place: str) -> None:
        fields = members(type_)
        for branch in branches(schema):
            if branch.get("type") == "object" and "properties" not in branch:   # a map, or anything
                if isinstance(branch.get("additionalProperties"), dict):
                    for name, each in fields.items():
                        self.visit(each, branch["additionalProperties"], f"{place}.{name}")
                return
        found = self.components_for(fields, schema, place)
        if not found:
            tag = next((name for name in TAGS if name in fields), None)
            self.missing.add(f"{place}: {literals(fields[tag])[0] if tag else type_.__name__}")
        for component in found:
            pair = (type_.__module__ + type_.__qualname__, component)
            if pair not in self.done:
                self.done.add(pair)
                self.seen.setdefault(component, set()).update(fields)
                properties = schemas()[component].get("properties", {})
                for name in fields.keys() & properties.keys():
                    self.visit(fields[name], properties[name], f"{component}.{name}")
        described = {name for component in found for name in schemas()[component].get("properties", {})}
        self.missing |= {f"{found[0]}.{name}" for name in fields.keys() - described if found}

    def components_for(self, fields: dict[str, Any], schema: Schema, place: str) -> list[str]:
        """The components that describe a structure: that of the same tag; without tags, all of them together."""
        found = object_branches(schema, place)
        if len(found) == 1 and "oneOf" not in schema:
            return [place]
        found = [name for name, one in found if matches(fields, one)]
        if not found and place in self.beside:
            other = self.beside[place]
            found = [name for name, one in object_branches(schemas()[other], other) if matches(fields, one)]
        return found


# ---- the contract's side --------------------------------------------------------------------------------------------


def branches(schema: Schema) -> list[Schema]:
    """The alternatives of a schema, flat, without the open one."""
    schema = resolve(schema)
    if "oneOf" not in schema:
        return [schema]
    return [one for each in schema["oneOf"] for one in branches(each) if not is_open_branch(one)]


def takes_null(schema: Schema) -> bool:
    """Whether null is valid, in whichever branch."""
    schema = resolve(schema)
    return bool(schema.get("nullable")) or any(takes_null(each) for each in schema.get("oneOf", ()))


def reachable(component: str) -> set[str]:
    """The components with members that a component leads to, without the open branches of unions."""
    found: set[str] = set()

    def visit(schema: Schema) -> None:
        name = name_of(schema)
        one = resolve(schema)
        if name in found or is_open_branch(one):
            return
        if name is not None and "properties" in one:
            found.add(name)
        for each in (*one.get("properties", {}).values(), *one.get("oneOf", ())):
            visit(each)
        for word in ("items", "additionalProperties"):
            if isinstance(one.get(word), dict):
                visit(one[word])

    visit({"$ref": f"#/components/schemas/{component}"})
    return found


def object_branches(schema: Schema, place: str) -> list[tuple[str, Schema]]:
    """The alternatives that are components of type object."""
    if schema.get("type") == "object":
        return [(place, schema)] if place in schemas() else []
    found = []
    for each in schema.get("oneOf", ()):
        name, one = name_of(each), resolve(each)
        if not is_open_branch(one):
            found += object_branches(one, name or place)
    return found


def matches(fields: dict[str, Any], schema: Schema) -> bool:
    """Whether a structure's tags are among those of a schema."""
    for tag in TAGS:
        known = vocabulary(schema.get("properties", {}).get(tag, {}))
        if tag in fields and known is not None and literals(fields[tag]) and not set(literals(fields[tag])) & set(known):
            return False
        if tag in schema.get("required", ()) and known is not None and tag not in fields:
            return False
    return True


def vocabulary(schema: Schema) -> list[Any] | None:
    """The known words of a string, open or closed."""
    return schema.get("enum") or schema.get("x-extensible-enum")


def at(place: str) -> Schema:
    """The schema at `Component`, `Component.member`, or in the array there (`.*`)."""
    name, *steps = place.split(".")
    schema = schemas()[name]
    for step in steps:
        schema = resolve(schema["items"] if step == "*" else schema["properties"][step])
    return next((branch for branch in branches(schema) if vocabulary(branch)), schema)


# ---- the package's side ---------------------------------------------------------------------------------------------


def alternatives(type_: Any) -> list[Any]:
    """The members of a union, flat, without what is said around them."""
    origin = get_origin(type_)
    if isinstance(type_, TypeAliasType):
        return alternatives(type_.__value__)
    if origin in (Annotated, Required, NotRequired, ReadOnly):
        return alternatives(get_args(type_)[0])
    if origin in (Union, types.UnionType):
        return [one for each in get_args(type_) for one in alternatives(each)]
    return [type_]


def is_structure(type_: Any) -> bool:
    return is_typeddict(type_) or (isinstance(type_, type) and issubclass(type_, pydantic.BaseModel))


def is_sequence_protocol(type_: Any) -> bool:
    return getattr(get_origin(type_), "__name__", "") == "SequenceNotStr"


def of_files(type_: Any) -> bool:
    """Whether a type stands for a file on disk, which the packages turn into text before they send it."""
    origin = get_origin(type_) or type_
    return isinstance(origin, type) and issubclass(origin, (os.PathLike, io.IOBase, IO))


def members(type_: type) -> dict[str, Any]:
    """The members of a structure as they are named on the wire, with their types."""
    if is_typeddict(type_):
        return dict(typing_extensions.get_type_hints(type_, include_extras=True))
    type_.model_rebuild()  # type: ignore[attr-defined]
    fields = type_.model_fields  # type: ignore[attr-defined]
    return {each.alias or name: each.annotation for name, each in fields.items()}


def literals(type_: Any) -> list[Any]:
    """The words of a literal type, without null."""
    return [word for each in alternatives(type_) if get_origin(each) is Literal for word in get_args(each)]
