"""One part of an answer while it grows: what has come of it, what may still come, what it is in the end.

The assembler decides the order of parts; a GrowingPart only knows itself.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import orjson

from .vocabulary_text import has_long_number

Json = dict[str, Any]

TEXT_KINDS = frozenset(("text", "refusal", "reasoning"))
KINDS = frozenset(("text", "refusal", "reasoning", "file", "tool_call", "unknown"))
SPOKEN = TEXT_KINDS | {"tool_call"}
FILE_MEMBERS = ("modality", "media_type", "url", "file_id", "filename", "expires_at")
"""What is said of a file as a whole; the last word counts."""
ATTEMPTS = 64
"""How often the arguments of one call are parsed to see whether they are complete."""

LONG_INTEGER = b"0" * 19
"""orjson turns an integer of this length into a float."""


class GrowingPart:
    """What has come of one part. `key` is the reader's name for it, `wire_id` the id the provider gave."""

    __slots__ = (
        "attempts", "begun", "citations", "closed", "complete_text", "data", "ended", "fields", "grows",
        "head", "id", "index", "key", "kind", "logprobs", "name", "nth", "pending", "redacted", "signature", "text",
        "transcript", "wire_id",
    )  # fmt: skip

    def __init__(self, kind: str, key: object, *, redacted: bool = False) -> None:
        self.kind = kind
        self.grows = "arguments" if kind == "tool_call" else "text"
        """The member of a delta that its text comes in."""
        self.key = key
        self.redacted = redacted and kind == "reasoning"
        self.wire_id = self.id = self.name = ""
        self.text: list[str] = []
        """The shreds of the text, or of a call's arguments."""
        self.signature: list[str] = []
        self.transcript: list[str] = []
        self.data: list[Any] = []
        self.citations: list[Json] = []
        self.logprobs: list[Json] = []
        self.fields: Json = {}
        self.pending: list[Json] = []
        """Changes that wait for the part's turn."""
        self.head: Json = {}
        """The part as its start shows it. Events share it, so it never changes."""
        self.index = self.nth = 0
        self.begun = self.ended = self.closed = False
        self.attempts = ATTEMPTS
        self.complete_text = ""

    # ---- what comes -----------------------------------------------------------------------------------------

    def absorb(self, loose: Json) -> list[Json]:
        """Remember a loose delta; the changes it makes, as members of `part_delta` events."""
        changes: list[Json] = []
        self._describe(loose)
        kind = self.kind
        text = as_text(loose.get(self.grows)) if kind in SPOKEN else ""
        logprobs = loose.get("logprobs") if kind in ("text", "refusal") else None
        if text or logprobs:
            change: Json = {}
            if text:
                self.text.append(text)
                change[self.grows] = text
            if logprobs:
                self.logprobs += logprobs
                change["logprobs"] = logprobs
            changes.append(change)
        if kind in ("reasoning", "tool_call") and (signature := loose.get("signature")):
            self.signature.append(signature)
            changes.append({"signature": signature})
        if kind == "text" and (citation := loose.get("citation")):
            self.citations.append(citation)
            changes.append({"citation": citation})
        if kind == "file" and (transcript := loose.get("transcript")):
            self.transcript.append(transcript)
            changes.append({"transcript": transcript})
        # A reader without memory cannot tell a change of an unknown block from shreds of a call, and says both.
        data = loose.get("data")
        if (kind == "unknown" and data is not None) or (kind == "file" and data and isinstance(data, str)):
            self.data.append(data)
            if kind == "file" or len(self.data) > 1:
                changes.append({"data": data})
        return changes

    def _describe(self, loose: Json) -> None:
        self.wire_id = self.wire_id or loose.get("id") or ""
        self.name = self.name or loose.get("name") or ""
        if loose.get("redacted") and self.kind == "reasoning" and not self.begun:
            self.redacted = True
        for name in FILE_MEMBERS:
            if loose.get(name) is not None:
                self.fields[name] = loose[name]

    def takes(self, loose: Json) -> bool:
        """Whether a delta is just more of the text, or of the arguments, of this part as the only open one: nearly all
        deltas are."""
        text = loose.get(self.grows)
        if text.__class__ is not str or not text:
            return False
        members = len(loose)
        if members == 3:
            return bool(loose["part"] == self.kind if "part" in loose else loose.get("key", self) == self.key)
        if members != 4 or loose.get("key", self) != self.key:
            return False
        # A reader without memory cannot tell a change of an unknown block from shreds of a call, and says both.
        return loose.get("part") == self.kind or (self.kind == "tool_call" and "data" in loose and "part" not in loose)

    # ---- what may be said of it -----------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether its start can be shown. What never has content never starts."""
        if self.kind == "tool_call":
            return bool(self.name)
        if self.kind == "unknown":
            return bool(self.data)
        if self.kind == "file":
            return bool(self.data or self.transcript or self.wire_id or self.elsewhere)
        return self.has_content

    @property
    def elsewhere(self) -> bool:
        """Whether the part is a file that has its content at an address, or with the provider."""
        return "url" in self.fields or "file_id" in self.fields

    @property
    def has_content(self) -> bool:
        return bool(self.text or self.signature or self.citations or self.logprobs or self.data or self.transcript)

    @property
    def may_grow(self) -> bool:
        """Whether shreds may still come after those of another part: only of a call that has a key."""
        return self.kind == "tool_call" and self.key is not None and not self.ended and not self.is_complete()

    def is_complete(self) -> bool:
        """Whether the arguments are a whole JSON object already, to which nothing could be added."""
        if self.complete_text:
            return True
        if not self.text or self.attempts <= 0 or not self.text[-1].rstrip().endswith("}"):
            return False
        self.attempts -= 1
        text = "".join(self.text)
        if isinstance(read_arguments(text), dict):
            self.complete_text = text
        return bool(self.complete_text)

    # ---- what is shown --------------------------------------------------------------------------------------

    def show(self, dialect: str) -> Json:
        """The part as it stands at its start; kept as `head`."""
        part: Json = {"type": self.kind}
        if self.kind in TEXT_KINDS:
            part["text"] = ""
        elif self.kind == "tool_call":
            part |= {"id": self.id, "name": self.name}
        elif self.kind == "unknown":
            part |= {"dialect": dialect, "data": _block(self.data[0])}
        else:
            part["modality"] = self.fields.get("modality") or modality_of(self.fields.get("media_type"))
            part |= {name: value for name, value in self.fields.items() if name != "modality"}
        if self.kind in ("reasoning", "file") and self.wire_id:
            part["id"] = self.wire_id
        self.head = part
        return part

    def whole(self, dialect: str, *, cut: bool = False) -> Json:
        """The part as it is in the end. `cut`: the answer broke off here, so missing arguments are not invented."""
        if self.kind == "reasoning" and self.redacted:
            redacted = {"type": "reasoning", "redacted": True, "signature": "".join(self.signature)}
            return redacted | ({"id": self.wire_id} if self.wire_id else {})
        part = self.show(dialect).copy() if not self.head else self.head.copy()
        if self.kind in ("reasoning", "file") and self.wire_id:
            part["id"] = self.wire_id
        if self.kind in TEXT_KINDS:
            part["text"] = "".join(self.text)
        elif self.kind == "tool_call":
            text = "".join(self.text)
            part["arguments"] = text if cut and not text.strip() else read_arguments(text)
        elif self.kind == "unknown":
            part["data"] = merged_block(self.data)
        else:
            self._complete_file(part)
        if self.signature:
            part["signature"] = "".join(self.signature)
        if self.citations:
            part["citations"] = self.citations
        if self.logprobs:
            part["logprobs"] = self.logprobs
        return part

    def _complete_file(self, part: Json) -> None:
        part |= {name: value for name, value in self.fields.items() if name not in part}
        if self.data or not (self.wire_id or self.elsewhere):
            part["data"] = joined_base64(self.data)
        if self.transcript:
            part["transcript"] = "".join(self.transcript)


