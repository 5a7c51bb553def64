"""What a provider says went wrong, as the caller may hear it: by a status, inside a 200, or inside a stream."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import orjson

from .errors import STATUS, GatewayError, UpstreamError
from .failures import seconds_of

if TYPE_CHECKING:
    from .providers import Door, Provider

LONGEST = 600
"""Characters of a text that is no JSON (an HTML page, say) that are passed on."""
SCRUBBED = "[secret]"
TOO_LONG = "context_length_exceeded"
"""A conversation that does not fit. Clients shorten it when they hear of that, under one status and no other."""


def parsed(raw: bytes) -> Any:
    """JSON where it is JSON, else text."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", "replace")


def own_credential(status: int | None) -> bool:
    """Whether a provider's status is about the key that we use, not about the caller's."""
    return status in (401, 403)


def provider_error(
    provider: Provider, door: Door, status: int | None, headers: dict[str, str], raw: bytes, secrets: list[str]
) -> GatewayError:
    """The failure that a provider's answer tells of; `status` is None for one that came inside a 200."""
    body = parsed(raw)
    read = door.dialect.read_error
    given = {"status": status, "headers": headers, "body": body, "values": door.values}
    neutral: dict[str, Any] = (read(given) if read is not None else None) or {}
    said = str(neutral.get("message") or (body if isinstance(body, str) else "")).strip()
    return told_error(provider, {**neutral, "message": said}, status, headers, secrets)


def told_error(
    provider: Provider, neutral: dict[str, Any], status: int | None, headers: dict[str, str], secrets: list[str]
) -> GatewayError:
    """A failure in the neutral words of a dialect's reader, as the caller may hear it.

    The status is what the reader says, for some providers have statuses of their own that nobody's client retries;
    else the provider's; else what the type of failure usually has. A refusal of our own key is no fault of the
    caller's: it becomes a 502 that names the provider.
    """
    known = f"status {status}" if status else "The provider reported an error."
    message = scrub(str(neutral.get("message") or "")[:LONGEST] or known, secrets)
    kind = neutral.get("type")
    if own_credential(status) or kind == "authentication":
        number = f" ({status})" if status else ""
        return UpstreamError(
            f"The provider {provider.id} refused the gateway's own credential{number}: {message}",
            code="provider_credential_refused",
        )
    if kind not in STATUS:
        kind = "invalid_request" if status and status < 500 else "upstream"
    told = neutral.get("status")
    if isinstance(told, int) and 400 <= told < 600:
        status = told
    if neutral.get("code") == TOO_LONG:
        kind, status = "invalid_request", 400
    return GatewayError(
        kind, message, status=status, code=neutral.get("code"), param=neutral.get("param"),
        retry_after=retry_after(neutral, headers),
    )  # fmt: skip


def retry_after(neutral: dict[str, Any], headers: dict[str, str]) -> int | None:
    """Whole seconds: clients read nothing else (a date, or a fraction, makes them give up)."""
    given = neutral.get("retry_after", headers.get("retry-after"))
    seconds = None if given is None else seconds_of(str(given))
    return None if seconds is None else math.ceil(seconds)


def scrub(text: str, secrets: list[str]) -> str:
    """`text` without any value that is known to be secret."""
    for secret in secrets:
        if secret and secret in text:
            text = text.replace(secret, SCRUBBED)
    return text


def scrub_bytes(raw: bytes, secrets: list[bytes]) -> bytes:
    for secret in secrets:
        if secret in raw:
            raw = raw.replace(secret, SCRUBBED.encode())
    return raw
