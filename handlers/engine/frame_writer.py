"""How a streamed answer is written in the caller's framing, frame by frame.

Server-sent events, lines of JSON, or the elements of one JSON array; where the dialect says so, each frame carries its
number in the stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from .dialects import Framing
from .streams import write_frames

MEDIA_TYPES = {
    "sse": b"text/event-stream; charset=utf-8",
    "ndjson": b"application/x-ndjson",
    "json-array": b"application/json",
}
QUIET = {"sse": b": ping\n\n", "ndjson": b"", "json-array": b" "}
"""What may stand between two frames without meaning anything, for dialects that have no ping of their own."""


class FrameWriter:
    """Writes the frames of one stream. `count` is how many have been written, `framing` the dialect's `stream:`."""

    __slots__ = ("count", "framing", "name", "number")

    def __init__(self, framing: Framing) -> None:
        self.framing = framing
        self.name = framing.name
        self.number = framing.number
        self.count = 0

    @property
    def media_type(self) -> bytes:
        return MEDIA_TYPES[self.name]

    @property
    def joins(self) -> bool:
        """Whether the bytes of a frame do not depend on those before it, but for its number."""
        return self.name != "json-array"

    @property
    def quiet(self) -> bytes:
        return QUIET[self.name] if self.framing.comments else b""

    def write(self, frames: Iterable[dict[str, Any]]) -> bytes:
        """The bytes of neutral frames, in one piece. Comments exist in server-sent events only."""
        return self.unnumbered(frames if self.number is None else self.numbered(frames))

    def unnumbered(self, frames: Iterable[dict[str, Any]]) -> bytes:
        """The bytes of frames as they are."""
        if self.name == "sse":
            if not self.framing.comments:
                frames = [frame for frame in frames if "data" in frame]
            return write_frames(frames)
        return b"".join([self.element(orjson.dumps(frame["data"])) for frame in frames if "data" in frame])

    def numbered(self, frames: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The frames, each object with its number in the stream."""
        assert self.number is not None
        found = []
        for frame in frames:
            data = frame.get("data")
            if isinstance(data, dict):
                found.append({**frame, "data": {**data, self.number: self.count}})
                self.count += 1
            else:
                found.append(frame)
        return found

    def element(self, data: bytes) -> bytes:
        """One frame of JSON text as it is."""
        if self.name == "sse":
            return b"data: " + data + b"\n\n"
        if self.name == "ndjson":
            return data + b"\n"
        opened = self.count > 0
        self.count += 1
        return (b",\n" if opened else b"[") + data

    def finish(self) -> bytes:
        """What closes the stream behind its last frame."""
        if self.name != "json-array":
            return b""
        return b"]" if self.count else b"[]"