def joined(changes: list[Json]) -> list[Json]:
    """Changes that waited: shreds of the same text become one."""
    found: list[Json] = []
    for change in changes:
        name = next(iter(change))
        value = change[name]
        if found and list(found[-1]) == list(change) == [name] and isinstance(value, str) and name != "data":
            found[-1] = {name: found[-1][name] + value}
        else:
            found.append(change)
    return found


def as_text(value: Any) -> str:
    """Text as it is; anything else, which no reader should give, as JSON."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def read_arguments(text: str) -> Json | str:
    """The object that a call's arguments are; `{}` where there are none; else the model's text, untouched."""
    if not text.strip():
        return {}
    try:
        value = json.loads(text) if has_long_number(text, LONG_INTEGER) else orjson.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def modality_of(media_type: object) -> str:
    """image, audio, video, or document for all else."""
    kind = media_type.partition("/")[0] if isinstance(media_type, str) else ""
    return kind if kind in ("image", "audio", "video") else "document"


def joined_base64(shreds: list[str]) -> str:
    """One base64 text of shreds, each of which may have been encoded by itself."""
    plain = "".join(shreds)
    if "=" not in plain.rstrip("="):
        return plain
    try:
        return base64.b64encode(b"".join(base64.b64decode(shred) for shred in shreds)).decode()
    except binascii.Error:
        return plain


def _block(data: Any) -> Json:
    return data.copy() if isinstance(data, dict) else {"data": data}


def merged_block(data: list[Any]) -> Json:
    """A block and the changes to it as one: texts and lists grow, mappings merge, `type` stays the block's."""
    block = _block(data[0])
    for change in data[1:]:
        block = _merged(block, {name: value for name, value in _block(change).items() if name != "type"})
    return block


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {name: _merged(old[name], value) if name in old else value for name, value in new.items()}
    if isinstance(old, str) and isinstance(new, str):
        return old + new
    if isinstance(old, list) and isinstance(new, list):
        return old + new
    return new
