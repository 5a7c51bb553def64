"""From the lines of `patch:` to Patches. What cannot work is told at its line, before anything is sent."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

import jsonschema_rs
import orjson

from .documents import Document, Path
from .patches import EACH, OPERATIONS, Condition, Operation, Patch, Patches
from .pointers import parse_pointer
from .problems import Problems


def read_patches(document: Document, path: Path, declared: Any, problems: Problems) -> Patches:
    """The patches that stand at `path`; what cannot work goes to `problems`."""
    found = []
    for index, entry in enumerate(declared if isinstance(declared, list) else []):
        here = (*path, index)
        try:
            found.append(_read_patch(entry))
        except ValueError as error:
            problems.error("P012", document.file, document.line(here), f"This patch cannot work: {error}")
    return Patches(found)


def _read_patch(entry: dict[str, Any]) -> Patch:
    named = [name for name in OPERATIONS if name in entry]
    if len(named) != 1:
        raise ValueError("it needs exactly one of set, default, remove, move and keep.")
    operation = named[0]
    steps = parse_pointer(entry[operation])
    _check_companions(operation, entry)
    if not steps and operation != "keep":
        raise ValueError("it names the whole body; name a member, such as /user.")
    if steps == ("model",) and operation not in ("remove", "keep"):
        raise ValueError("the model is chosen by the caller; declare an alias instead.")
    to = parse_pointer(entry["to"]) if operation == "move" else ()
    if operation == "move":
        _check_move(steps, to)
    when = entry.get("when") or {}
    return Patch(
        operation, steps, entry.get("value"), to, frozenset(entry.get("members", ())), _globs(when),
        _condition(when, "value"), _condition(when, "body"), entry.get("lossless", False), _told(operation, entry),
    )


def _check_companions(operation: Operation, entry: dict[str, Any]) -> None:
    """Each operation has members of its own beside it, and those only."""
    if operation in ("set", "default") and "value" not in entry:
        raise ValueError(f"{operation} needs a value.")
    if operation not in ("set", "default") and "value" in entry:
        raise ValueError(f"{operation} takes no value.")
    if ("to" in entry) != (operation == "move"):
        raise ValueError("move needs to." if operation == "move" else "only move takes to.")
    if ("members" in entry) != (operation == "keep"):
        raise ValueError("keep needs members." if operation == "keep" else "only keep takes members.")
    if operation == "default" and "value" in (entry.get("when") or {}):
        raise ValueError("default is about what is absent, which has no value to look at.")


def _told(operation: Operation, entry: dict[str, Any]) -> str:
    """The patch in one line, for people, and to tell patches apart."""
    where = f"{operation} {entry[operation] or 'in the whole body'}"
    more = f" to {entry['to']}" if operation == "move" else f" {', '.join(entry.get('members', ()))}"
    conditions = {name: schema for name, schema in (entry.get("when") or {}).items() if name != "models"}
    return f"{where}{more.rstrip()}" + (f" when {orjson.dumps(conditions).decode()}" if conditions else "")


def _condition(when: dict[str, Any], name: str) -> Condition | None:
    """Whether a value satisfies the JSON Schema under `name`, as a function."""
    if name not in when:
        return None
    try:
        valid: Condition = jsonschema_rs.validator_for(when[name]).is_valid
    except jsonschema_rs.ValidationError as error:
        raise ValueError(f"when.{name} is no JSON Schema: {error.message}") from None
    return valid


def _check_move(steps: tuple[str, ...], to: tuple[str, ...]) -> None:
    if not to:
        raise ValueError("it moves to the whole body; name a member, such as /max_tokens.")
    if to[: len(steps)] == steps:
        raise ValueError("it moves something into itself.")
    if to.count(EACH) != steps.count(EACH):
        raise ValueError("both sides of a move need the same number of *.")
    if EACH in steps:
        last = len(steps) - 1 - steps[::-1].index(EACH)
        if to[: last + 1] != steps[: last + 1]:
            raise ValueError("both sides of a move must be the same up to their last *.")


def _globs(when: dict[str, Any]) -> re.Pattern[str] | None:
    if "models" not in when:
        return None
    globs = [when["models"]] if isinstance(when["models"], str) else when["models"]
    return re.compile("|".join(f"(?:{fnmatch.translate(glob)})" for glob in globs))
