"""The query of a caller's URL, as far as a provider of the caller's own family gets it (`?beta=true`, say)."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_plus

CREDENTIAL = re.compile(
    r"(?:^|[-_.])(?:key|token|secret|password|passwd|auth|authorization|bearer|credential|credentials|signature|sig|"
    r"session|sessionid|cookie)(?:$|[-_.])|(?:api|access|secret)(?:key|token)",
    re.IGNORECASE,
)
"""Names under which credentials travel: the caller's are meant for the gateway, and for nobody behind it."""
WRITTEN = "!$'()*+,;:@/?-._~=%[]"
"""What stands in a query as it is."""


def with_query(url: str, query: bytes) -> str:
    """`url` with the caller's parameters behind its own. Its own win, and credentials stay here."""
    if not query:
        return url
    own = {name_of(piece) for piece in url.partition("?")[2].split("&")}
    pieces = [quote(piece, safe=WRITTEN) for piece in query.decode("latin-1").split("&") if goes(name_of(piece), own)]
    if not pieces:
        return url
    return f"{url}{'&' if '?' in url else '?'}{'&'.join(pieces)}"


def goes(name: str, own: set[str]) -> bool:
    return bool(name) and name not in own and CREDENTIAL.search(name) is None


def name_of(piece: str) -> str:
    return unquote_plus(piece.partition("=")[0]).strip().lower()
