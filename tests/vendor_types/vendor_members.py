"""The members that vendors' own types have, as edges: `usage.prompt_tokens` is the member of what stands under `usage`.

Edges instead of whole paths, because types of messages contain themselves. A member of the root stands alone: `model`.
A kind is an edge with a value: `content=image_url` is what `content[].type` may be.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import pydantic
import typing_extensions

KINDS = ("type", "role")
"""Members whose literal values tell kinds of objects apart."""

Members = Mapping[str, Any]


def edge(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name


class Vocabulary:
    """Collects edges and kinds from types. `edges` and `kinds` are what it has found."""

    def __init__(self) -> None:
        self.edges: set[str] = set()
        self.kinds: set[str] = set()
        self._seen: set[tuple[str, Any]] = set()

    def add(self, parent: str, member_types: Members) -> None:
        """The members of one object, by the name each has on the wire."""
        for name, member_type in member_types.items():
            self.edges.add(edge(parent, name))
            if name in KINDS:
                self.kinds |= {f"{parent}={value}" for value in literals(member_type)}
            self.follow(name, member_type)

    def follow(self, name: str, member_type: Any) -> None:
        """What can stand under a name: alternatives, elements and values of maps all count as the thing itself."""
        for part in parts(member_type):
            if (name, part) in self._seen:
                continue
            self._seen.add((name, part))
            found = members_of(part)
            if found is not None:
                self.add(name, found)


def parts(member_type: Any) -> Iterable[Any]:
    """The classes a type is put together from."""
    if isinstance(member_type, typing.TypeAliasType if hasattr(typing, "TypeAliasType") else ()):
        member_type = member_type.__value__
    if isinstance(member_type, typing_extensions.TypeAliasType):
        member_type = member_type.__value__
    arguments = typing.get_args(member_type)
    if typing.get_origin(member_type) is Literal:
        return
    if not arguments:
        yield member_type
        return
    first = typing.get_origin(member_type)
    if first is typing.Annotated:
        arguments = arguments[:1]
    elif isinstance(first, type) and issubclass(first, dict | Mapping):
        return  # names that the user chooses, such as those of metadata
    for argument in arguments:
        yield from parts(argument)


def literals(member_type: Any) -> set[str]:
    if typing.get_origin(member_type) is Literal:
        return {value for value in typing.get_args(member_type) if isinstance(value, str)}
    return {value for argument in typing.get_args(member_type) for value in literals(argument)}


def members_of(part: Any) -> Members | None:
    """The members of a class that stands for an object of the wire; None for any other."""
    if not isinstance(part, type):
        return None
    if typing_extensions.is_typeddict(part):
        return {alias_in(hint) or name: hint for name, hint in hints(part).items()}
    if issubclass(part, pydantic.BaseModel):
        return model_members(part)
    return None


def model_members(model: type[pydantic.BaseModel]) -> Members:
    resolved = hints(model)
    found = {}
    for name, field in model.model_fields.items():
        hint = resolved.get(name, field.annotation)
        found[field.serialization_alias or field.alias or alias_in(hint) or name] = hint
    return found


def hints(owner: Any) -> dict[str, Any]:
    try:
        return typing_extensions.get_type_hints(owner, include_extras=True)
    except NameError:  # names imported for type checkers alone
        return dict(inspect.get_annotations(owner))


def alias_in(hint: Any) -> str | None:
    """The wire's name, where the SDK keeps it beside the annotation."""
    for note in getattr(hint, "__metadata__", ()):
        alias = getattr(note, "alias", None)
        if isinstance(alias, str):
            return alias
    if typing.get_origin(hint) in (
        typing_extensions.Required,
        typing_extensions.NotRequired,
        typing.Union,
        types.UnionType,
    ):
        return next((alias for inner in typing.get_args(hint) if (alias := alias_in(inner))), None)
    return None


def of_types(*roots: Any) -> Vocabulary:
    """The vocabulary of several types whose members all stand at the root."""
    vocabulary = Vocabulary()
    for root in roots:
        for part in parts(root):
            vocabulary.add("", members_of(part) or {})
    return vocabulary


def of_members(members: Members) -> Vocabulary:
    vocabulary = Vocabulary()
    vocabulary.add("", members)
    return vocabulary


def of_shape(shape: Any, *, events: bool = False) -> Vocabulary:
    """That of a shape of botocore's service models. Of a stream, the members are kinds of events: their names travel
    in a header."""
    vocabulary = Vocabulary()
    if events:
        for name, member in shape.members.items():
            vocabulary.kinds.add(f"={name}")
            _shape("", member, vocabulary, set())
    else:
        _shape("", shape, vocabulary, set())
    return vocabulary


def _shape(name: str, shape: Any, vocabulary: Vocabulary, seen: set[tuple[str, str]]) -> None:
    if (name, shape.name) in seen:
        return
    seen.add((name, shape.name))
    if shape.type_name == "structure":
        for member, inner in shape.members.items():
            vocabulary.edges.add(edge(name, member))
            _shape(member, inner, vocabulary, seen)
    elif shape.type_name == "list":
        _shape(name, shape.member, vocabulary, seen)
