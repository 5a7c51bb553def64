"""Rosetta: one story, told in the neutral tongue and in each dialect.

A story file (requests_*.yaml, responses_*.yaml, errors_*.yaml) is a list of stories:

    - it: carries a forced tool                  # a sentence, the test's name
      defects: [82]                              # numbers of the list of known defects that it covers
      kind: request                              # request (if not said), response or error
      neutral: {…}                               # the neutral form
      openai: {…}                                # the wire: written from the neutral form, and read to it
      anthropic: {…}
      gemini: {…}
      ollama: {…}
      writes: {openai: {…}}                      # a wire that is written, although reading it gives something else
      reads: {openai: [{…}, {…}]}                # other wires that read to the same neutral form
      loses: {anthropic: [seed, messages.0.name]}    # what this dialect cannot carry: taken off before comparing
      beyond: {openai: [reasoning_content]}      # members that the official types do not know ("*": do not ask them)
      request: {…}                               # of a response: the neutral request it answers
      values: {anthropic: {thinking: adaptive}}  # beside what providers.yaml declares for the dialect

A read request is linked, as the engine does it. The wires of an error that is read are {status, headers, body}.

wires_*.yaml tell stories of other files (`it`, and `file` where that is not enough) in one more dialect.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from handlers.engine.linking import link
from handlers.engine.templates import Compiler, Kind

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DIALECTS = ("openai", "anthropic", "gemini", "ollama")
PROVIDERS_ONLY = ("cohere", "bedrock")
"""Dialects that no caller speaks: stories say what is written to them (`writes:`), and what answers mean (`reads:`)."""
WIRES = (*DIALECTS, "responses", *PROVIDERS_ONLY)
"""The dialects in which stories are told; `responses` has tests of its own beside (test_responses_*.py)."""
KINDS = {
    "request": (Kind.WRITE_REQUEST, Kind.READ_REQUEST),
    "response": (Kind.WRITE_RESPONSE, Kind.READ_RESPONSE),
    "error": (Kind.WRITE_ERROR, Kind.READ_ERROR),
}

Json = dict[str, Any]


@dataclass
class Story:
    it: str
    neutral: Json
    defects: list[int] = field(default_factory=list)
    kind: str = "request"
    openai: Json | None = None
    anthropic: Json | None = None
    gemini: Json | None = None
    ollama: Json | None = None
    responses: Json | None = None
    writes: dict[str, Json] = field(default_factory=dict)
    reads: dict[str, list[Json]] = field(default_factory=dict)
    loses: dict[str, list[str]] = field(default_factory=dict)
    beyond: dict[str, list[str]] = field(default_factory=dict)
    request: Json = field(default_factory=dict)
    values: dict[str, Json] = field(default_factory=dict)
    file: str = ""

    @property
    def name(self) -> str:
        return "".join(f"defect_{number} " for number in self.defects) + self.it

    def values_of(self, dialect: str) -> Json:
        return {**declared_values(dialect), **self.values.get(dialect, {})}

    def written(self, dialect: str) -> Json | None:
        """The wire that the neutral form is written to, if the story tells it."""
        return self.writes.get(dialect) or getattr(self, dialect, None)

    def read(self, dialect: str) -> list[Json]:
        """The wires that are read to the neutral form."""
        own = getattr(self, dialect, None)
        return [*([own] if own else []), *self.reads.get(dialect, [])]

    def left(self, dialect: str) -> Json:
        """The neutral form without what this dialect cannot carry."""
        neutral = copy.deepcopy(self.neutral)
        for path in self.loses.get(dialect, []):
            removed = remove(neutral, path.split("."))
            assert removed, f"{path} of `loses` is not in the story"
        return neutral


def remove(value: Any, path: list[str]) -> bool:
    """Take a place (`a.0.b`, `*` for each) out of a value; lists and objects left empty go too, `parts` stay."""
    step, *rest = path
    if isinstance(value, list):
        places: list[Any] = list(range(len(value))) if step == "*" else [int(step)]
    else:
        places = list(value) if step == "*" else [step] if step in value else []
    found = False
    for place in reversed(places):
        if not rest:
            del value[place]
            found = True
        elif remove(value[place], rest):
            found = True
            if value[place] in ({}, []) and place not in ("parts", "messages", "arguments"):
                del value[place]
    return found


@cache
def stories(kind: str) -> list[Story]:
    """All stories of one kind, in the order of the files."""
    files = sorted(path for pattern in ("requests", "responses", "errors") for path in HERE.glob(f"{pattern}_*.yaml"))
    told = [Story(**each, file=path.name) for path in files for each in yaml.safe_load(path.read_text("utf-8"))]
    assert len({(story.file, story.it) for story in told}) == len(told), "each story has a sentence of its own"
    for path in sorted(HERE.glob("wires_*.yaml")):
        for wires in yaml.safe_load(path.read_text("utf-8")):
            retell(told, wires)
    return [story for story in told if story.kind == kind]


def retell(told: list[Story], wires: Json) -> None:
    """Add the wires of one more dialect to the story that they belong to."""
    found = [story for story in told if story.it == wires["it"] and wires.get("file", story.file) == story.file]
    assert len(found) == 1, f"{wires['it']!r} names {len(found)} stories"
    for name, value in wires.items():
        if isinstance(getattr(found[0], name), dict):
            getattr(found[0], name).update(value)
        elif name not in ("it", "file"):
            setattr(found[0], name, value)


@cache
def declared_values(dialect: str) -> Json:
    """What providers.yaml declares for a dialect's templates."""
    document = yaml.safe_load((ROOT / "providers.yaml").read_text("utf-8"))
    values: Json = document["dialects"][dialect].get("values", {})
    return values


def load(name: str) -> tuple[str, str]:
    path = ROOT / "templates" / name
    return path.read_text("utf-8"), str(path)


COMPILER = Compiler(load)


@cache
def template(dialect: str, kind: Kind) -> Callable[[Mapping[str, Any]], Any]:
    return COMPILER.compile(f"{dialect}/{kind.value}.j2", kind=kind, dialect=dialect).function


def write(story: Story, dialect: str) -> Json:
    """The story's neutral form as this dialect's templates write it."""
    given = {**copy.deepcopy(story.neutral), "values": story.values_of(dialect)}
    if story.kind == "response":
        given["request"] = story.request
    written: Json = template(dialect, KINDS[story.kind][0])(given)
    return written


def read(story: Story, dialect: str, wire: Json) -> Json:
    """A wire as this dialect's templates read it."""
    values = {"values": story.values_of(dialect)}
    function = template(dialect, KINDS[story.kind][1])
    if story.kind == "error":
        result: Json = function({"status": 400, "headers": {}, **copy.deepcopy(wire), **values})
        return result
    path = {"model": story.neutral.get("model"), "stream": story.neutral.get("stream")}
    neutral: Json = function({"body": copy.deepcopy(wire), "path": path, "request": story.request, **values})
    return link(neutral)[0] if story.kind == "request" else neutral


def cases(told: Callable[[Story, str], Any]) -> list[Any]:
    """Each story in each dialect for which it tells what `told` (Story.written, Story.read) asks for."""
    return [
        pytest.param(story, dialect, id=f"{story.name} [{dialect}]")
        for kind in KINDS
        for story in stories(kind)
        for dialect in WIRES
        if told(story, dialect)
    ]
