"""The table: a tree of the places of a request where something can be lost. None stands for "all is carried here".

Each node says two things: which values lose nothing, as a JSON Schema (the fast path asks one validator about the whole
request); and, walking, what a given value loses. `asks` are places that only a trial with this very request decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jsonschema_rs

from .loss import Loss, Path
from .specimens import EMPTY, Schema

UNSUPPORTED, COMPATIBILITY = "unsupported", "compatibility"
CLASSES: dict[str | None, type | tuple[type, ...]] = {
    "string": str, "object": dict, "array": list, "boolean": bool, "integer": int, "number": (int, float), None: object,
}  # fmt: skip


@dataclass
class Ask:
    """One trial that is due: would the translation differ without the value at `path`?"""

    path: Path
    node: Node
    closed: bool              # taken out, rather than changed: a changed value would be none of its set
    rivals: list[Any]         # values that some companies do not tell from it
    refuse: bool


@dataclass
class Findings:
    losses: list[Loss] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)


@dataclass(kw_only=True)
class Node:
    spare: list[Any] = field(default_factory=list)       # the default: no loss, beside null, "", [] and {}
    refuse: bool = False

    @property
    def total(self) -> bool:
        """Whether nothing at all is carried here."""
        return False

    @cached_property
    def fine(self) -> Callable[[Any], bool]:
        return jsonschema_rs.Draft202012Validator(fine_schema(self)).is_valid

    def schema(self) -> Schema:
        raise NotImplementedError

    def look(self, value: Any, path: Path, found: Findings) -> None:
        raise NotImplementedError

    def lines(self, path: str) -> Iterator[str]:
        raise NotImplementedError

    def harmless(self, value: Any) -> bool:
        return value in EMPTY or value in self.spare


def fine_schema(node: Node | None) -> Schema | bool:
    """The schema of the values at this place that lose nothing."""
    if node is None:
        return True
    schema = node.schema()
    return {"anyOf": [{"enum": node.spare}, schema]} if node.spare else schema


def look(node: Node | None, value: Any, path: Path, found: Findings) -> None:
    if node is not None and not node.harmless(value):
        node.look(value, path, found)


@dataclass(kw_only=True)
class Lost(Node):
    """Whatever stands here is not carried."""

    @property
    def total(self) -> bool:
        return True

    def schema(self) -> Schema:
        return {"enum": EMPTY}

    def look(self, value: Any, path: Path, found: Findings) -> None:
        found.losses.append(Loss.at(UNSUPPORTED, path, refuse=self.refuse))

    def lines(self, path: str) -> Iterator[str]:
        yield f"{path}: {UNSUPPORTED}{marked(self)}"


@dataclass(kw_only=True)
class Whole(Node):
    """Carried in some companies: ask, taking it out as one."""

    def schema(self) -> Schema:
        return {"enum": EMPTY}

    def look(self, value: Any, path: Path, found: Findings) -> None:
        found.asks.append(Ask(path, self, True, [], self.refuse))

    def lines(self, path: str) -> Iterator[str]:
        yield f"{path}: depends on what stands beside it{marked(self)}"


@dataclass(kw_only=True)
class Values(Node):
    """Some values are not carried. `rest` says what becomes of those that are not `known`."""

    known: list[Any] = field(default_factory=list)
    lost: list[Any] = field(default_factory=list)
    merged: list[Any] = field(default_factory=list)
    asked: list[tuple[Any, list[Any]]] = field(default_factory=list)
    rest: str = "carried"                                 # or "lost" or "ask"
    closed: bool = False
    refused: list[Any] = field(default_factory=list)      # values whose loss is refused, where not all are

    def schema(self) -> Schema:
        wrong = [*self.lost, *self.merged, *(value for value, _ in self.asked)]
        if self.rest == "carried":
            return {"not": {"enum": wrong}}
        return {"enum": [*EMPTY, *(value for value in self.known if value not in wrong)]}

    def look(self, value: Any, path: Path, found: Findings) -> None:
        refuse = self.refuse or value in self.refused
        if value in self.lost:
            found.losses.append(Loss.at(UNSUPPORTED, path, refuse=refuse))
        elif value in self.merged:
            found.losses.append(Loss.at(COMPATIBILITY, path, refuse=value in self.refused))
        elif (rivals := next((rivals for one, rivals in self.asked if one == value), None)) is not None:
            found.asks.append(Ask(path, self, True, rivals, refuse))
        elif value in self.known:
            return
        elif self.rest == "lost":
            found.losses.append(Loss.at(UNSUPPORTED, path, refuse=refuse))
        elif self.rest == "ask":
            found.asks.append(Ask(path, self, self.closed, [], refuse))

    def lines(self, path: str) -> Iterator[str]:
        for word, some in ((UNSUPPORTED, self.lost), (COMPATIBILITY, self.merged)):
            if some:
                yield f"{path}: {word} {', '.join(map(repr, some))}{marked(self)}"
        if self.rest == "lost":
            yield f"{path}: {UNSUPPORTED} any other value{marked(self)}"
        if self.asked or self.rest == "ask":
            yield f"{path}: depends on what stands beside it{marked(self)}"


@dataclass(kw_only=True)
class Items(Node):
    """An array. `many`: only its first element is carried."""

    each: Node | None = None
    many: bool = False

    def schema(self) -> Schema:
        schema: Schema = {}
        if self.each is not None:
            schema["items"] = fine_schema(self.each)
        if self.many:
            schema["maxItems"] = 1
        return schema

    def look(self, value: Any, path: Path, found: Findings) -> None:
        if not isinstance(value, list):
            return
        if self.many and len(value) > 1:
            found.losses.append(Loss.at(UNSUPPORTED, path, refuse=self.refuse, more=True))
        each = self.each
        if each is not None:
            for at, element in enumerate(value):
                if not each.fine(element):
                    look(each, element, (*path, at), found)

    def lines(self, path: str) -> Iterator[str]:
        if self.many:
            yield f"{path}[1:]: {UNSUPPORTED}{marked(self)}"
        if self.each is not None:
            yield from self.each.lines(f"{path}[]")


@dataclass(kw_only=True)
class Members(Node):
    """An object. `known` are the members its schema names, `rest` is the node of any other.

    `pairs`: members that others mask (`max_tokens`, `max_completion_tokens`): looked at only where one of those is set.
    """

    members: dict[str, Node] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    rest: Node | None = None
    pairs: dict[str, list[str]] = field(default_factory=dict)

    def schema(self) -> Schema:
        schema: Schema = {
            "properties": {
                key: True if key in self.pairs else fine_schema(self.members.get(key)) for key in sorted(self.known)
            },
            "additionalProperties": fine_schema(self.rest),
        }
        masked = [{"not": {"required": [key, rival]}} for key, rivals in self.pairs.items() for rival in rivals]
        return {**schema, "allOf": masked} if masked else schema

    def look(self, value: Any, path: Path, found: Findings) -> None:
        if not isinstance(value, dict):
            return
        for key, member in value.items():
            node = self.members.get(key) if key in self.known else self.rest
            if node is None or (key in self.pairs and value.keys().isdisjoint(self.pairs[key])):
                continue
            look(node, member, (*path, key), found)

    def lines(self, path: str) -> Iterator[str]:
        for key, node in self.members.items():
            if key in self.pairs:
                yield f"{path}.{key}: depends on {', '.join(self.pairs[key])}"
            else:
                yield from node.lines(f"{path}.{key}")
        if self.rest is not None:
            yield from self.rest.lines(f"{path}.*")


@dataclass
class Kind:
    """One alternative: which values are of it, and what is lost of them.

    `tags`: members that tell it from the others, and the values they have in it. `merged`: these are not carried.
    """

    form: str | None
    tags: dict[str, list[Any]]
    required: list[str]
    values: list[Any] | None
    node: Node | None
    merged: bool = False

    def holds(self, value: Any) -> bool:
        if not isinstance(value, CLASSES[self.form]) or (self.values is not None and value not in self.values):
            return False
        members: Any = value
        if not self.tags and not self.required:
            return True
        return members.keys() >= set(self.required) and all(members.get(key) in some for key, some in self.tags.items())

    def condition(self) -> Schema:
        """`holds` as a schema."""
        if self.values is not None:
            return {"enum": self.values}
        schema: Schema = {"type": self.form} if self.form else {}
        if self.tags or self.required:
            schema["properties"] = {key: {"enum": some} for key, some in self.tags.items()}
            schema["required"] = sorted({*self.tags, *self.required})
        return schema

    @property
    def label(self) -> str:
        names = [str(some[0]) for some in self.tags.values()] or [*self.required] or [self.form or "any"]
        return f"<{','.join(names)}>"


@dataclass(kw_only=True)
class Kinds(Node):
    """A union. The first kind that holds decides, in the walk as in the schema."""

    kinds: list[Kind] = field(default_factory=list)

    def schema(self) -> Schema:
        chain: Schema = {"enum": EMPTY}
        for kind in reversed(self.kinds):
            then = {"enum": EMPTY} if kind.merged else fine_schema(kind.node)
            chain = {"if": kind.condition(), "then": then, "else": chain}
        return chain

    def look(self, value: Any, path: Path, found: Findings) -> None:
        kind = next((kind for kind in self.kinds if kind.holds(value)), None)
        if kind is None:
            found.losses.append(Loss.at(UNSUPPORTED, path, refuse=self.refuse))
            return
        if kind.merged:
            found.losses.append(Loss.at(COMPATIBILITY, path))
        look(kind.node, value, path, found)

    def lines(self, path: str) -> Iterator[str]:
        for kind in self.kinds:
            if kind.merged:
                yield f"{path}{kind.label}: {COMPATIBILITY}"
            if kind.node is not None:
                yield from kind.node.lines(f"{path}{kind.label}")


def marked(node: Node) -> str:
    return " (refused)" if node.refuse else ""
