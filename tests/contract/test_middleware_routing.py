"""Which operation a path leads to, and what is said where it leads to none."""

from __future__ import annotations

import pytest
from contract.asgi import BEARER, SMALL, ask_now, post, small_app

from handlers.engine.contract import load_document
from handlers.engine.contract.routing import RESERVED
from handlers.engine.errors import ConfigurationError

ORIGIN = (b"origin", b"https://app.example")
ASKING = (b"access-control-request-method", b"POST")
TALK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("HEAD", "/health", 200),
        ("GET", "/v1/items/a", 200),
        ("GET", "/v1/items/vendor:family/model", 200),
        ("GET", "/v1/items/", 404),
        ("GET", "/v1/items/" + "x" * 41, 404),
        ("POST", "/UPPER/v1/talk", 404),
        ("POST", "/a/b/v1/talk", 404),
        ("GET", "/nothing", 404),
        ("GET", "//health", 404),
        ("POST", "/health", 405),
        ("DELETE", "/v1/talk", 405),
        ("OPTIONS", "/v1/talk", 405),
        ("TRACE", "/v1/talk", 405),
    ],
)
def test_a_path_and_a_method_lead_to_one_operation(app, method, path, status):
    """Whole paths, templates, HEAD with GET; an unknown path is a 404, an unknown method a 405."""
    assert ask_now(app, method, path).status == status


@pytest.mark.parametrize("reserved", sorted(RESERVED))
def test_reserved_words_are_never_providers(app, reserved):
    """A first segment that belongs to the gateway does not reach the operations of providers."""
    assert post(app, f"/{reserved}/v1/talk", TALK).status == 404


def test_a_provider_in_the_path_reaches_the_handler_by_name(app):
    reply = post(app, "/my-own.1/v1/talk", TALK)
    assert reply.status == 200
    assert reply.json["provider_id"] == "my-own.1"


def test_values_of_paths_are_taken_as_they_stand(app):
    """The server decodes a path once; what then looks like a way up is only data."""
    assert ask_now(app, "GET", "/v1/items/../../etc").json["item"] == "../../etc"
    assert ask_now(app, "GET", "/v1/items/✓").json["item"] == "✓"


@pytest.mark.parametrize("query", [b"beta=true", b"x=1&x=2", b"a[b]=c&&=", b"%ff=%00"])
def test_unknown_queries_are_let_through_defect_217(app, query):
    assert post(app, "/v1/messages", TALK, query=query).status == 200


def test_probes_get_a_plain_404_defect_218(app):
    """Clients probe before they talk; that is neither an error of theirs nor of ours."""
    assert ask_now(app, "HEAD", "/api/hello", headers=()).status == 404


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("/talk", "/v1/talk"),
        ("/messages", "/v1/messages"),
        ("/v1/v1/messages", "/v1/messages"),
        ("/v1/talk/", "/v1/talk"),
        ("/demo/talk", "/demo/v1/talk"),
        ("/api/v1/talk", "/v1/talk"),
        ("/items", "/v1/items"),
        ("/v1/message", "/v1/messages"),
    ],
)
def test_a_near_miss_names_the_right_path(app, asked, meant):
    """What people type when they forget the version, or write it twice."""
    reply = ask_now(app, "POST", asked, headers=())
    assert reply.status == 404
    assert meant in reply.json["message"]


def test_an_unknown_path_is_answered_in_the_dialect_of_the_caller(app):
    """By the header that tells the callers apart; by the path that was meant, if there is one."""
    assert ask_now(app, "GET", "/nowhere").json["dialect"] == "first"
    assert ask_now(app, "GET", "/nowhere", headers=((b"x-second", b"1"),)).json["dialect"] == "second"
    assert ask_now(app, "POST", "/messages").json["dialect"] == "second"


@pytest.mark.parametrize(
    ("path", "dialect"),
    [("/third/nothing", "third"), ("/demo/third/nothing", "third"), ("/a/b/third", "first"), ("/thirds", "first"), ("/", "first")],
)
def test_a_path_may_tell_the_dialect_of_who_asks_for_what_is_not_there(path, dialect):
    """By its first segment, or by the second behind a provider's id. A header tells more than a path."""
    document = load_document(SMALL)
    document["x-dialect"]["by-segment"] = {"third": "third"}
    app = small_app(document)
    assert ask_now(app, "GET", path, headers=()).json["dialect"] == dialect
    assert ask_now(app, "GET", path, headers=((b"x-second", b"1"),)).json["dialect"] == "second"


def test_another_operation_may_answer_who_sends_a_header():
    """`x-instead` on an operation: that other one decides everything then, keys and parameters too."""
    document = load_document(SMALL)
    document["paths"]["/v1/items"]["get"]["x-instead"] = {"X-Third": "getHealth"}
    app = small_app(document)
    assert ask_now(app, "GET", "/v1/items", headers=()).status == 401
    answer = ask_now(app, "GET", "/v1/items", query=b"limit=x", headers=((b"x-third", b"1"),))
    assert answer.json == ask_now(app, "GET", "/health", headers=()).json
    document["paths"]["/v1/items"]["get"]["x-instead"] = {"X-Third": "getWealth"}
    with pytest.raises(ConfigurationError, match="listItems: x-instead names no getWealth"):
        ask_now(small_app(document), "GET", "/health", headers=())


