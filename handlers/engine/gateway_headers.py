"""The headers that a call's request and its answer carry across the gateway, both ways."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from .failures import seconds_of
from .losses import header_value

if TYPE_CHECKING:
    from .answers import Headers
    from .call import Call
    from .providers import Door
    from .upstream import UpstreamAnswer

SHORT = 256
UNSAFE = re.compile(r"[^\x21-\x7e]")


def visible(text: str) -> bytes:
    """`text` for a header: percent-encoded where it is not visible ASCII, so that no value can end the header."""
    if text.isascii() and text.isprintable() and " " not in text:
        return text.encode()
    return UNSAFE.sub(encoded, text).encode()


def named(provider: str | None, model: str | None) -> bytes:
    """Provider and model as the header names them."""
    return known(provider, model) if len(model or "") < SHORT else visible(f"{provider}:{model}")


@lru_cache(maxsize=1024)
def known(provider: str | None, model: str | None) -> bytes:
    """Callers ask for the same few."""
    return visible(f"{provider}:{model}")


def encoded(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace"))


def request_headers(call: Call, door: Door, model: str, stream: bool) -> Headers:
    """What the provider gets: what the dialect declares and, by its allowlist, what the client sent.

    A header that the client sent and that is forwarded wins over the dialect's own.
    """
    globs = door.dialect.forward_request_headers
    forwarded = globs.choose(call.scope["headers"]) if globs and door.dialect.family == call.dialect.family else None
    return door.headers({"model": model, "stream": stream}, forwarded)


def answer_headers(call: Call, door: Door, upstream: UpstreamAnswer | None) -> Headers:
    """What the caller gets beside the body's own headers: who answered, what was lost, what the provider says."""
    headers: Headers = [(b"gateway-model", named(call.provider, call.model))]
    if call.losses:
        headers.append((b"gateway-warnings", header_value(call.losses).encode("ascii", "replace")))
    if upstream is None:
        return headers
    wanted = door.dialect.request_id_header
    choose = door.dialect.forward_response_headers
    if wanted is not None:
        name = wanted.encode()
        for key, value in upstream.headers:
            if key == name:
                call.upstream_request_id = value.decode("latin-1")
                headers.append((b"gateway-upstream-request-id", visible(call.upstream_request_id)))
                break
    if choose:
        headers += [whole_seconds(header) for header in choose.choose(upstream.headers) if header[0] not in OURS]
    return headers


def whole_seconds(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """Retry-After as whole seconds: a date, or a fraction, makes clients give up. Other headers as they are."""
    if header[0] != b"retry-after" or header[1].isdigit():
        return header
    seconds = seconds_of(header[1].decode("latin-1"))
    return header if seconds is None else (b"retry-after", b"%d" % math.ceil(seconds))


OURS = frozenset((b"request-id", b"x-request-id", b"gateway-model", b"gateway-warnings", b"gateway-upstream-request-id",
                  b"cache-control", b"vary", b"content-type", b"content-length", b"x-accel-buffering"))  # fmt: skip
"""Names that answers give by themselves; a provider's own value under them would contradict it."""
