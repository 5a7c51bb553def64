"""Integers that JSON can write and 64 bits cannot hold.

The parser turns them into floats, silently. Where a body passes through byte for byte that does no harm; where it is
translated, the caller is told instead. Looking costs almost nothing as long as no nineteen digits stand in a row.
"""

from __future__ import annotations

from typing import Any

import msgspec

LONG = b"0" * 19
"""No shorter number can be out of range: 2**63 has nineteen digits."""
DIGITS_AS_ZERO = bytes(ord("0") if 48 <= byte <= 57 else ord(" ") for byte in range(256))

LEAST, MOST = -(1 << 63), (1 << 64) - 1

Piece = bytes | msgspec.Raw

_split_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_split_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


def integer_beyond_64_bits(raw: bytes) -> str | None:
    """The JSON pointer of the first integer in `raw` that 64 bits cannot hold, or None.

    `raw` is JSON that has been parsed once already, so it is well formed and not too deep.
    """
    return _find(raw, "")


def may_hold_one(value: Any) -> bool:
    """Whether parsed JSON of few values may have been written with such an integer: it would be a float now."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
        elif isinstance(each, float) and not LEAST < each < MOST:
            return True
    return False


def _find(raw: Piece, pointer: str) -> str | None:
    text = bytes(raw)
    if LONG not in text.translate(DIGITS_AS_ZERO):
        return None
    first = text.lstrip()[:1]
    if first == b"{":
        for name, piece in _split_object(text).items():
            found = _find(piece, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
            if found is not None:
                return found
    elif first == b"[":
        for index, piece in enumerate(_split_array(text)):
            found = _find(piece, f"{pointer}/{index}")
            if found is not None:
                return found
    elif first != b'"' and not any(sign in text for sign in b".eE") and not LEAST <= int(text) <= MOST:
        return pointer
    return None
