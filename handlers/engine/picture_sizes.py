"""Width and height of a picture, by which its tokens are counted: from its first bytes, without decoding it."""

from __future__ import annotations

import binascii
import struct

MOST_READ = 256 << 10
"""Characters of base64 that are looked at: metadata may stand before the size."""
FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of a JPEG whose segment holds its size."""

Size = tuple[int, int]


def size_of(data: str) -> Size | None:
    """Width and height of a PNG, GIF, JPEG or WebP in base64; None for anything else."""
    try:
        raw = binascii.a2b_base64(data[:MOST_READ])
    except ValueError:  # no base64, or not even its letters
        return None
    try:
        if raw.startswith(b"\x89PNG\r\n\x1a\n"):
            return struct.unpack(">II", raw[16:24])
        if raw.startswith((b"GIF87a", b"GIF89a")):
            return struct.unpack("<HH", raw[6:10])
        if raw.startswith(b"\xff\xd8"):
            return _jpeg(raw)
        if raw.startswith(b"RIFF") and raw[8:12] == b"WEBP":
            return _webp(raw)
    except (struct.error, IndexError):
        pass
    return None


def _jpeg(raw: bytes) -> Size | None:
    at = 2
    while raw[at] == 0xFF:
        marker = raw[at + 1]
        if marker == 0xFF:  # a filler
            at += 1
            continue
        if marker in FRAMES:
            height, width = struct.unpack(">HH", raw[at + 5 : at + 9])
            return width, height
        if 0xD0 <= marker <= 0xD9 or marker == 0x01:  # markers without a segment
            at += 2
            continue
        at += 2 + int.from_bytes(raw[at + 2 : at + 4])
    return None


def _webp(raw: bytes) -> Size | None:
    kind = raw[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", raw[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        bits = int.from_bytes(raw[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(raw[24:27], "little") + 1, int.from_bytes(raw[27:30], "little") + 1
    return None
