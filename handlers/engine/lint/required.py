"""Members that a schema requires and a template can leave out, told from the template's form without running it.

This is for templates whose input has no schema, so that there are no specimens to try them on (trials.py): a provider's
dialect of which nothing is known but its templates. A hole may be absent whenever what it reads may be absent, and
nobody knows what is; so these are warnings.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..dialects import EIGHT, Dialect
from ..losses.specimens import Schema
from ..problems import Problems
from ..templates import Shape
from .speech import Body, Speech

LISTS = ("read_event", "write_event")
DEEPEST = 12


def find_optional(dialect: Dialect, speech: Speech, problems: Problems) -> None:
    """Add a warning for each required member of what the templates of a dialect make that they may leave out."""
    for kind in EIGHT:
        made = speech.made(kind)
        tried = kind == "read_error" or speech.given(kind) is not None
        if kind in dialect.templates and made is not None and not tried:
            search = Search(made, problems)
            search.shapes(dialect.templates[kind].shapes, made.schema, kind in LISTS, 0)


class Search:
    def __init__(self, made: Body, problems: Problems) -> None:
        self.made, self.problems = made, problems

    def shapes(self, shapes: Iterable[Shape], schema: Schema, of_list: bool, depth: int) -> None:
        for shape in shapes:
            if of_list:
                self.shapes(shape.elements, schema, False, depth)
            elif depth < DEEPEST:
                self.shape(shape, schema, depth)

    def shape(self, shape: Shape, schema: Schema, depth: int) -> None:
        branches = self.fitting(shape, schema)
        if shape.kind == "list" and branches:
            items = [branch["items"] for branch in branches if branch.get("type") == "array" and "items" in branch]
            if len(items) == 1:
                self.shapes(shape.elements, items[0], False, depth + 1)
            return
        if shape.kind != "object" or not branches:
            return
        for name in branches[0].get("required", ()):
            if all(name in branch.get("required", ()) for branch in branches):
                self.member(shape, name)
        for name, member in shape.members.items():
            inner = [branch["properties"][name] for branch in branches if name in branch.get("properties", {})]
            if len(inner) == 1:
                self.shapes(member.shapes, inner[0], False, depth + 1)

    def member(self, shape: Shape, name: str) -> None:
        member = shape.members.get(name)
        if member is None:
            if not shape.open:
                self.tell(shape.file, shape.line, f"{self.made.name} requires {name!r} here, and this never writes it.")
            return
        if not member.optional:
            return
        sentence = f"{self.made.name} requires {name!r}, and this can leave it out."
        self.tell(shape.file, member.line, sentence, "Give it a last resort: `| default(…)` or `| or_null`.")

    def tell(self, file: str, line: int, sentence: str, hint: str = "") -> None:
        self.problems.warning("L002", file, line, sentence, hint)

    def fitting(self, shape: Shape, schema: Schema) -> list[Schema]:
        """The alternatives of a schema that this shape may be: those whose tags it does not contradict."""
        wanted = {"object": "object", "list": "array"}.get(shape.kind)
        return [
            branch
            for branch in self.made.schemas.branches(schema)
            if branch.get("type", wanted) == wanted and not self.contradicts(shape, branch)
        ]

    def contradicts(self, shape: Shape, branch: Schema) -> bool:
        for name, inner in branch.get("properties", {}).items():
            member = shape.members.get(name)
            constants = {one.constant for one in member.shapes if _plain(one.constant)} if member else set()
            if not member or len(constants) != len(member.shapes):
                continue
            kinds = self.made.schemas.branches(inner)
            allowed = {value for one in kinds for value in _tags(one)}
            excluded = {value for one in kinds for value in one.get("not", {}).get("enum", ())}
            if (allowed and not constants & allowed) or constants <= excluded:
                return True
        return False


def _tags(schema: Schema) -> list[Any]:
    if "const" in schema:
        return [schema["const"]]
    return list(schema.get("enum", ()))


def _plain(constant: object) -> bool:
    return isinstance(constant, str | int | bool)
