"""The contract as people and generators read it: /api-docs.json, the page at /api-docs, and the page's files.

Everything is ready as bytes, compressed too, with an ETag; nothing is fetched from elsewhere, and a content security
policy holds the page to that. Addresses in the page are relative, so that it works under any prefix.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .large import in_thread

SERVED_EXTENSIONS = frozenset({"x-extensible-enum", "x-event-data", "x-event-end"})
"""What a reader of the contract can use; other `x-` words are between it and us."""

NAMED = frozenset({
    "paths", "schemas", "responses", "parameters", "examples", "requestBodies", "headers", "securitySchemes", "links",
    "callbacks", "properties", "patternProperties", "content", "encoding", "variables", "mapping", "scopes",
})  # fmt: skip
"""Objects whose members are names of things, not words of OpenAPI."""
VERBATIM = frozenset({"example", "default", "enum", "value"})

POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
COMMON = [
    (b"cache-control", b"no-cache"),
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"vary", b"accept-encoding"),
]
TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
}
FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "page.css", "page.js")
JSON = b"application/json"


def served_document(document: Mapping[str, Any], root_path: str = "") -> dict[str, Any]:
    """The document for others: `$ref`s kept, internal words left out, the server's address right behind a prefix."""
    served: dict[str, Any] = _without_internals(document)
    served["servers"] = [{"url": root_path or "/"}]
    return served


def _without_internals(node: Any, *, names: bool = False) -> Any:
    if isinstance(node, list):
        return [_without_internals(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    result = {}
    for word, value in node.items():
        if names:
            result[word] = _without_internals(value)
        elif word == "default" and isinstance(value, Mapping):
            continue  # generators of clients stumble over it, and leave out all that refers to the schema
        elif word in VERBATIM:
            result[word] = value
        elif not word.startswith("x-") or word in SERVED_EXTENSIONS:
            result[word] = _without_internals(value, names=word in NAMED and isinstance(value, Mapping))
    return result


class Document(Response):
    """One file, answered with its ETag, compressed for who accepts that, and not at all for who has it."""

    def __init__(self, content: bytes, media_type: bytes) -> None:
        self.status_code = 200
        self.background = None
        self.body = content
        self.content_type = media_type
        self.raw_headers = []
        self.tag = b'"%s"' % hashlib.sha256(content).hexdigest()[:32].encode()
        self.compressed: bytes | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = dict(scope["headers"])
        headers = [*COMMON, (b"etag", self.tag)]
        if self._has_it(asked.get(b"if-none-match", b"")):
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        body = bytes(self.body)
        if accepts_gzip(asked.get(b"accept-encoding", b"")):
            if self.compressed is None:
                self.compressed = await in_thread(gzip.compress, body, 6, mtime=0)
            body = self.compressed
            headers.append((b"content-encoding", b"gzip"))
        headers += [(b"content-type", self.content_type), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _has_it(self, known: bytes) -> bool:
        return any(tag.strip().removeprefix(b"W/") in (self.tag, b"*") for tag in known.split(b","))


def accepts_gzip(written: bytes) -> bool:
    """Whether an Accept-Encoding allows gzip."""
    for part in written.lower().split(b","):
        name, _, weight = part.partition(b";")
        if name.strip() in (b"gzip", b"*"):
            return weight.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
    return False


class Documentation:
    """The documentation of one contract. `files` are the page's files by path, for the middleware's `pages`."""

    def __init__(self, document: Mapping[str, Any], assets: Path) -> None:
        self._document = document
        self._contract = lru_cache(maxsize=4)(self._write)
        self._page = Document((assets / "api-docs.html").read_bytes(), TYPES[".html"])
        self.files: dict[str, Any] = {
            f"/api-docs/{name}": Document((assets / name).read_bytes(), TYPES[Path(name).suffix]) for name in FILES
        }
        self.files["/api-docs/"] = _to_page

    def _write(self, root_path: str) -> Document:
        return Document(orjson.dumps(served_document(self._document, root_path)), JSON)

    def page(self) -> Document:
        """The answer to /api-docs."""
        return self._page

    def contract(self, root_path: str = "") -> Document:
        """The answer to /api-docs.json, for a gateway that is reached under `root_path`."""
        return self._contract(root_path)


async def _to_page(scope: Scope, receive: Receive, send: Send) -> None:
    """/api-docs/ is /api-docs, whose addresses are relative."""
    location = (scope.get("root_path", "") + "/api-docs").encode()
    headers = [(b"location", location), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
