"""Patches mend one server's quirk: `set`, `default`, `remove` and `move`, by JSON pointer with `*` for each element.

They are data of a provider, checked when they are loaded, and pure when they are applied: the body given is never
changed, and what a patch does not touch is shared with the result.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from .documents import Document, Path
from .pointers import ABSENT, array_index, look, parse_pointer
from .problems import Problems

Operation = Literal["set", "default", "remove", "move"]
OPERATIONS: tuple[Operation, ...] = ("set", "default", "remove", "move")
EACH = "*"


@dataclass(frozen=True, slots=True)
class Patch:
    """One line of `patch:`. `steps` is where; `to` is where a move goes; `models` restricts it to some models."""

    operation: Operation
    steps: tuple[str, ...]
    value: Any = None
    to: tuple[str, ...] = ()
    models: re.Pattern[str] | None = None
    text: str = ""

    def applies_to(self, model_id: str) -> bool:
        return self.models is None or self.models.match(model_id) is not None

    def apply(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body after this patch; the same object where there is nothing to do."""
        if self.operation == "move":
            return self._move(body)
        changed: dict[str, Any] = _change(body, self.steps, self)
        return changed

    def _move(self, body: dict[str, Any]) -> dict[str, Any]:
        """A move with `*` moves within each element, so the places before the last `*` are the same on both sides."""
        for place in _places(body, self.steps):
            stars = iter(step for step, said in zip(place, self.steps, strict=True) if said == EACH)
            target = tuple(next(stars) if step == EACH else step for step in self.to)
            found = look(body, place)
            body = _change(body, place, Patch("remove", place))
            body = _change(body, target, Patch("set", target, found))
        return body


class Patches:
    """The patches of one door. `touched` are the top-level members that any of them may change."""

    __slots__ = ("patches", "touched")

    def __init__(self, patches: Iterable[Patch] = ()) -> None:
        self.patches = tuple(patches)
        tops = [steps[0] for patch in self.patches for steps in (patch.steps, patch.to) if steps]
        self.touched = frozenset(tops)

    def __bool__(self) -> bool:
        return bool(self.patches)

    def __repr__(self) -> str:
        return f"Patches({', '.join(patch.text for patch in self.patches)})"

    def apply(self, body: dict[str, Any], model_id: str) -> dict[str, Any]:
        """The body as this provider wants it. Pure: `body` stays as it was, unaffected members are shared."""
        for patch in self.patches:
            if patch.applies_to(model_id):
                body = patch.apply(body)
        return body

    def removed(self, body: dict[str, Any], model_id: str) -> list[str]:
        """What `remove` takes out of this body, as names (`messages[0].name`): it was asked for and is lost."""
        found = []
        for patch in self.patches:
            if not patch.applies_to(model_id):
                continue
            if patch.operation == "remove":
                found += [_dotted(body, place) for place in _places(body, patch.steps)]
            body = patch.apply(body)
        return found

    def applied(self, body: dict[str, Any], model_id: str) -> list[Patch]:
        """The patches that change this body, for `explain`."""
        found = []
        for patch in self.patches:
            before = body
            if patch.applies_to(model_id):
                body = patch.apply(body)
            if body is not before and body != before:
                found.append(patch)
        return found


def _places(value: Any, steps: tuple[str, ...], before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The places that exist and that `steps` names, `*` spelt out."""
    if not steps:
        return [before]
    if steps[0] == EACH:
        if not isinstance(value, list):
            return []
        return [place for n, item in enumerate(value) for place in _places(item, steps[1:], (*before, str(n)))]
    inner = look(value, steps[:1])
    return [] if inner is ABSENT else _places(inner, steps[1:], (*before, steps[0]))


def _dotted(value: Any, place: tuple[str, ...]) -> str:
    name = ""
    for step in place:
        name += f"[{step}]" if isinstance(value, list) else f".{step}"
        value = look(value, (step,))
    return name.removeprefix(".")


def _change(value: Any, steps: tuple[str, ...], patch: Patch) -> Any:
    """`value` with `patch` done at `steps`; copies only what lies on the way, and returns `value` itself if nothing."""
    step, rest = steps[0], steps[1:]
    if isinstance(value, list):
        return _change_array(value, step, rest, patch)
    if not isinstance(value, dict) or step == EACH:
        return value
    present = value.get(step, ABSENT)
    if not rest:
        return _change_member(value, step, present, patch)
    if present is ABSENT:
        # Only `set` (and `move`, whose second half is a set) and `default` create what is on the way.
        if patch.operation == "remove" or EACH in rest:
            return value
        present = {}
    if present is None and patch.operation == "set":
        changed = _change({}, rest, patch)
    else:
        changed = _change(present, rest, patch)
    return value if changed is present else {**value, step: changed}


def _change_member(value: dict[str, Any], step: str, present: Any, patch: Patch) -> dict[str, Any]:
    if patch.operation == "remove":
        return value if present is ABSENT else {name: inner for name, inner in value.items() if name != step}
    if patch.operation == "default" and present is not ABSENT:
        return value
    return {**value, step: patch.value}


def _change_array(value: list[Any], step: str, rest: tuple[str, ...], patch: Patch) -> list[Any]:
    chosen = range(len(value)) if step == EACH else [array_index(step, len(value))]
    result = list(value)
    for index in chosen:
        if index is None:
            if step == "-" and not rest and patch.operation == "set":
                return [*value, patch.value]
            return value
        if rest:
            result[index] = _change(value[index], rest, patch)
        elif patch.operation == "remove":
            result[index] = ABSENT
        elif patch.operation == "set":
            result[index] = patch.value
    result = [item for item in result if item is not ABSENT]
    same = len(result) == len(value) and all(old is new for old, new in zip(value, result, strict=True))
    return value if same else result


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
        raise ValueError("it needs exactly one of set, default, remove and move.")
    operation = named[0]
    steps = parse_pointer(entry[operation])
    if not steps:
        raise ValueError("it names the whole body; name a member, such as /user.")
    if operation in ("set", "default") and "value" not in entry:
        raise ValueError(f"{operation} needs a value.")
    if operation in ("remove", "move") and "value" in entry:
        raise ValueError(f"{operation} takes no value.")
    if ("to" in entry) != (operation == "move"):
        raise ValueError("move needs to." if operation == "move" else "only move takes to.")
    if steps[0] == "model" and len(steps) == 1:
        raise ValueError("the model is chosen by the caller; declare an alias instead.")
    to = parse_pointer(entry["to"]) if operation == "move" else ()
    if operation == "move":
        _check_move(steps, to)
    text = f"{operation} {entry[operation]}" + (f" to {entry['to']}" if to else "")
    return Patch(operation, steps, entry.get("value"), to, _globs(entry.get("when")), text)


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


def _globs(when: Any) -> re.Pattern[str] | None:
    if not when:
        return None
    globs = [when["models"]] if isinstance(when["models"], str) else when["models"]
    return re.compile("|".join(f"(?:{fnmatch.translate(glob)})" for glob in globs))
