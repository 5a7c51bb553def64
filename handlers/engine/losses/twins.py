"""Kinds of a union that become one: nothing tells them apart but their tags, and these are not carried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .holes import Hole, same
from .specimens import Schema


class Twin:
    """A kind, its tags apart: what else its bare specimen holds, and what is sent for it in each company."""

    def __init__(self, branch: Schema, marks: dict[str, Any], rest: dict[str, Any], outputs: list[Any]) -> None:
        self.branch, self.marks, self.rest, self.outputs = branch, marks, rest, outputs

    @property
    def names(self) -> set[Any]:
        return set(self.marks.values())


def merged_with(twin: Twin | None, twins: list[Twin], holes: Sequence[Hole]) -> bool:
    """Whether nothing tells this kind from an earlier one but its tag, and the tag is not carried.

    A merge that is meant is declared on either of the two (`x-same-as: the other's tag`), and is none.
    """
    if twin is None:
        return False
    nothing = [hole.nothing for hole in holes]
    for other in twins:
        if twin.rest != other.rest or not all(map(same, twin.outputs, other.outputs)):
            continue
        if all(map(same, twin.outputs, nothing)):
            continue
        declared = twin.branch.get("x-same-as") in other.names or other.branch.get("x-same-as") in twin.names
        return not declared
    return False
