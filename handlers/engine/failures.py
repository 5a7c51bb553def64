"""What a failure on the way to a provider means: whose it is, its status, whether the request may have arrived."""

from __future__ import annotations

import email.utils
import math
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

import httpx


class Failure(NamedTuple):
    """The words of an error: what the provider did, a code, a neutral error type. `where`: the host is worth naming."""

    what: str
    code: str
    type: str = "upstream"
    sent: bool = True
    where: bool = False


_BY_KIND: tuple[tuple[type[httpx.HTTPError], Failure], ...] = (
    (httpx.ConnectTimeout, Failure("did not take our connection in time", "connect_timeout", "timeout", False, True)),
    (httpx.PoolTimeout, Failure("has too many of our requests under way", "pool_timeout", "overloaded", False)),
    (httpx.ReadTimeout, Failure("was silent for too long", "read_timeout", "timeout")),
    (httpx.WriteTimeout, Failure("did not take our request in time", "write_timeout", "timeout")),
    (httpx.ConnectError, Failure("cannot be reached", "connect_error", "upstream", False, True)),
    (httpx.ProxyError, Failure("cannot be reached: the proxy refused", "proxy_error", "upstream", False, True)),
    (httpx.UnsupportedProtocol, Failure("cannot be reached: its URL is no valid one", "bad_url", "upstream", False)),
    (httpx.RemoteProtocolError, Failure("broke off its answer, or answered with what is no HTTP", "disconnected")),
    (httpx.NetworkError, Failure("broke the connection", "disconnected")),
)


def explained(error: httpx.HTTPError) -> Failure:
    """What one of httpx's errors means for the caller."""
    for kind, failure in _BY_KIND:
        if isinstance(error, kind):
            return failure._replace(**_detail(error)) if kind is httpx.ConnectError else failure
    return Failure("failed", "upstream_error")


def _detail(error: BaseException) -> dict[str, Any]:
    """Why a connection was not made, from the system's own words."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError) and hasattr(cause, "verify_message"):
            reason = cause.verify_message or "it cannot be verified"
            return {"what": f"cannot be trusted, its certificate was not accepted: {reason}", "code": "tls_error"}
        if isinstance(cause, ssl.SSLError) and isinstance(getattr(cause, "reason", None), str):
            return {"what": f"cannot be reached, TLS failed: {cause.reason}", "code": "tls_error"}
        if isinstance(cause, socket.gaierror):
            return {"what": "cannot be reached, its name is not known"}
        if isinstance(cause, ConnectionRefusedError):
            return {"what": "refused the connection"}
    return {}


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def wait_of(headers: Iterable[tuple[bytes, bytes]], attempt: int) -> float:
    """Seconds to wait before the next attempt: what the server says in Retry-After, else 0.5, 1, 2 …"""
    for name, value in headers:
        if name.lower() == b"retry-after":
            seconds = seconds_of(value.decode("latin-1"))
            return 0.5 * 2.0**attempt if seconds is None else seconds
    return 0.5 * 2.0**attempt


def seconds_of(retry_after: str) -> float | None:
    """What Retry-After says, a number or a date, as seconds from now; None if it says nothing that can be read."""
    text = retry_after.strip()
    try:
        number = float(text)
        return max(0.0, number) if math.isfinite(number) else None
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
