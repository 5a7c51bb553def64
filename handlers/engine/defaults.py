"""Defaults on the byte path: what a provider or a model declares, as members of the wire.

`defaults:` speaks the neutral vocabulary. In translation the neutral request is filled; on the byte path there is
none, so the dialect's own writer is asked once for each default which top-level members it makes of it, and those are
filled in where the body has none. What a dialect as a whole declares is for translation only: a body that satisfies
the dialect's own contract needs nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .losses import Loss

if TYPE_CHECKING:
    from .call import Call
    from .providers import Door, Target

BARE: dict[str, Any] = {"model": "m", "messages": []}


class Defaults:
    """Remembers, for each door and model, the members that its defaults amount to."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], dict[str, dict[str, Any]]] = {}

    def fill(self, call: Call, body: dict[str, Any], target: Target, door: Door) -> dict[str, Any]:
        """`body` with the defaults of provider and model where it has none; each that was used is reported."""
        if target.defaults(door) == door.dialect.defaults:
            return body
        key = (id(door), target.model_id if target.model else "")
        members = self._known.get(key)
        if members is None:
            members = self._known[key] = amounts_to(target, door)
        for name, wire in members.items():
            if wire and not any(member in body for member in wire):
                body = {**body, **wire}
                call.losses.append(Loss("default", name))
        return body


def amounts_to(target: Target, door: Door) -> dict[str, dict[str, Any]]:
    """For each default the top-level members of the wire that the dialect's writer makes of it."""
    write = door.dialect.write_request
    if write is None:
        return {}
    values = target.values(door)
    bare = write({**BARE, "values": values}) or {}
    found = {}
    for name, value in target.defaults(door).items():
        if door.dialect.defaults.get(name) == value:
            continue
        written = write({**BARE, name: value, "values": values}) or {}
        found[name] = {member: inner for member, inner in written.items() if bare.get(member) != inner}
    return found
