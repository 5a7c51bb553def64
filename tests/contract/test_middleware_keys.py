"""Who is let in: either header, any spelling, before anything of the body is read."""

from __future__ import annotations

import asyncio

import pytest
from contract.asgi import BEARER, KEY, SMALL, ask, ask_now, post, small_app

from handlers.engine.contract import load_document

X_KEY = (b"x-api-key", KEY)


def bearer(value: bytes):
    return (b"authorization", value)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param((), 401, id="none"),
        pytest.param((BEARER,), 200, id="bearer"),
        pytest.param((X_KEY,), 200, id="api key"),
        pytest.param((bearer(b"bearer " + KEY),), 200, id="defect_193 scheme in small letters"),
        pytest.param((bearer(b"BEARER " + KEY),), 200, id="defect_193 scheme in capitals"),
        pytest.param((bearer(b"Bearer    " + KEY + b"  "),), 200, id="defect_193 extra spaces"),
        pytest.param((bearer(KEY),), 401, id="defect_193 no scheme"),
        pytest.param((bearer(b"Bearer"),), 401, id="defect_193 scheme alone"),
        pytest.param((bearer(b"Bearer "),), 401, id="defect_193 empty key"),
        pytest.param((bearer(b""),), 401, id="defect_193 empty header"),
        pytest.param((bearer(b"Bearer \xff\x00\xfe"),), 401, id="defect_193 not text"),
        pytest.param((bearer(b"Basic dXNlcjprZXk="),), 401, id="another scheme"),
        pytest.param((bearer(b"Basic " + KEY),), 401, id="another scheme, a right key"),
        pytest.param(((b"x-api-key", b""),), 401, id="empty api key"),
        pytest.param(((b"x-api-key", KEY[:-1]),), 401, id="a key cut short"),
        pytest.param(((b"x-api-key", KEY + b"x"),), 401, id="a key and more"),
        pytest.param((BEARER, X_KEY), 200, id="both"),
        pytest.param((bearer(b"Bearer wrong"), X_KEY), 200, id="defect_236 bearer wrong"),
        pytest.param((BEARER, (b"x-api-key", b"wrong")), 200, id="defect_236 api key wrong"),
        pytest.param((bearer(b"garbage"), X_KEY), 200, id="defect_236 bearer malformed"),
        pytest.param((bearer(b"Bearer wrong"), (b"x-api-key", b"wrong")), 401, id="both wrong"),
        pytest.param((BEARER, bearer(b"Bearer wrong")), 200, id="sent twice, the first is right"),
        pytest.param((bearer(b"Bearer wrong"), BEARER), 200, id="sent twice, the second is right"),
    ],
)
def test_one_valid_key_is_enough(app, headers, status):
    reply = ask_now(app, "GET", "/v1/items", headers=headers)
    assert reply.status == status
    if status == 401:
        assert reply.header("www-authenticate").startswith("Bearer")
        assert reply.json["code"] == "invalid_api_key"
        assert KEY.decode() not in reply.body.decode()
    else:
        assert reply.json["caller"] == "tester"


def test_who_sends_no_key_is_told_how_to():
    """Every way that is open there, and no other."""
    assert "send `Authorization: Bearer <key>` or `X-API-Key: <key>`." in ask_now(small_app(), "GET", "/v1/items", headers=()).json["message"]
    document = load_document(SMALL)
    document["paths"]["/v1/items"]["get"]["security"] = [{"apiKeyAuth": []}]
    told = ask_now(small_app(document), "GET", "/v1/items", headers=()).json["message"]
    assert told == "No key was sent: send `X-API-Key: <key>`."