def test_the_dialect_of_an_operation_is_its_own_or_the_documents(app):
    second = (b"x-second", b"1")
    assert post(app, "/v1/messages", {}).json["dialect"] == "second"
    assert post(app, "/v1/talk", {}, headers=(BEARER, second)).json["dialect"] == "first"
    assert ask_now(app, "GET", "/v1/items", headers=(second,)).json["dialect"] == "second"


def test_a_405_says_what_is_allowed(app):
    reply = ask_now(app, "DELETE", "/v1/items", headers=())
    assert reply.status == 405
    assert reply.header("allow") == "GET, HEAD"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health", 200), ("/gateway/health", 200), ("/v1/items/a", 200), ("/gatewayhealth", 404), ("/other/health", 404)],
)
def test_a_prefix_is_taken_off_the_path(app, path, status):
    """Behind a proxy the server puts the prefix before every path; a proxy may have left it there as well."""
    assert ask_now(app, "GET", path, root_path="/gateway").status == status


def test_without_a_prefix_none_is_taken_off(app):
    assert ask_now(app, "GET", "/gateway/health").status == 404


def test_every_answer_carries_an_id_of_our_own_defect_191(app):
    """A caller's own id is not trusted: it ends up in logs."""
    forged = (b"x-request-id", b"forged")
    for path in ("/health", "/nowhere", "/v1/items"):
        reply = ask_now(app, "GET", path, headers=(forged,))
        assert reply.header("request-id") == reply.header("x-request-id")
        assert len(reply.header("request-id")) == len("req_") + 24


def test_a_caller_can_not_choose_the_operation_by_host_defect_184(app):
    """Only the path of the request line counts; a Host that smuggles a path changes nothing."""
    for host in (b"x/health?", b"evil.example/health#@", b"localhost/../health"):
        reply = ask_now(app, "GET", "/v1/items", headers=((b"host", host),))
        assert reply.status == 401


# ---- browsers -------------------------------------------------------------------------------------------------------


def test_without_allowed_origins_nothing_is_said_about_cors(app):
    reply = ask_now(app, "OPTIONS", "/v1/talk", headers=(ORIGIN, ASKING))
    assert reply.status == 405
    assert reply.header("access-control-allow-origin") is None


def test_a_preflight_needs_no_key_defect_196():
    browsers = small_app(origins=["https://app.example"])
    asked = (b"access-control-request-headers", b"x-api-key, x-stainless-os")
    reply = ask_now(browsers, "OPTIONS", "/v1/talk", headers=(ORIGIN, ASKING, asked))
    assert reply.status == 204
    assert reply.header("access-control-allow-origin") == "https://app.example"
    assert reply.header("access-control-allow-headers") == "x-api-key, x-stainless-os"
    assert "POST" in reply.header("access-control-allow-methods")
    assert reply.header("vary") == "Origin"


@pytest.mark.parametrize(("path", "status"), [("/v1/items", 401), ("/nowhere", 404), ("/v1/talk", 405)])
def test_errors_can_be_read_by_allowed_pages_defect_196(path, status):
    browsers = small_app(origins=["https://app.example"])
    reply = ask_now(browsers, "GET", path, headers=(ORIGIN,))
    assert (reply.status, reply.header("access-control-allow-origin")) == (status, "https://app.example")


def test_credentials_are_never_allowed_defect_196():
    """Neither beside `*` nor beside a name: keys travel in headers that a script sets itself."""
    for origins in (["*"], ["https://app.example"]):
        browsers = small_app(origins=origins)
        for method in ("OPTIONS", "GET"):
            reply = ask_now(browsers, method, "/v1/items", headers=(ORIGIN, (ASKING[0], b"GET")))
            assert reply.header("access-control-allow-origin") is not None
            assert reply.header("access-control-allow-credentials") is None


def test_other_origins_are_told_nothing():
    browsers = small_app(origins=["https://app.example"])
    reply = ask_now(browsers, "OPTIONS", "/v1/talk", headers=((b"origin", b"https://evil.example"), ASKING))
    assert reply.header("access-control-allow-origin") is None
    assert reply.header("access-control-allow-methods") is None


def test_an_options_that_is_no_preflight_is_a_405_even_with_cors():
    assert ask_now(small_app(origins=["*"]), "OPTIONS", "/v1/talk").status == 405


def test_a_prefix_does_not_open_what_needs_a_key():
    document = load_document(SMALL)
    assert ask_now(small_app(document), "GET", "/v1/items", root_path="/health", headers=()).status == 401
