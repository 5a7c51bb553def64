"""Reasoning survives the way through any client.

A block of reasoning belongs to its maker. Written for a client of another family, it carries a seal in that dialect's
own opaque field: `morello1.<maker>.<payload>`. The payload holds the whole block, so any worker opens it after any
restart, and no state is kept. Coming back, it is opened for its maker and taken out for everybody else; templates
never see a seal.

    seal, unseal                   one block
    seal_parts, seal_event         what is written to a client of another family
    restore                        a neutral request, read from a client
    affected, restore_messages     a body that passes through: raw_reasoning.py

Payload: one letter (`j` as it is, `z` compressed), a checksum of four bytes, and the block as compact JSON, all as
base64url without padding. It holds no dot, so a maker may: the text is split from the right.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any

import orjson

from .losses import Loss

MARK = "morello1."
MARK_BASE64 = base64.b64encode(MARK.encode()).decode()
"""How a seal begins that is base64 once more, for clients that decode what is opaque to them."""
CALL = "tool_call"
"""The id of a redacted thought that is the signature of a call: it stands before the call, where clients of the dialect
have no place for it in the call itself."""
LARGEST_BLOCK = 32 * 1024 * 1024  # bytes, unpacked: a small seal could unpack to anything

Part = dict[str, Any]
DROPPED = Loss("compatibility", "reasoning")


def seal(part: Part, maker: str, form: str = "text") -> str:
    """The whole block as one opaque text that only Morello opens. An older signature of the block stays inside.

    `form` is `text`, or `base64` for a seal that is base64 as a whole.
    """
    plain = orjson.dumps(part)
    packed = zlib.compress(plain, 6)
    kind, body = (b"z", packed) if len(packed) < len(plain) else (b"j", plain)
    payload = base64.urlsafe_b64encode(kind + zlib.crc32(body).to_bytes(4, "big") + body).rstrip(b"=")
    text = f"{MARK}{maker}.{payload.decode('ascii')}"
    return base64.b64encode(text.encode()).decode() if form == "base64" else text


def sealed(text: Any) -> bool:
    """Whether this claims to be a seal; it may be damaged."""
    return isinstance(text, str) and text.startswith((MARK, MARK_BASE64))


def unseal(text: Any) -> tuple[str, Part] | None:
    """The maker and the block; None if this is no seal, or a damaged one."""
    if not sealed(text):
        return None
    try:
        if text.startswith(MARK_BASE64):
            text = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
        maker, dot, payload = text[len(MARK):].rpartition(".")
        if not dot or not maker:
            return None
        raw = base64.b64decode(payload + "=" * (-len(payload) % 4), altchars=b"-_", validate=True)
        form, checksum, body = raw[:1], raw[1:5], raw[5:]
        if zlib.crc32(body).to_bytes(4, "big") != checksum:
            return None
        if form == b"z":
            unpacker = zlib.decompressobj()
            body = unpacker.decompress(body, LARGEST_BLOCK)
            if not unpacker.eof:
                return None
        elif form != b"j":
            return None
        part = orjson.loads(body)
    except (binascii.Error, ValueError, zlib.error):
        return None
    if not isinstance(part, dict) or part.get("type") not in ("reasoning", "tool_call"):
        return None
    return maker, part


# ---- to a client -------------------------------------------------------------------------------------------------


def before_calls(parts: list[Part]) -> list[Part]:
    """The parts, the signature of each call as a redacted thought before it. Also for the loose deltas of a stream,
    whose kind is named by `part`. The list itself if no call is signed."""
    if not any(part.get("signature") and CALL in (part["type"], part.get("part")) for part in parts):
        return parts
    found = []
    for part in parts:
        if part.get("signature") and CALL in (part["type"], part.get("part")):
            thought = {"type": "reasoning", "redacted": True, "signature": part["signature"], "id": CALL}
            found.append(thought if part["type"] == CALL else {**thought, "type": "delta", "part": "reasoning"})
            found.append(without_signature(part))
        else:
            found.append(part)
    return found


def seal_part(part: Part, maker: str, form: str = "text") -> Part:
    """The part as a client of another family gets it: reasoning is sealed whole, a call's signature by itself."""
    kind = part.get("type")
    if kind == "reasoning":
        return {**part, "signature": seal(part, maker, form)}
    if kind == "tool_call" and "signature" in part:
        return {**part, "signature": seal({"type": "tool_call", "signature": part["signature"]}, maker, form)}
    return part


def seal_parts(parts: list[Part], maker: str, form: str = "text") -> list[Part]:
    """The parts of an answer, sealed. The list itself if there is nothing to seal."""
    for part in parts:
        if part.get("type") == "reasoning" or "signature" in part:
            break
    else:
        return parts
    return [seal_part(part, maker, form) for part in parts]


