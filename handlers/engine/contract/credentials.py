"""Whether a request shows a key that is known. Asked before any of the body is read.

Clients send their key in either header, some in both; one valid key is enough.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from ..errors import GatewayError, Unauthenticated
from .operation import Credential

Identify = Callable[[bytes], str | None]
"""From a key to the name of the caller it belongs to, or None. It must not leak by its timing what it knows."""

CHALLENGE = ((b"www-authenticate", b'Bearer realm="morello"'),)

NEVER: Callable[[str], object] = re.compile(r"(?!)").match

MISSING = "No key was sent: send "
MALFORMED = "The Authorization header is malformed: expected `Authorization: Bearer <key>`."
WRONG = "The key is not known here."


def check(
    security: Sequence[Credential],
    headers: Mapping[bytes, bytes],
    lines: Iterable[tuple[bytes, bytes]],
    identify: Identify,
) -> str:
    """The caller's name. `lines` are all header lines, for headers sent twice. Raises GatewayError 401."""
    reason = MISSING
    for credential in security:
        value = headers.get(credential.header)
        if value is None:
            continue
        name, reason = _identify(credential, value, identify)
        if name is not None:
            return name
    if reason is not MISSING:
        for credential in security:
            for header, value in lines:
                if header == credential.header:
                    name, _ = _identify(credential, value, identify)
                    if name is not None:
                        return name
    raise unauthenticated(reason + ways(security) if reason is MISSING else reason)


def ways(security: Sequence[Credential]) -> str:
    """How a key may be sent."""
    names = [each.header.decode().title().replace("Api", "API") + ":" for each in security]
    shown = [f"`{name} {'Bearer ' * each.bearer}<key>`" for name, each in zip(names, security, strict=True)]
    return " or ".join(shown) + "."


def open_path(globs: Iterable[str]) -> Callable[[str], object]:
    """Tells whether a path needs no key: whether it fits one of the globs."""
    pattern = "|".join(fnmatch.translate(glob) for glob in globs)
    return re.compile(pattern).match if pattern else NEVER


def _identify(credential: Credential, value: bytes, identify: Identify) -> tuple[str | None, str]:
    key = value.strip()
    if credential.bearer:
        scheme, _, key = key.partition(b" ")
        key = key.strip()
        if scheme.lower() != b"bearer" or not key:
            return None, MALFORMED
    return (identify(key), WRONG) if key else (None, MISSING)


def unauthenticated(reason: str) -> GatewayError:
    """The 401, with the challenge that HTTP asks for."""
    return Unauthenticated(reason, code="invalid_api_key", headers=CHALLENGE)
