"""The table's nodes of places that hold others: arrays, objects, unions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .loss import Path
from .nodes import COMPATIBILITY, UNSUPPORTED, Ask, Findings, Node, fine_schema, look, marked
from .specimens import EMPTY, Schema

CLASSES: dict[str | None, type | tuple[type, ...]] = {
    "string": str, "object": dict, "array": list, "boolean": bool, "integer": int, "number": (int, float), None: object,
}  # fmt: skip


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
            found.append(Ask(path, self, UNSUPPORTED, self.refuse, more=True))
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

    `pairs`: members that others mask (`max_tokens`, `max_completion_tokens`). Where none of those is set, the node in
    `alone` says what is lost, if anything.
    """

    members: dict[str, Node] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    rest: Node | None = None
    pairs: dict[str, list[str]] = field(default_factory=dict)
    alone: dict[str, Node] = field(default_factory=dict)

    def schema(self) -> Schema:
        schema: Schema = {
            "properties": {
                key: fine_schema((self.alone if key in self.pairs else self.members).get(key))
                for key in sorted(self.known)
            },
            "additionalProperties": fine_schema(self.rest),
        }
        masked = [{"not": {"required": [key, rival]}} for key, rivals in self.pairs.items() for rival in rivals]
        return {**schema, "allOf": masked} if masked else schema

    def look(self, value: Any, path: Path, found: Findings) -> None:
        if not isinstance(value, dict):
            return
        for key, member in value.items():
            before = len(found)
            look(self.node(value, key), member, (*path, key), found)
            if key in self.required and len(found) == before + 1 and len(found[before].path) == len(path) + 1:
                found[before].required = True

    def node(self, value: dict[str, Any], key: str) -> Node | None:
        """The node of one member of `value`."""
        if key not in self.known:
            return self.rest
        if key in self.pairs and value.keys().isdisjoint(self.pairs[key]):
            return self.alone.get(key)
        return self.members.get(key)

    def lines(self, path: str) -> Iterator[str]:
        for key, node in self.members.items():
            if key in self.pairs:
                yield f"{path}.{key}: depends on {', '.join(self.pairs[key])}"
                yield from self.alone[key].lines(f"{path}.{key}") if key in self.alone else ()
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
        """A plain loop: a long conversation asks this of each message, several times."""
        if not isinstance(value, CLASSES[self.form]) or (self.values is not None and value not in self.values):
            return False
        members: Any = value
        for key, some in self.tags.items():
            if members.get(key) not in some:
                return False
        return not self.required or bool(members.keys() >= set(self.required))

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
        names = [str(some[0]) for some in self.tags.values() if len(some) == 1]
        names += [key for key in self.required if key not in self.tags]
        return f"<{','.join(names or [self.form or 'any'])}>"


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
        for kind in self.kinds:
            if kind.holds(value):
                break
        else:
            found.append(Ask(path, self, UNSUPPORTED, self.refuse))
            return
        if kind.merged:
            found.append(Ask(path, self, COMPATIBILITY, sure=True))
        look(kind.node, value, path, found)

    def lines(self, path: str) -> Iterator[str]:
        for kind in self.kinds:
            if kind.merged:
                yield f"{path}{kind.label}: {COMPATIBILITY}"
            if kind.node is not None:
                yield from kind.node.lines(f"{path}{kind.label}")