def seal_event(event: dict[str, Any], maker: str, form: str = "text") -> list[dict[str, Any]]:
    """What becomes of an event (behind the assembler): the maker's own signature is held back, and the seal comes as
    one delta before the end of its part, when the whole block is known. A redacted block is sealed at its start.
    """
    part = event.get("part")
    if part is None or part.get("type") not in ("reasoning", "tool_call"):
        return [event]
    kind = event["type"]
    if part["type"] == "tool_call":
        if kind == "part_delta" and "signature" in event:
            signed = seal_part({**part, "signature": event["signature"]}, maker, form)
            return [{**event, "part": signed, "signature": signed["signature"]}]
        return [{**event, "part": seal_part(part, maker, form)}] if "signature" in part else [event]
    if kind == "part_start":
        if part.get("redacted") and "signature" in part:
            return [{**event, "part": seal_part(part, maker, form)}]
        return [{**event, "part": without_signature(part)}] if "signature" in part else [event]
    if kind == "part_delta":
        rest = {key: value for key, value in event.items() if key != "signature"}
        told = rest.keys() & {"text", "data", "citation", "logprobs"}
        return [{**rest, "part": without_signature(part)}] if told else []
    whole = seal_part(part, maker, form)
    last = {**event, "part": whole}
    if part.get("redacted"):
        return [last]
    return [{**last, "type": "part_delta", "signature": whole["signature"]}, last]


def without_signature(part: Part) -> Part:
    if "signature" not in part:
        return part
    return {key: value for key, value in part.items() if key != "signature"}


# ---- from a client -----------------------------------------------------------------------------------------------


def restore(
    request: dict[str, Any], *, scope: str, native: bool, replay: str = "optional", signed: bool = True
) -> tuple[dict[str, Any], list[Loss]]:
    """A neutral request, read from a client, as its provider may see it; and what was lost.

    `scope`: the maker for which seals are opened. `native`: whether client and provider are of one family, so that a
    signature without a seal may be the provider's own; else the signature goes and the text stays. `replay`: whether
    the provider's dialect takes reasoning back (`required`, `optional`, `forbidden`). `signed`: whether it signs its
    reasoning; if it does not, that which nobody signed is as good as its own.
    """
    restorer = Restorer(scope, native, replay, signed)
    messages = []
    changed = False
    for message in request.get("messages", ()):
        known = restorer.message(message) if message.get("role") == "assistant" else message
        changed = changed or known is not message
        if known is not None:
            messages.append(known)
    losses = [DROPPED] if restorer.dropped else []
    if changed:
        request = {**request, "messages": messages}
    if replay == "required" and thinks(request) and restorer.missing_in_open_turn(request["messages"]):
        # The provider refuses an open tool turn whose reasoning did not come back, unless it need not think.
        request = {**request, "reasoning": {"mode": "disabled"}}
        losses = [DROPPED]
    return request, losses


class Restorer:
    def __init__(self, scope: str, native: bool, replay: str, signed: bool = True) -> None:
        self.scope, self.native, self.signed = scope, native, signed
        self.forbidden, self.required = replay == "forbidden", replay == "required"
        self.dropped = False
        self.own: set[int] = set()      # identities of the blocks that are the provider's own, as it made them
        self.held: list[str] = []       # signatures of calls that stood before them

    def message(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """The message itself, a changed one, or None if nothing of it is left."""
        parts: list[Part] = []
        changed = False
        self.held = []
        for part in message.get("parts", ()):
            known: Part | None = part
            if part.get("type") == "reasoning":
                known = self.reasoning(part)
                if known is not None and known.get("id") == CALL and known.get("redacted"):
                    self.held.append(known["signature"])
                    changed, known = True, None
                else:
                    self.dropped = self.dropped or known is None
            elif part.get("type") == "tool_call":
                if "signature" in part:
                    known = self.call(part)
                elif self.held:
                    known = {**part, "signature": self.held.pop(0)}
            changed = changed or known is not part
            if known is not None:
                parts.append(known)
        if not changed:
            return message
        return {**message, "parts": parts} if parts else None

    def reasoning(self, part: Part) -> Part | None:
        if self.forbidden:
            return None
        signature = part.get("signature")
        if sealed(signature):
            opened = unseal(signature)
            if opened is None or opened[0] != self.scope or opened[1]["type"] != "reasoning":
                return None
            self.own.add(id(opened[1]))
            return opened[1]
        if self.native:
            self.own.add(id(part))
        if self.native:
            return part
        if signature is None and not self.signed and not part.get("redacted"):
            return part
        # Another family's thought. A provider that demands reasoning back takes its text; any other might refuse it.
        if part.get("redacted") or not self.required:
            return None
        self.dropped = self.dropped or signature is not None
        return without_signature(part)

    def call(self, part: Part) -> Part:
        if sealed(part["signature"]):
            opened = unseal(part["signature"])
            if opened and opened[0] == self.scope and "signature" in opened[1]:
                return {**part, "signature": opened[1]["signature"]}
        elif self.native:
            return part
        self.dropped = True
        return without_signature(part)

    def missing_in_open_turn(self, messages: list[dict[str, Any]]) -> bool:
        """Whether the conversation ends within a tool turn, and its last call came without the provider's own
        reasoning before it: words of another's would be refused as well as none."""
        if not messages or messages[-1].get("role") != "tool":
            return False
        for message in reversed(messages):
            if message.get("role") == "assistant":
                parts = message.get("parts", ())
                called = any(part.get("type") == "tool_call" for part in parts)
                return called and not any(id(part) in self.own for part in parts)
            if message.get("role") == "user":
                return False
        return False


def thinks(request: dict[str, Any]) -> bool:
    wish = request.get("reasoning") or {}
    return wish.get("mode") != "disabled" and wish.get("effort") != "none" and bool(wish.keys() - {"display"})
