"""The streams of providers and ours: framings by name, the JSON in an event, what a relay checks, the writing.

Everything here works on bytes. Text decoders and `splitlines()` would cut an event at U+2028, and a character that
two network reads share would be lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from .event_stream import EventStream, parse_message
from .framings import (
    LINE_END,
    JsonArray,
    JsonLines,
    Parsed,
    ServerSentEvents,
    Splitter,
    StreamError,
    parse_array_element,
    parse_json_line,
    parse_server_sent_event,
)

__all__ = [
    "FRAMINGS", "OF_JSON", "READ_ONLY", "Parsed", "Splitter", "StreamError", "parse_event", "parser", "read_data",
    "splitter", "violation", "write_frames",
]  # fmt: skip

# ---- by name ----------------------------------------------------------------------------------------------------

_SPLITTERS: dict[str, Callable[[], Splitter]] = {
    "sse": ServerSentEvents,
    "ndjson": JsonLines,
    "json-array": JsonArray,
    "aws-event-stream": EventStream,
}
_PARSERS: dict[str, Callable[[bytes], Parsed]] = {
    "sse": parse_server_sent_event,
    "ndjson": parse_json_line,
    "json-array": parse_array_element,
    "aws-event-stream": parse_message,
}
FRAMINGS = tuple(_SPLITTERS)
"""The names a dialect's `stream: {framing: …}` may have."""
OF_JSON = frozenset(("ndjson", "json-array"))
"""Those whose media type may be the one of a whole answer, so that it tells nothing."""
READ_ONLY = frozenset(("aws-event-stream",))
"""Those in which providers stream, and nothing is written for a caller."""


def splitter(framing: str) -> Splitter:
    """A fresh splitter of one of FRAMINGS, for one stream."""
    return _SPLITTERS[framing]()


def parser(framing: str) -> Callable[[bytes], Parsed]:
    """The function that reads one event of this framing: raw → (name or None, data or None)."""
    return _PARSERS[framing]


def parse_event(framing: str, raw: bytes) -> Parsed:
    """Name and data of one raw event; no data: a comment, or a blank line."""
    return _PARSERS[framing](raw)


def read_data(data: bytes) -> Any:
    """The JSON value of an event's data; what is not JSON stays text."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        text = data.decode("utf-8", "replace")
    # Some servers cut an emoji in two and send each half as an escape of its own, which only the lenient reader takes.
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


# ---- what a relay checks ----------------------------------------------------------------------------------------

_EVENT = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:(?:(?:data|event|id|retry)(?::[^\r\n]*)?|:[^\r\n]*)?(?:\r\n|\n|\r))*",
)


def violation(raw: bytes) -> str:
    """What is wrong with one raw event as server-sent events go; the empty text if nothing is.

    Meant for relays, which count and log it and pass the event on all the same.
    """
    if raw[-2:] == b"\n\n" and b"\r" not in raw:  # two shapes are nearly all there is
        line = raw.find(b"\n") + 1 if raw[:7] == b"event: " else 0
        if raw[line : line + 6] == b"data: " and raw.find(b"\n", line + 6) == len(raw) - 2:
            return ""
    if _EVENT.fullmatch(raw):
        return ""
    if raw[-1:] not in (b"\n", b"\r"):
        return "the last event has no end"
    return "a line is neither data, event, id, retry nor a comment"


# ---- writing ----------------------------------------------------------------------------------------------------

_names: dict[str, bytes] = {}


def write_frames(frames: Iterable[dict[str, Any]]) -> bytes:
    """The bytes of neutral frames as server-sent events, in one piece."""
    pieces: list[bytes] = []
    for frame in frames:
        if "comment" in frame:
            pieces.append(_lines(b": ", frame["comment"]) + b"\n")
            continue
        name = frame.get("event")
        if name is not None:
            pieces.append(_names.get(name) or _name_line(name))
        data = frame["data"]
        if isinstance(data, str):
            pieces.append(_lines(b"data: ", data) + b"\n")
        else:
            pieces += (b"data: ", _json(data), b"\n\n")
    return b"".join(pieces)


def _json(data: Any) -> bytes:
    try:
        return orjson.dumps(data)
    except TypeError:
        # Half an emoji, or an integer beyond 64 bits.
        return json.dumps(data, separators=(",", ":")).encode()


def _name_line(name: str) -> bytes:
    line = b"event: " + b" ".join(_encoded(name).splitlines()) + b"\n"
    if len(_names) < 256:
        _names[name] = line
    return line


def _lines(prefix: bytes, text: str) -> bytes:
    """Text as lines of one field: a line break inside it must not end the event."""
    encoded = _encoded(text)
    if b"\n" not in encoded and b"\r" not in encoded:
        return prefix + encoded + b"\n"
    return b"".join(prefix + line + b"\n" for line in LINE_END.split(encoded))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")