@pytest.mark.parametrize(
    ("path", "headers", "root_path", "status"),
    [
        pytest.param("/v1/items", (), "", 200, id="none"),
        pytest.param("/v1/items", (bearer(b"Bearer wrong"),), "", 200, id="a wrong one"),
        pytest.param("/v1/items", (BEARER, (b"host", b"gateway.example")), "", 200, id="the right one, from elsewhere"),
        pytest.param("/v1/items", ((b"host", b"gateway.example"),), "", 403, id="none, from elsewhere"),
        pytest.param("/v1/items", ((b"origin", b"https://evil.example"),), "", 403, id="none, from a page"),
        pytest.param("/v1/items", (), "/below", 200, id="none, below a prefix"),
        pytest.param("/v1/items", (), "", 401, id="none, where one is needed"),
    ],
)
def test_open_paths_need_no_key(path, headers, root_path, status):
    """Tools of this machine get in without a key on these paths; nobody else does, and on no other path."""
    app = small_app(open_paths=["/v1/*"] if status != 401 else ["/v1/item", "/items"])
    assert ask_now(app, "GET", path, headers=headers, root_path=root_path).status == status


@pytest.mark.parametrize("query", [b"key=" + KEY, b"access_token=" + KEY, b"api_key=" + KEY])
def test_keys_in_the_query_count_for_nothing_defect_201(app, query):
    """They would end up in logs on the way."""
    assert ask_now(app, "GET", "/v1/items", headers=(), query=query).status == 401


def test_open_operations_ask_for_no_key_and_mind_no_wrong_one(app):
    assert ask_now(app, "GET", "/health", headers=()).status == 200
    assert ask_now(app, "GET", "/health", headers=(bearer(b"Bearer wrong"),)).status == 200


def test_a_stranger_is_refused_before_anything_else(app):
    """Before parameters and body are looked at, so that nothing can be learned or wasted without a key."""
    assert ask_now(app, "GET", "/v1/items", headers=(), query=b"limit=none").status == 401
    assert post(app, "/v1/talk", headers=((b"content-type", b"text/plain"),), body=b"{").status == 401


def test_the_body_of_a_stranger_is_not_read(app):
    read = []

    async def receive():
        read.append(True)
        return {"type": "http.request", "body": b"", "more_body": True}

    async def asked():
        sent = []

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/v1/talk", "query_string": b"", "headers": []}
        await app(scope, receive, send)
        return sent[0]["status"]

    assert asyncio.run(asked()) == 401
    assert not read


LOCAL = (b"host", b"127.0.0.1:8000")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param((LOCAL,), 200, id="a program here"),
        pytest.param(((b"host", b"[::1]:8000"),), 200, id="by IPv6"),
        pytest.param(((b"host", b"localhost"),), 200, id="by name"),
        pytest.param(((b"host", b"evil.example:8000"),), 403, id="defect_200 a name that was rebound"),
        pytest.param(((b"host", b"["),), 403, id="defect_200 a host that is none"),
        pytest.param((LOCAL, (b"origin", b"https://evil.example")), 403, id="defect_200 a page elsewhere"),
        pytest.param((LOCAL, (b"origin", b"null")), 403, id="defect_200 a page from nowhere"),
        pytest.param((LOCAL, (b"origin", b"http://127.0.0.1:8000")), 200, id="our own page"),
    ],
)
def test_without_keys_only_this_machine_may_call_defect_200(headers, status):
    """A page of any site can send requests to 127.0.0.1; without keys only these checks stand before the money."""
    unguarded = small_app(identify=None)
    assert ask_now(unguarded, "GET", "/v1/items", headers=headers).status == status


def test_an_allowed_origin_may_call_without_keys():
    unguarded = small_app(identify=None, origins=["https://app.example"])
    assert ask_now(unguarded, "GET", "/v1/items", headers=(LOCAL, (b"origin", b"https://app.example"))).status == 200


def test_two_callers_at_once_keep_their_names():
    """Nothing of one request is kept where another could find it."""
    keys = {b"first-key": "one", b"second-key": "two"}
    both = small_app(identify=keys.get)

    async def asked(key):
        return (await ask(both, "GET", "/v1/items", headers=((b"x-api-key", key),))).json["caller"]

    async def all_of_them():
        return await asyncio.gather(*[asked(key) for key in list(keys) * 20])

    assert asyncio.run(all_of_them()) == ["one", "two"] * 20
