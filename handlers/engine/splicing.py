"""Changing members of a JSON object in its bytes: all that is not changed stays as it is, to the byte.

Passing a body through means that white space, key order, unknown members, numbers like `1.0` and escapes arrive as
they were sent. So nothing is parsed and written again but the values that change.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec
import orjson

SPACE = re.compile(rb"[ \t\r\n]*")
TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
VALUES = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Member(NamedTuple):
    """Where one member stands: from the quote of its key to the end of its value."""

    name: str
    start: int
    value: int
    end: int


class NotSpliceable(Exception):
    """The bytes are no JSON object, or one with a key twice."""


def members(raw: bytes) -> list[Member]:
    """The members of the JSON object that `raw` is, in order, by position.

    Raises NotSpliceable where `raw` is no object or has a key twice (which of the two counts, readers disagree about).
    """
    try:
        values = VALUES.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotSpliceable(str(error)) from None
    found: list[Member] = []
    position = SPACE.match(raw, 0).end() + 1  # type: ignore[union-attr]
    for _ in range(len(values)):
        start = SPACE.match(raw, position).end()  # type: ignore[union-attr]
        key = TEXT.match(raw, start)
        if key is None:
            raise NotSpliceable("a key twice")
        name = orjson.loads(key[0])
        position = SPACE.match(raw, key.end()).end() + 1  # type: ignore[union-attr]
        begin = SPACE.match(raw, position).end()  # type: ignore[union-attr]
        view = memoryview(values[name])
        end = begin + view.nbytes
        if memoryview(raw)[begin:end] != view:
            raise NotSpliceable("a key twice")
        found.append(Member(name, start, begin, end))
        position = SPACE.match(raw, end).end() + 1  # type: ignore[union-attr]
    if raw[position - 1 : position] not in (b"}", b"{") and not (not values and raw[position:].lstrip()[:1] == b"}"):
        raise NotSpliceable("a key twice")
    return found


def top_level(raw: bytes) -> dict[str, msgspec.Raw] | None:
    """The values of the JSON object that `raw` is, each as its bytes; None where it is none, or no valid JSON."""
    try:
        if not raw.isascii():
            raw.decode()  # what lies inside of the values is not looked at for that
        return VALUES.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def splice(raw: bytes, edits: dict[str, bytes | None]) -> bytes:
    """`raw` with the members that `edits` names replaced, added, or (None) taken out."""
    found = members(raw)
    pieces: list[bytes] = []
    known: set[str] = set()
    behind = 0
    for member in found:
        known.add(member.name)
        value = edits.get(member.name, b"")
        if value is not None:
            start = member.start if not pieces else behind
            pieces += (raw[start : member.value], value or raw[member.value : member.end])
        behind = member.end
    for name, value in edits.items():
        if value is not None and name not in known:
            pieces.append(b"%s%s:%s" % (b"," if pieces else b"", orjson.dumps(name), value))
    opened = found[0].start if found else raw.index(b"{") + 1
    return b"".join((raw[:opened], *pieces, raw[behind or opened :]))


def appended(raw: bytes, added: dict[str, bytes]) -> bytes:
    """`raw`, an object with members, with more of them at its end, none of which it has."""
    head = raw[: raw.rindex(b"}")].rstrip(WHITE_SPACE)
    more = b"".join([b",%s:%s" % (orjson.dumps(name), value) for name, value in added.items()])
    return head + more + raw[len(head) :]


def locate(raw: bytes, path: tuple[str, ...]) -> tuple[int, int] | None:
    """From where to where the value at `path` stands (`("message", "model")`), or None if it is not there."""
    offset = 0
    for name in path:
        try:
            found = members(raw)
        except NotSpliceable:
            return None
        for member in found:
            if member.name == name:
                break
        else:
            return None
        offset += member.value
        begin, end = member.value, member.end
        raw = raw[begin:end]
    return offset, offset + len(raw)


WHITE_SPACE = b" \t\r\n"
AFTER_KEY = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
SHORT = 64
"""Bytes behind a key in which its value begins, unless somebody has put a lot of space there."""
BLANK = (b" ", b"\t", b"\r", b"\n")


def replace_text(raw: bytes, name: str, old: bytes, new: bytes) -> bytes:
    """`raw` with the text `old` of the member `name` replaced by `new`, both as JSON.

    Where the quoted name occurs just once, and no escape could hide another spelling of it, that place is the member's
    and nothing needs to be scanned. Raises NotSpliceable.
    """
    quoted = b'"%b"' % name.encode()
    end = raw.find(quoted) + len(quoted)
    if end >= len(quoted) and raw.find(quoted, end) < 0 and (b"\\" not in raw or b"\\u00" not in raw):
        begin = end + value_begin(raw[end : end + SHORT])
        if raw.startswith(old, begin):
            return b"".join((raw[:begin], new, raw[begin + len(old) :]))
    return splice(raw, {name: new})


def value_begin(behind: bytes) -> int:
    """Where a value begins in what comes after its key."""
    if behind[:1] == b":" and behind[1:2] not in BLANK:
        return 1
    found = AFTER_KEY.match(behind)
    return 0 if found is None else found.end()


def replace_first(raw: bytes, name: str, old: bytes, new: bytes) -> bytes:
    """`raw` with the value `old` of its member `name` replaced by the JSON `new`.

    As a rule the member stands near the beginning, with nothing before it that could hold another of its name.
    """
    quoted = b'"%b"' % name.encode()
    before, found, behind = raw.partition(quoted)
    if found and before.count(b"{") == 1 and b"[" not in before and b"\\" not in before:
        begin = value_begin(behind)
        if behind.startswith(old, begin):
            return b"".join((before, quoted, behind[:begin], new, behind[begin + len(old) :]))
    try:
        return splice(raw, {name: new})
    except NotSpliceable:
        return raw
