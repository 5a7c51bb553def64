"""Which part of an answer a loose delta belongs to.

Providers name the parts of a stream in every way: by a number that is unique or begins again in each frame, by an id
once or each time, or not at all. A key belongs to one part until a new id or another call takes it over; without a
key, text continues the last text of its kind, and a call with a name or a new id is a new call.
"""

from __future__ import annotations

from .parts import KINDS, GrowingPart, Json

_CONTENT = ("text", "arguments", "citation", "signature", "transcript", "data", "logprobs", "name", "id", "redacted",
            "url", "file_id")  # fmt: skip
_BY_CONTENT = (
    ("arguments", "tool_call"), ("text", "text"), ("citation", "text"), ("signature", "reasoning"),
    ("transcript", "file"), ("url", "file"), ("file_id", "file"),
)  # fmt: skip


class Routes:
    """Finds or makes the part of each delta. `line` is the assembler's: the open part, and those that wait."""

    __slots__ = ("_by_id", "_by_key", "_line", "_nameless", "last")

    def __init__(self, line: list[GrowingPart]) -> None:
        self._line = line
        self._by_key: dict[object, GrowingPart] = {}
        self._by_id: dict[str, GrowingPart] = {}
        self._nameless: list[GrowingPart] = []
        self.last: GrowingPart | None = None
        """What a delta without key and kind belongs to."""

    def part_of(self, loose: Json) -> GrowingPart | None:
        """The part for one delta; None: it says nothing. The part may have closed, and then the delta is too late."""
        part = self._known(loose)
        bare_end = loose.get("end") and not any(loose.get(member) for member in _CONTENT)
        if bare_end or (part is not None and not is_another(part, loose)):
            self._remember(part, loose)
            return None if part is not None and is_repetition(part, loose) else part
        key, kind = loose.get("key"), loose.get("part") or (part.kind if part else kind_by_content(loose))
        if kind not in KINDS:
            return None
        if part is not None and key is not None:
            part.ended = True  # its key is taken
        new = GrowingPart(kind, key, redacted=bool(loose.get("redacted")))
        if key is not None:
            self._by_key[key] = self._by_key[kind, key] = new
        if kind == "tool_call":
            self._nameless.append(new)
        self._remember(new, loose)
        return new

    def _known(self, loose: Json) -> GrowingPart | None:
        key, kind = loose.get("key"), loose.get("part")
        if key is not None:
            return self._by_key.get((kind, key) if kind else key)
        last = self._line[-1] if self._line else None
        part = self.last if self.last is not None and not self.last.closed else last
        if kind and (part is None or part.kind != kind):
            part = last if last is not None and last.kind == kind else None
        if kind == "tool_call" and loose.get("id"):
            part = self._by_id.get(loose["id"], part)
        return part

    def _remember(self, part: GrowingPart | None, loose: Json) -> None:
        if part is None:
            return
        self.last = part
        if part.kind == "tool_call" and loose.get("id"):
            self._by_id[loose["id"]] = part

    def nameless(self) -> list[GrowingPart]:
        """Calls of which arguments came, but never a name."""
        return [part for part in self._nameless if part.text and not part.name and not part.closed]


def kind_by_content(loose: Json) -> str | None:
    """The kind of a delta that names neither kind nor a known key."""
    for member, kind in _BY_CONTENT:
        if loose.get(member):
            return kind
    data = loose.get("data")
    return ("unknown" if isinstance(data, dict) else "file") if data else None


def is_another(part: GrowingPart, loose: Json) -> bool:
    """Whether a delta that leads to this part, by its key or as the last of its kind, begins a new one all the same."""
    kind, keyless, wire_id = part.kind, loose.get("key") is None, loose.get("id") or ""
    if kind == "tool_call":
        return _is_another_call(part, loose, wire_id, keyless=keyless)
    if part.closed:
        return True
    if kind in ("reasoning", "file") and wire_id and part.wire_id and wire_id != part.wire_id:
        return True
    if kind == "file" and keyless and part.elsewhere:
        return bool(loose.get("url") or loose.get("file_id"))
    if kind == "unknown":
        return keyless and loose.get("part") == "unknown" and part.has_content
    if kind == "reasoning" and part.has_content:
        redacted = bool(loose.get("redacted"))
        return redacted != part.redacted if keyless else redacted and not part.redacted
    return False


def is_repetition(part: GrowingPart, loose: Json) -> bool:
    """Whether a call that is complete is said once more: it must not run twice, nor get its arguments twice."""
    return part.kind == "tool_call" and bool(loose.get("name") and loose.get("arguments")) and part.is_complete()


def _is_another_call(part: GrowingPart, loose: Json, wire_id: str, *, keyless: bool) -> bool:
    if wire_id and part.wire_id and wire_id != part.wire_id:
        return True
    name, arguments = loose.get("name") or "", loose.get("arguments") or ""
    if not name or not part.name:
        return False
    if keyless and not wire_id:
        return True
    if part.closed or part.is_complete():
        # Some servers begin to count again in each frame. What is said twice word for word is one call.
        return name != part.name or bool(arguments.strip() and arguments != "".join(part.text))
    return bool(wire_id) and name != part.name
