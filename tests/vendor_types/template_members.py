"""The members that a dialect's templates read and write, as edges (see vendor_members), and the words they mention."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from handlers.engine.templates.compiler import Template
from handlers.engine.templates.survey import Shape

SIDES = {
    "read_request": "request",
    "write_response": "response",
    "write_event": "event",
    "write_request": "request",
    "read_response": "response",
    "read_event": "event",
}
"""Which of the vendor's vocabularies each file is about."""

READ = {"read_request": "body.", "read_response": "body.", "read_event": "data."}
FRAME = ("[]", "data")
"""A written event is a list of frames; what travels is the `data` of each."""

COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
WORD = re.compile(r"[\w.-]+")
IMPORT = re.compile(r'from "([^"]+)" import')


def edges(template: Template, kind: str) -> set[str]:
    """What a template reads of the wire, or writes to it."""
    if kind not in READ:
        found: set[str] = set()
        if kind == "write_event":
            framed = [
                member
                for shape in elements(template.shapes)
                for name, member in shape.members.items()
                if name == FRAME[1]
            ]
            for member in framed:
                found |= written(member.shapes, "")
        else:
            found = written(template.shapes, "")
        return found
    prefix = READ[kind]
    paths = (path.removeprefix(prefix) for path in template.reads if path.startswith(prefix))
    return {edge for path in paths if (edge := last_edge(path))}


def last_edge(path: str) -> str | None:
    """`choices[0].message.content[]` ends in `message.content`; a path that ends in an element adds nothing."""
    if path.endswith("]"):
        return None
    steps = [re.sub(r"\[[^\]]*\]", "", step) for step in path.split(".")]
    return ".".join(steps[-2:])


def elements(shapes: Iterable[Shape]) -> Iterable[Shape]:
    for shape in shapes:
        yield from elements(shape.elements) if shape.kind == "list" else (shape,)


def written(shapes: Iterable[Shape], parent: str) -> set[str]:
    found = set()
    for shape in elements(shapes):
        for name, member in shape.members.items():
            found.add(f"{parent}.{name}" if parent else name)
            found |= written(member.shapes, name)
    return found


def words(file: Path, folders: Iterable[Path]) -> set[str]:
    """What a template and the files that it imports mention, comments aside."""
    text = COMMENT.sub("", file.read_text(encoding="utf-8"))
    found = set(WORD.findall(text))
    for found_word in list(found):
        found |= set(found_word.split("."))
    for name in IMPORT.findall(text):
        source = next(folder / name for folder in folders if (folder / name).is_file())
        found |= words(source, folders)
    return found


def patched(names: set[str], patch: Iterable[Mapping[str, Any]]) -> set[str]:
    """What is left of the members of a request once a dialect's `patch:` has been at them."""
    for step in patch:
        if "move" in step and as_edge(step["move"]) in names:
            names = names - {as_edge(step["move"])} | {as_edge(step["to"])}
        elif "remove" in step:
            names = names - {as_edge(step["remove"])}
        elif "keep" in step:
            parent = as_edge(step["keep"])
            kept = {f"{parent}.{name}" if parent else name for name in step["members"]}
            names = {name for name in names if name.rpartition(".")[0] != parent or name in kept}
            names = reachable(names)
    return names


def as_edge(pointer: str) -> str:
    return ".".join([step for step in pointer.split("/") if step not in ("", "*")][-2:])


def reachable(names: set[str]) -> set[str]:
    """Without the members of what is gone itself."""
    left = {name for name in names if "." not in name}
    while True:
        held = {name.rpartition(".")[2] for name in left}
        more = {name for name in names if name.partition(".")[0] in held}
        if more <= left:
            return left
        left |= more
