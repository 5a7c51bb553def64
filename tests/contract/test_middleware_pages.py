"""The documentation: the contract's own words for everybody, and a page that needs nobody else."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from pathlib import Path

import pytest
from contract.asgi import SMALL, Reply

import handlers
from handlers.engine.contract import Documentation, load_document, served_document

ASSETS = Path(handlers.__file__).parent / "assets"
REAL = ASSETS.parent.parent / "openapi" / "openapi.yaml"


@pytest.fixture(scope="module")
def documentation():
    return Documentation(load_document(SMALL), ASSETS)


def get(document, method: str = "GET", **headers: str) -> Reply:
    async def asked():
        messages = []

        async def send(message):
            messages.append(message)

        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await document({"type": "http", "method": method, "headers": named, "root_path": ""}, None, send)
        return Reply(messages[0]["status"], list(messages[0]["headers"]), b"".join(m["body"] for m in messages[1:]))

    return asyncio.run(asked())


def test_references_are_kept_and_internal_words_are_not():
    """Generators need the names of schemas; what we tell ourselves about templates is nobody's business."""
    served = json.dumps(served_document(load_document(REAL)))
    assert served.count('"$ref"') == json.dumps(load_document(REAL)).count('"$ref"')
    words = set(re.findall(r'"(x-[a-z-]+)": (?!\{"(?:\$ref|description|schema))', served))
    assert words <= {"x-extensible-enum", "x-event-data", "x-event-end"}
    for kept in ("x-extensible-enum", "x-event-data", "x-event-end"):
        assert kept in served


def test_defaults_that_are_objects_are_not_served():
    """A generator of clients that stumbles over one leaves out every operation that refers to it."""
    document = {"components": {"schemas": {
        "A": {"type": "object", "default": {"type": "auto"}, "properties": {"default": {"type": "string", "default": "x"}}},
        "B": {"type": "array", "default": ["text"]},
    }}}  # fmt: skip
    assert served_document(document)["components"]["schemas"] == {
        "A": {"type": "object", "properties": {"default": {"type": "string", "default": "x"}}},
        "B": {"type": "array", "default": ["text"]},
    }


def test_names_that_look_like_extensions_are_kept():
    """A header named x-request-id, a member named x-thing and whatever an example holds are no words of ours."""
    document = {
        "components": {
            "headers": {"x-request-id": {"schema": {"type": "string", "x-loss": "refuse"}}},
            "schemas": {
                "A": {"properties": {"x-thing": {"x-dialect": "a"}, "headers": {"x-loss": 1}}, "example": {"x-loss": 1}}
            },
        },
        "x-dialect": "first",
    }
    assert served_document(document)["components"] == {
        "headers": {"x-request-id": {"schema": {"type": "string"}}},
        "schemas": {"A": {"properties": {"x-thing": {}, "headers": {}}, "example": {"x-loss": 1}}},
    }
    assert "x-dialect" not in served_document(document)


def test_the_server_is_where_the_document_was_found(documentation):
    assert get(documentation.contract()).json["servers"] == [{"url": "/"}]
    assert get(documentation.contract("/gateway")).json["servers"] == [{"url": "/gateway"}]


def test_nobody_gets_twice_what_has_not_changed(documentation):
    first = get(documentation.contract())
    tag = first.header("etag")
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = get(documentation.contract(), if_none_match=known)
        assert (again.status, again.body, again.header("etag")) == (304, b"", tag)
    assert get(documentation.contract(), if_none_match='"other"').status == 200


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [("gzip, deflate, br", True), ("*", True), ("gzip;q=0.5", True), ("br", False), ("gzip;q=0", False), ("", False)],
)
def test_compression_is_for_who_accepts_it(documentation, accepted, compressed):
    reply = get(documentation.contract(), accept_encoding=accepted)
    assert (reply.header("content-encoding") == "gzip") is compressed
    assert reply.header("vary") == "accept-encoding"
    assert int(reply.header("content-length")) == len(reply.body)
    body = gzip.decompress(reply.body) if compressed else reply.body
    assert json.loads(body)["info"]["title"] == "A small contract"


def test_head_sends_no_body(documentation):
    reply = get(documentation.contract(), method="HEAD")
    assert reply.body == b""
    assert int(reply.header("content-length")) > 100


def test_the_page_needs_nobody_else_defect_198(documentation):
    """No address in it leads away, nothing is inline, and the policy holds the browser to that."""
    page = get(documentation.page())
    text = page.body.decode()
    for address in re.findall(r'(?:src|href)="([^"]*)"', text):
        assert address.startswith(("api-docs/", "api-docs.json", "data:"))
    assert not re.search(r"<script(?![^>]*src=)", text)
    assert not re.search(r"\son\w+=", text)
    policy = page.header("content-security-policy")
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy


def test_every_file_of_the_page_is_served(documentation):
    page = get(documentation.page()).body.decode()
    for address in re.findall(r'(?:src|href)="(api-docs/[^"]+)"', page):
        reply = get(documentation.files[f"/{address}"])
        assert reply.status == 200
        assert reply.header("content-type").split(";")[0] in ("text/css", "text/javascript")
        assert reply.header("x-content-type-options") == "nosniff"


def test_a_slash_behind_the_page_leads_to_the_page(documentation):
    reply = get(documentation.files["/api-docs/"])
    assert (reply.status, reply.header("location")) == (307, "/api-docs")


def test_the_licence_of_what_was_not_written_here_is_beside_it():
    assert "Apache License" in (ASSETS / "swagger-ui.LICENSE").read_text("utf-8")
    assert (ASSETS / "swagger-ui.NOTICE").is_file()
    assert (ASSETS / "swagger-ui-bundle.js.LICENSE.txt").is_file()
