"""The table: a tree of the places of a request where something can be lost. None stands for "all is carried here".

Each node says two things: which values lose nothing, as a JSON Schema (the fast path asks one validator about the whole
request); and, walking, what a given value loses. `asks` are places that only a trial with this very request decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jsonschema_rs

from .loss import Loss, Path
from .specimens import EMPTY, Schema

UNSUPPORTED, COMPATIBILITY = "unsupported", "compatibility"


@dataclass(slots=True)
class Ask:
    """What is due a trial with the very request: would the translation differ without the value at `path`?

    `word`: how it is lost, as far as the table knows; "" where only the request decides.
    """

    path: Path
    node: Node
    word: str = ""
    refuse: bool = False
    closed: bool = False                              # one of a set: a changed value would be none of it
    known: Sequence[Any] = ()                         # the others of that set
    rivals: Sequence[Any] = ()                        # those that some companies do not tell from it
    more: bool = False                                # all elements but the first of the array there
    required: bool = False                            # it cannot be taken out
    sure: bool = False                                # nothing to ask

    def loss(self, word: str = "") -> Loss:
        """The loss that it is. One that only changes its value is not refused, unless that value is marked."""
        word = word or self.word or UNSUPPORTED
        refuse = self.refuse and (word, self.word) != (COMPATIBILITY, "")
        return Loss.at(word, self.path, refuse=refuse, more=self.more, advice=self.node.advice)


Findings = list[Ask]


@dataclass(kw_only=True)
class Node:
    spare: list[Any] = field(default_factory=list)       # the default: no loss, beside null, "", [] and {}
    refuse: bool = False
    advice: str = ""                                     # what can be done where its loss is refused

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
        found.append(Ask(path, self, UNSUPPORTED, self.refuse))

    def lines(self, path: str) -> Iterator[str]:
        yield f"{path}: {UNSUPPORTED}{marked(self)}"


@dataclass(kw_only=True)
class Whole(Node):
    """Carried in some companies: ask, taking it out as one."""

    def schema(self) -> Schema:
        return {"enum": EMPTY}

    def look(self, value: Any, path: Path, found: Findings) -> None:
        found.append(Ask(path, self, refuse=self.refuse, closed=True))

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
    between: tuple[float, float] | None = None            # numbers that need not ask
    closed: bool = False
    refused: list[Any] = field(default_factory=list)      # values whose loss is refused, where not all are

    def schema(self) -> Schema:
        wrong = [*self.lost, *self.merged, *(value for value, _ in self.asked)]
        if self.rest == "carried":
            return {"not": {"enum": wrong}}
        schema: Schema = {"enum": [*EMPTY, *(value for value in self.known if value not in wrong)]}
        if self.between is None:
            return schema
        low, high = self.between
        sure: Schema = {"type": "number", "minimum": low, "maximum": high, "not": {"enum": wrong}}
        return {"anyOf": [schema, sure]}

    def look(self, value: Any, path: Path, found: Findings) -> None:
        refuse = self.refuse or value in self.refused
        ask = Ask(path, self, refuse=refuse, closed=self.closed, known=self.known)
        if value in self.lost:
            ask.word = UNSUPPORTED
        elif value in self.merged:
            ask.word, ask.refuse = COMPATIBILITY, value in self.refused
        elif (rivals := next((rivals for one, rivals in self.asked if one == value), None)) is not None:
            ask.rivals, ask.closed = rivals, True
        elif value in self.known or (self.between is not None and self.between[0] <= value <= self.between[1]):
            return
        elif self.rest == "lost":
            ask.word = UNSUPPORTED
        elif self.rest != "ask":
            return
        found.append(ask)

    def lines(self, path: str) -> Iterator[str]:
        for word, some in ((UNSUPPORTED, self.lost), (COMPATIBILITY, self.merged)):
            if some:
                yield f"{path}: {word} {', '.join(map(repr, some))}{marked(self)}"
        if self.rest == "lost":
            yield f"{path}: {UNSUPPORTED} any other value{marked(self)}"
        if self.asked or self.rest == "ask":
            yield f"{path}: depends on what stands beside it{marked(self)}"


def marked(node: Node) -> str:
    return " (refused)" if node.refuse else ""
