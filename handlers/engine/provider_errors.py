"""What a provider says went wrong, as the caller may hear it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from .errors import STATUS, GatewayError, UpstreamError

if TYPE_CHECKING:
    from .providers import Door, Provider

LONGEST = 600
"""Characters of a text that is no JSON (an HTML page, say) that are passed on."""
SCRUBBED = "[secret]"


def parsed(raw: bytes) -> Any:
    """JSON where it is JSON, else text."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", "replace")


def own_credential(status: int) -> bool:
    """Whether a provider's status is about the key that we use, not about the caller's."""
    return status in (401, 403)


def provider_error(
    provider: Provider, door: Door, status: int, headers: dict[str, str], raw: bytes, secrets: list[str]
) -> GatewayError:
    """The failure that a provider's answer of `status` (400 or more) tells of.

    Type and message are what the dialect's reader makes of it; the status stays, so that the caller retries what is
    worth retrying. A refusal of our own key is no fault of the caller's: it becomes a 502 that names the provider.
    """
    body = parsed(raw)
    read = door.dialect.read_error
    given = {"status": status, "headers": headers, "body": body, "values": door.values}
    neutral: dict[str, Any] = (read(given) if read is not None else None) or {}
    message = str(neutral.get("message") or (body if isinstance(body, str) else "") or f"status {status}")
    message = scrub(message.strip()[:LONGEST] or f"status {status}", secrets)
    if own_credential(status):
        return UpstreamError(
            f"The provider {provider.id} refused the gateway's own credential ({status}): {message}",
            code="provider_credential_refused",
        )
    kind = neutral.get("type")
    return GatewayError(
        kind if kind in STATUS else ("upstream" if status >= 500 else "invalid_request"), message,
        status=status, code=neutral.get("code"), param=neutral.get("param"), retry_after=retry_after(neutral, headers),
    )  # fmt: skip


def retry_after(neutral: dict[str, Any], headers: dict[str, str]) -> int | None:
    """Whole seconds: clients read nothing else (a date, or a fraction, makes them give up)."""
    given = neutral.get("retry_after", headers.get("retry-after"))
    try:
        return max(0, -int(-float(given) // 1)) if given is not None else None
    except (TypeError, ValueError):
        return None


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
