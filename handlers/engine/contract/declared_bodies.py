"""The body of a request, read as its operation declares it: type, size, encoding, syntax, depth, schema."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from starlette.types import Receive

from ..errors import InvalidRequest, TooLarge
from .bodies import LARGE, check_length, decode, encoding_of, parse, read_body, unknown_encoding
from .explaining import Failure, find_failure
from .large import in_thread, parse_large
from .operation import Body, JsonBody
from .spelling import Shape, respelt

JSON = b"application/json"
LATER = object()
"""Stands for what a large body says, which is still to be found out (`read_large`)."""


async def read_declared(
    declared: Body, shape: Shape | None, receive: Receive, headers: Mapping[bytes, bytes], most_bytes: int
) -> tuple[bytes, Any]:
    """The body's bytes, decompressed, and what they say. Raises GatewayError where it is not as declared.

    With a `shape`, what they say is in the contract's own spelling. A large body is LATER.
    """
    media_type = check_media_type(declared, headers.get(b"content-type"))
    encoding = encoding_of(headers)
    json = declared.json
    if json is None or media_type != JSON:
        if encoding is not None:
            raise unknown_encoding("identity")
        return b"", None  # the handler reads it, as it comes
    check_length(headers, most_bytes)
    raw = await read_body(receive, most_bytes)
    if encoding is not None and raw:
        raw = await decompress(raw, encoding, most_bytes)
    if not raw and not declared.required:
        return raw, None
    if len(raw) > LARGE:
        return raw, LATER
    body = respelt(parse(raw), shape)
    if not json.validator.is_valid(body):
        failure = find_failure(json.validator, body)
        if failure is not None:
            raise invalid_body(failure)
    return raw, body


async def read_large(declared: Body, shape: Shape | None, raw: bytes) -> Any:
    """What a large body says, found out in a thread. Raises GatewayError where it is not as declared."""
    assert declared.json is not None
    return await in_thread(parse_and_check, declared.json, shape, raw)


async def decompress(raw: bytes, encoding: bytes, most: int) -> bytes:
    """The decompressed body: at once if it is not large, else in a thread. Raises GatewayError."""
    if len(raw) <= LARGE <= most:
        with contextlib.suppress(TooLarge):
            return decode(raw, encoding, LARGE)
    return await in_thread(decode, raw, encoding, most)


def check_media_type(declared: Body, written: bytes | None) -> bytes:
    """The body's media type. A missing one counts as JSON; a charset says nothing, since JSON is UTF-8."""
    if written in declared.media_types:
        return written
    media_type = (written or JSON).split(b";", 1)[0].strip().lower()
    if media_type not in declared.media_types:
        accepted = b", ".join(sorted(declared.media_types)).decode()
        raise InvalidRequest(
            f"The Content-Type of the request body is not accepted: send {accepted}.", status=415,
            code="unsupported_media_type",
        )  # fmt: skip
    return media_type


def parse_and_check(declared: JsonBody, shape: Shape | None, raw: bytes) -> Any:
    """A large body, parsed and checked in slices. Raises GatewayError 400."""
    sliced = parse_large(raw)
    failure = declared.sliced.find_failure(sliced)
    if failure is not None:
        raise invalid_body(failure)
    return respelt(sliced.value, shape)


def invalid_body(failure: Failure) -> InvalidRequest:
    """The refusal of a body that breaks its schema."""
    return InvalidRequest(failure.sentence, code=failure.code, param=failure.pointer or None)
