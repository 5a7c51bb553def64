"""Deltas of streams that say in each frame all that they have said so far.

A reader has no memory, so it cannot tell what is new; it marks such a delta `"snapshot": true`. What of its text or
arguments is known already is taken off here, before anybody looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable

from .parts import Json
from .routes import kind_by_content

REVISED: Json = {
    "type": "upstream",
    "code": "answer_revised",
    "message": "The provider took back what it had already said, so the rest of its answer cannot be told.",
    "status": 502,
}
Name = tuple[object, object]
Known = dict[Name, tuple[str, str]]
"""The id and the text of what has come so far, by the kind and the key of the part."""


def shred_of(loose: Json, known: Known) -> Json | None:
    """A loose delta as what it adds to the snapshot before it; None: nothing. An `error` event where it is no
    continuation: what a caller has heard cannot be unsaid.

    Without a key, a snapshot holds all that the answer has of its kind. A new id under an old key begins anew.
    """
    shred = {member: value for member, value in loose.items() if member != "snapshot"}
    kind = loose.get("part") or kind_by_content(loose)
    grows = "arguments" if kind == "tool_call" else "text"
    whole = loose.get(grows)
    if not isinstance(whole, str):
        return shred
    name = kind, loose.get("key")
    wire_id, said = known.get(name, ("", ""))
    new_id = loose.get("id") or wire_id
    if wire_id and new_id != wire_id:
        said = ""
    if not whole.startswith(said):
        return {"type": "error", "error": REVISED}
    known[name] = new_id, whole
    shred[grows] = whole[len(said) :]
    if shred[grows] or loose.keys() - {"type", "part", "key", "id", "name", "snapshot", grows} or not said:
        return shred
    return None


def in_shreds(loose_events: Iterable[Json], known: Known) -> Iterable[Json]:
    """Loose events without snapshots, for those who look at texts before the assembler does."""
    for loose in loose_events:
        shred = shred_of(loose, known) if "snapshot" in loose else loose
        if shred is not None:
            yield shred
