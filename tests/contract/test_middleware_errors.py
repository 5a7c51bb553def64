"""A body that breaks its schema is refused with one sentence: where, and what was expected. The content stays out."""

from __future__ import annotations

import time

import orjson
import pytest
from contract.asgi import SMALL, post

from handlers.engine.contract import load_document
from handlers.engine.contract.explaining import find_failure
from handlers.engine.contract.schemas import Schemas

SECRET = "something private that must not be repeated"
USER = {"role": "user", "content": SECRET}


def talk(**members):
    return {"model": "m", "messages": [USER], **members}


def message(**members):
    return talk(messages=[USER, {"role": "user", **members}])


TABLE = [
    ({"model": "m"}, "/messages", "missing"),
    ([], "", "an object, not an array"),
    (talk(model=7), "/model", "a string, not an integer"),
    (talk(model=""), "/model", "at least 1 characters"),
    (talk(messages=[]), "/messages", "at least 1 items"),
    (talk(messages={}), "/messages", "an array, not an object"),
    (talk(messages=[SECRET]), "/messages/0", "an object, not a string"),
    (talk(messages=[{}]), "/messages/0/role", "missing"),
    (talk(messages=[{"role": 5, "content": SECRET}]), "/messages/0/role", "a string, not an integer"),
    (talk(messages=[USER, {"role": "user"}]), "/messages/1/content", "missing"),
    (message(content=5), "/messages/1/content", "a string or an array, not an integer"),
    (message(content=None), "/messages/1/content", "a string or an array, not null"),
    (message(content=[{"type": "text"}]), "/messages/1/content/0/text", "missing"),
    (message(content=[{"type": "image"}]), "/messages/1/content/0/image", "missing"),
    (message(content=[{"type": "image", "image": {}}]), "/messages/1/content/0/image/url", "missing"),
    (message(content=[{"type": "image", "image": SECRET}]), "/messages/1/content/0/image", "an object, not a string"),
    (message(content=[{"type": "text", "text": SECRET}, {}]), "/messages/1/content/1/type", "missing"),
    (message(content=[SECRET]), "/messages/1/content/0", "an object, not a string"),
    (message(content=SECRET, name="Not Small"), "/messages/1/name", "text that matches ^[a-z]+$"),
    (talk(messages=[{"role": "assistant", "content": 5}]), "/messages/0/content", "a string, not an integer"),
    (
        talk(messages=[{"role": "assistant", "replies": [{"role": "user"}]}]),
        "/messages/0/replies/0/content",
        "missing",
    ),
    (talk(temperature="1"), "/temperature", "a number, not a string"),
    (talk(temperature=2.5), "/temperature", "at most 2"),
    (talk(temperature=-1), "/temperature", "at least 0"),
    (talk(top_k=0), "/top_k", "more than 0"),
    (talk(seed=1.5), "/seed", "an integer, not a number"),
    (talk(seed=True), "/seed", "an integer, not true or false"),
    (talk(tier="gold"), "/tier", "one of 'auto', 'default'"),
    (talk(stop=5), "/stop", "a string or an array, not an integer"),
    (talk(stop=["a", 5]), "/stop/1", "a string, not an integer"),
    (talk(stop=["a"] * 5), "/stop", "an array of at most 4 items"),
    (talk(tools=[{}]), "/tools/0/name", "missing"),
    (talk(tools=[{"name": "x" * 65}]), "/tools/0/name", "at most 64 characters"),
    (talk(metadata={"a/b~c": 5}), "/metadata/a~1b~0c", "a string, not an integer"),
    (talk(metadata={"7": 5}), "/metadata/7", "a string, not an integer"),
    (talk(closed={"b": True}), "/closed", "without the unknown member 'b'"),
]


@pytest.mark.parametrize(("body", "pointer", "expectation"), TABLE, ids=[row[1] + " " + row[2] for row in TABLE])
def test_one_sentence_says_where_and_what_was_expected(app, body, pointer, expectation):
    reply = post(app, "/v1/talk", body)
    error = reply.json
    assert reply.status == 400
    assert error["code"] == "invalid_body"
    assert error.get("param", "") == pointer
    assert expectation in error["message"]
    assert pointer in error["message"]
    assert SECRET not in reply.body.decode()


