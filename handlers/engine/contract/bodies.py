"""A request's body, from the socket to parsed JSON: size, time, encoding, syntax and depth, each with its own refusal.

What is large is left to large.py, which does the same in a thread.
"""

from __future__ import annotations

import asyncio
import sys
import zlib
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.types import Receive

from ..errors import GatewayError, InvalidRequest, TooLarge
from .schemas import Depth

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MOST_BYTES = 32 << 20
"""The largest body, counted after decompression."""

MOST_LEVELS = 128
LARGE = 256 << 10
"""Above this many bytes a body is worked on in slices, in a thread."""

GRACE_SECONDS = 30.0
SLOWEST_BYTES_PER_SECOND = 4096
"""A body may take the grace, plus the time its bytes need at this speed."""

CLOSE = (b"connection", b"close")
"""On a refusal of a request that is still being sent: the connection cannot be used again."""

DEPTH = Depth(MOST_LEVELS)


class CallerLeftError(Exception):
    """The caller closed the connection before the request was complete; nobody is there to answer."""


def check_length(headers: Mapping[bytes, bytes], most: int) -> None:
    """Refuse a body whose announced length is too large before any of it is read."""
    length = headers.get(b"content-length")
    if length is not None and (len(length) > 12 or int(length) > most):
        raise too_large(most)


def too_large(most: int) -> TooLarge:
    """The refusal of a body that is larger than `most` bytes. The connection ends: the rest is not worth reading."""
    return TooLarge(
        f"The request body is larger than {most >> 20} MB.", code="request_too_large", headers=[CLOSE]
    )


async def read_body(receive: Receive, most: int) -> bytes:
    """All of the body. Raises CallerLeftError, and GatewayError where it is too large or comes too slowly."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise CallerLeftError
    first: bytes = message.get("body", b"")
    if not message.get("more_body"):
        if len(first) > most:
            raise too_large(most)
        return first
    try:
        return await _read_rest(receive, first, most)
    except TimeoutError:
        raise GatewayError(
            "timeout", "The request body came too slowly.", status=408, code="request_timeout",
            headers=[CLOSE],
        ) from None  # fmt: skip


async def _read_rest(receive: Receive, first: bytes, most: int) -> bytes:
    clock = asyncio.get_running_loop().time
    begun = clock()
    pieces, size, more = [first], len(first), True
    async with asyncio.timeout_at(begun + GRACE_SECONDS) as deadline:
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise CallerLeftError
            piece = message.get("body", b"")
            size += len(piece)
            if size > most:
                raise too_large(most)
            pieces.append(piece)
            more = message.get("more_body", False)
            deadline.reschedule(begun + GRACE_SECONDS + size / SLOWEST_BYTES_PER_SECOND)
    return b"".join(pieces)


# ---- encodings ------------------------------------------------------------------------------------------------------

ZLIB_OR_GZIP, BARE_DEFLATE = zlib.MAX_WBITS | 32, -zlib.MAX_WBITS
"""zlib's window bits: it tells gzip and zlib apart by itself; `deflate` without zlib's frame is common too."""
ZSTD_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 25}
"""A few bytes could else ask for a window of gigabytes; 32 MB is more than any usual level takes."""

SLICE = 4096
"""Bytes that a decompressor is given at once: after each member it copies what is left, so that must be little."""

PADDED = frozenset({b"gzip", b"x-gzip"})
"""What tapes and their tools fill up with zeros; every common tool takes those, and nothing else, for padding."""

ENCODINGS = frozenset({b"gzip", b"x-gzip", b"deflate", b"zstd"})


def encoding_of(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The body's content encoding, None if it has none. Raises GatewayError 415 for one that is not understood."""
    written = headers.get(b"content-encoding")
    if written is None:
        return None
    names = [name for part in written.lower().split(b",") if (name := part.strip()) not in (b"", b"identity")]
    if not names:
        return None
    if len(names) > 1 or names[0] not in ENCODINGS:
        raise unknown_encoding("gzip, deflate, zstd, identity")
    return names[0]


def unknown_encoding(accepted: str) -> InvalidRequest:
    """The refusal of a content encoding other than the `accepted` ones."""
    return InvalidRequest(
        f"The Content-Encoding of the request body is not understood: accepted is {accepted}.",
        status=415, code="unsupported_content_encoding", headers=[(b"accept-encoding", accepted.encode())],
    )  # fmt: skip


def decompressor_for(encoding: bytes, raw: bytes) -> Any:
    """What unpacks `raw`: zlib's and zstd's objects have the same few members."""
    if encoding == b"zstd":
        return zstd.ZstdDecompressor(options=ZSTD_OPTIONS)
    if encoding == b"deflate" and not (raw[:1] == b"\x78" and int.from_bytes(raw[:2]) % 31 == 0):
        return zlib.decompressobj(BARE_DEFLATE)
    return zlib.decompressobj(ZLIB_OR_GZIP)


def decode(raw: bytes, encoding: bytes, most: int) -> bytes:
    """The decompressed body. Raises GatewayError: 413 above `most` bytes, 400 where it is damaged."""
    pieces: list[bytes] = []
    size = at = 0
    decompressor = None
    try:
        while at < len(raw):
            if decompressor is None:  # there may be several members, one after another, and zeros after the last
                if pieces and encoding in PADDED and raw[at] == 0:
                    if raw[at:].strip(b"\0"):
                        raise zlib.error("neither a member nor padding")
                    break
                decompressor = decompressor_for(encoding, raw[at : at + 2])
            given = raw[at : at + SLICE]
            pieces.append(decompressor.decompress(given, most - size + 1))
            size += len(pieces[-1])
            if size > most:
                raise too_large(most)
            at += len(given) - len(decompressor.unused_data)
            if decompressor.eof:
                decompressor = None
        if decompressor is not None:
            raise zlib.error("cut off")
    except (zlib.error, zstd.ZstdError):
        raise InvalidRequest(
            f"The request body is not valid {encoding.decode()}.", code="invalid_content_encoding"
        ) from None
    return b"".join(pieces)


# ---- JSON -----------------------------------------------------------------------------------------------------------


def not_json(error: Exception, raw: bytes) -> InvalidRequest:
    """The refusal of a body that is no JSON. The parser's words name a place, never the content."""
    if not raw.strip():
        return InvalidRequest("A request body is required.", code="missing_body")
    if isinstance(error, UnicodeDecodeError):
        return InvalidRequest("The request body is not valid UTF-8.", code="invalid_utf8")
    if "depth limit" in str(error):  # the parser's own limit, far above ours
        return too_deep()
    return InvalidRequest(f"The request body is not valid JSON: {error}.", code="invalid_json")


def too_deep() -> InvalidRequest:
    """The refusal of JSON that nests too deeply."""
    return InvalidRequest(f"The request body nests deeper than {MOST_LEVELS} levels.", code="too_deep")


def parse(raw: bytes) -> Any:
    """A body that is not large, parsed. Raises GatewayError 400."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise not_json(_encoding_error(raw) or error, raw) from None
    try:
        if not DEPTH.allows(raw, value):
            raise too_deep()
    except ValueError:  # deeper than the check itself can go
        raise too_deep() from None
    return value


def _encoding_error(raw: bytes) -> UnicodeDecodeError | None:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error
    return None
