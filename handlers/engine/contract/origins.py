"""Browsers: cross-origin requests (CORS), and pages that reach for a gateway that asks for no key.

Keys travel in headers that a page's script sets itself, never in cookies, so credentials are never allowed and `*` is
harmless. While no origin is allowed, nothing is answered for CORS at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from starlette.responses import Response

from ..errors import GatewayError

Headers = list[tuple[bytes, bytes]]

METHODS = b"GET, HEAD, POST"
SECONDS_TO_REMEMBER = b"600"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Origins:
    """The origins whose pages may call. `*` stands for all of them."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self.allowed = frozenset(origin.rstrip("/").lower().encode() for origin in allowed)
        self.any = b"*" in self.allowed

    def __bool__(self) -> bool:
        return bool(self.allowed)

    def allows(self, origin: bytes) -> bool:
        """Whether pages of this origin may call."""
        return self.any or origin.lower() in self.allowed

    def headers(self, origin: bytes | None) -> Headers:
        """What every answer carries, errors included, so that a page can read it."""
        found: Headers = [] if self.any else [(b"vary", b"Origin")]
        if origin is not None and self.allows(origin):
            found.append((b"access-control-allow-origin", b"*" if self.any else origin))
            found.append((b"access-control-expose-headers", b"*"))
        return found


def preflight(origins: Origins, headers: Mapping[bytes, bytes], methods: bytes) -> Response:
    """The answer to a browser's question before the request. Without an allowance in it, the browser stops there."""
    response = Response(status_code=204)
    origin = headers.get(b"origin")
    if origin is not None and origins.allows(origin):
        response.raw_headers += [
            (b"access-control-allow-methods", methods),
            (b"access-control-allow-headers", headers.get(b"access-control-request-headers", b"*")),
            (b"access-control-max-age", SECONDS_TO_REMEMBER),
        ]
    return response


def check_local(headers: Mapping[bytes, bytes], origins: Origins) -> None:
    """Without keys, only this machine's own programs may call: no other site's page, no other name for this host.

    A page elsewhere can send requests to 127.0.0.1, or rebind its own name to it. Raises GatewayError 403.
    """
    host = _host_name("//" + headers.get(b"host", b"localhost").decode("latin-1"))
    if host not in LOOPBACK:
        raise GatewayError(
            "permission", "Without keys this gateway answers only under the name localhost.", code="foreign_host"
        )
    origin = headers.get(b"origin")
    if origin is None or origins.allows(origin):
        return
    if _host_name(origin.decode("latin-1")) not in LOOPBACK:
        raise GatewayError(
            "permission", "Without keys this gateway does not answer pages of other origins.", code="foreign_origin"
        )


def _host_name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