@pytest.mark.parametrize("number", [1 << 64, -(1 << 70)])
def test_an_integer_that_is_too_long_is_called_so(app, number):
    """The parser makes a float of it, but the caller wrote an integer, and is not told that it is none."""
    reply = post(app, "/v1/talk", body=orjson.dumps(talk(seed=7)).replace(b"7", b"%d" % number))
    assert reply.status == 400
    assert (reply.json["code"], reply.json["param"]) == ("integer_too_large", "/seed")
    assert "not an integer beyond 64 bits" in reply.json["message"]


PADDABLE = [row for row in TABLE if isinstance(row[0], dict)]


@pytest.mark.parametrize(("body", "pointer", "expectation"), PADDABLE, ids=[row[1] + " " + row[2] for row in PADDABLE])
def test_large_bodies_get_the_same_sentence(app, body, pointer, expectation):
    """The same table with a pad that takes the body through the slices: same place, same expectation."""
    reply = post(app, "/v1/talk", {**body, "pad": ["x" * 100] * 4000})
    assert reply.status == 400
    assert reply.json.get("param", "") == pointer
    assert expectation in reply.json["message"]


@pytest.mark.parametrize(
    "body",
    [
        talk(messages=[{"role": "narrator", "anything": [1, None]}]),
        message(content=[{"type": "hologram", "data": {"deep": [[]]}}]),
        talk(effort="unheard of"),
        talk(tier=None),
        talk(temperature=None),
        talk(stop=None),
        talk(unknown={"a": 1}),
        talk(tools=[{"name": "f", "parameters": {"$ref": "#/nowhere", "enum": [None]}}]),
        talk(seed=2**63 - 1),
        talk(seed=-(2**63)),
        talk(messages=[{"role": "assistant"}]),
        talk(messages=[{"role": "assistant", "content": None}]),
    ],
)
def test_what_is_open_is_let_through(app, body):
    assert post(app, "/v1/talk", body).status == 200


def test_a_missing_member_of_every_known_branch_is_reported_at_its_own_pointer(app):
    """Though the open branch of each union would complain as well: the tag is a known value, so it was not meant."""
    for body, pointer in [
        (talk(messages=[{"role": "user"}]), "/messages/0/content"),
        (message(content=[{"type": "text"}]), "/messages/1/content/0/text"),
        (message(content=[{"type": "image"}]), "/messages/1/content/0/image"),
    ]:
        assert post(app, "/v1/talk", body).json["param"] == pointer


def test_a_failure_among_many_is_found_without_listing_all_of_them():
    """Listing every error of 3,000 bad messages takes a thousand times as long as the first one.

    The bound is generous: what it excludes takes seconds.
    """
    validator = Schemas(load_document(SMALL)).compile({"$ref": "#/components/schemas/TalkRequest"})
    body = talk(messages=[{"role": "user", "content": 5}] * 3000)
    begun = time.process_time()
    failure = find_failure(validator, body)
    assert failure.pointer == "/messages/0/content"
    assert time.process_time() - begun < 0.5


def test_a_large_string_beside_the_mistake_is_not_dragged_along(app):
    """Neither into the message nor through the validator's copies."""
    body = message(content=[{"type": "text", "text": "A" * 1_000_000}, {"type": "text"}])
    reply = post(app, "/v1/talk", body)
    assert reply.json["param"] == "/messages/1/content/1/text"
    assert len(reply.body) < 500


def test_a_string_that_is_too_long_is_still_found_by_its_length(app):
    body = talk(metadata={"a": "x" * 10_000})
    reply = post(app, "/v1/talk", body)
    assert (reply.json["param"], "at most 512 characters" in reply.json["message"]) == ("/metadata/a", True)


def test_names_of_members_can_not_make_the_message_long(app):
    reply = post(app, "/v1/talk", talk(closed={"n" * 10_000: 1}))
    assert len(orjson.dumps(reply.json)) < 500
