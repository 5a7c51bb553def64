"""Patches mend one server's quirk, by JSON pointer with `*` for each element: `set`, `default`, `remove`, `move`, and
`keep`, which leaves an object nothing but the members it names.

They are data of a dialect or a provider, checked when they are loaded (patch_reading.py), and pure when they are
applied: the body given is never changed, and what a patch does not touch is shared with the result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from .pointers import ABSENT, array_index, look

Operation = Literal["set", "default", "remove", "move", "keep"]
OPERATIONS: tuple[Operation, ...] = ("set", "default", "remove", "move", "keep")
EACH = "*"


Condition = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Patch:
    """One line of `patch:`. `steps` is where; `to` is where a move goes; `members` is what `keep` keeps.

    `models` restricts it to some models, `where` to values at `steps`, `when` to bodies (both by JSON Schema).
    `lossless`: what comes out of it says the same in other words, so nobody need be told.
    """

    operation: Operation
    steps: tuple[str, ...]
    value: Any = None
    to: tuple[str, ...] = ()
    members: frozenset[str] = frozenset()
    models: re.Pattern[str] | None = None
    where: Condition | None = None
    when: Condition | None = None
    lossless: bool = False
    text: str = ""

    def applies_to(self, model_id: str) -> bool:
        return self.models is None or self.models.match(model_id) is not None

    @property
    def takes_model(self) -> bool:
        """Whether the body has no `model` after it."""
        if self.operation == "keep":
            return not self.steps and "model" not in self.members
        return self.operation == "remove" and self.steps == ("model",)

    def apply(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body after this patch; the same object where there is nothing to do."""
        if self.when is not None and not self.when(body):
            return body
        if self.operation == "move":
            return self._move(body)
        changed: dict[str, Any] = _keep(body, self.steps, self) if self.operation == "keep" else _change(
            body, self.steps, self
        )
        return changed

    def allows(self, value: Any) -> bool:
        """Whether the value that stands in a place of this patch (ABSENT: none) is one that it is about."""
        return self.where is None or (value is not ABSENT and self.where(value))

    def _move(self, body: dict[str, Any]) -> dict[str, Any]:
        """A move with `*` moves within each element, so the places before the last `*` are the same on both sides."""
        for place in _places(body, self.steps):
            if not self.allows(look(body, place)):
                continue
            stars = iter(step for step, said in zip(place, self.steps, strict=True) if said == EACH)
            target = tuple(next(stars) if step == EACH else step for step in self.to)
            found = look(body, place)
            body = _change(body, place, Patch("remove", place))
            body = _change(body, target, Patch("set", target, found))
        return body


class Patches:
    """The patches of one dialect or door, in their order."""

    __slots__ = ("patches",)

    def __init__(self, patches: Iterable[Patch] = ()) -> None:
        self.patches = tuple(patches)

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

    @property
    def losing(self) -> Patches:
        """Those that may take away what a caller said, and the moves that tell where it stands by then."""
        may = [patch for patch in self.patches if not patch.lossless]
        return Patches(may if any(patch.operation not in ("move", "default") for patch in may) else ())

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


def _keep(value: Any, steps: tuple[str, ...], patch: Patch) -> Any:
    """`value` whose objects at `steps` have no members but those of `patch`; itself, if they have none."""
    if not steps:
        if not isinstance(value, dict) or value.keys() <= patch.members or not patch.allows(value):
            return value
        return {name: inner for name, inner in value.items() if name in patch.members}
    step, rest = steps[0], steps[1:]
    if isinstance(value, list):
        at = array_index(step, len(value))
        result = [_keep(item, rest, patch) if step == EACH or n == at else item for n, item in enumerate(value)]
        return value if all(old is new for old, new in zip(value, result, strict=True)) else result
    present = value.get(step, ABSENT) if isinstance(value, dict) else ABSENT
    if present is ABSENT:
        return value
    kept = _keep(present, rest, patch)
    return value if kept is present else {**value, step: kept}


def _change(value: Any, steps: tuple[str, ...], patch: Patch) -> Any:
    """`value` with `patch` done at `steps`; copies only what lies on the way, and returns `value` itself if nothing."""
    step, rest = steps[0], steps[1:]
    if isinstance(value, list):
        return _change_array(value, step, rest, patch)
    if not isinstance(value, dict) or step == EACH:
        return value
    present = value.get(step, ABSENT)
    if not rest:
        return _change_member(value, step, present, patch) if patch.allows(present) else value
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
        elif not patch.allows(value[index]):
            continue
        elif patch.operation == "remove":
            result[index] = ABSENT
        elif patch.operation == "set":
            result[index] = patch.value
    result = [item for item in result if item is not ABSENT]
    same = len(result) == len(value) and all(old is new for old, new in zip(value, result, strict=True))
    return value if same else result
