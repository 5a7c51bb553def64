"""Images that nobody can decode, for providers that are declared with `broken_images: replace`.

A provider refuses a conversation with such an image in it, and refuses it again on every later turn, because clients
send the whole conversation each time. Where an operator wishes it, a sentence takes the image's place, and the caller
is told. What is looked at is the encoding and the first bytes, which is what goes wrong: cut uploads, wrong types, an
error page where a picture was expected.
"""

from __future__ import annotations

import binascii
from typing import Any

from .losses import Loss

Part = dict[str, Any]

SIGNATURES = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
SENTENCE = "[There was an image here that could not be decoded.]"
SLICE = 1 << 18
"""Characters decoded at a time: the decoder lets no other thread run meanwhile."""
WHITE_SPACE = str.maketrans("", "", " \t\r\n")


def replaced(request: dict[str, Any]) -> tuple[dict[str, Any], list[Loss]]:
    """The neutral request with a sentence for each broken image, and what to tell; itself if there is none."""
    losses: list[Loss] = []
    messages = []
    for message in request.get("messages", ()):
        parts = message.get("parts")
        better = mended(parts, losses) if isinstance(parts, list) else parts
        messages.append(message if better is parts else {**message, "parts": better})
    return ({**request, "messages": messages} if losses else request), losses


def mended(parts: list[Part], losses: list[Loss]) -> list[Part]:
    """The parts without broken images, also inside results of tools; the same list if there are none."""
    found: list[Part] = []
    changed = False
    for part in parts:
        better = part
        if part.get("type") == "file":
            if not decodes(part):
                losses.append(Loss("compatibility", "image"))
                better = {"type": "text", "text": SENTENCE, **{key: part[key] for key in ("cache",) if key in part}}
        elif part.get("type") == "tool_result" and isinstance(part.get("parts"), list):
            inner = mended(part["parts"], losses)
            better = part if inner is part["parts"] else {**part, "parts": inner}
        changed = changed or better is not part
        found.append(better)
    return found if changed else parts


def decodes(part: Part) -> bool:
    """Whether an image's data is base64, and begins as its media type says. What is no image, or no data, counts as
    good."""
    data = part.get("data")
    if part.get("modality") != "image" or not isinstance(data, str):
        return True
    data = data.translate(WHITE_SPACE)
    begins = b""
    try:
        for at in range(0, len(data), SLICE):
            piece = data[at : at + SLICE]
            if "=" in piece and at + SLICE < len(data):
                return False
            decoded = binascii.a2b_base64(piece, strict_mode=True)
            begins = begins or decoded[:16]
    except (binascii.Error, ValueError):
        return False
    signatures = SIGNATURES.get(str(part.get("media_type")).lower())
    return bool(begins) and (signatures is None or begins.startswith(signatures))
