"""Parameters arrive typed, under Python's kind of name, or the request is refused."""

from __future__ import annotations

import pytest
from contract.asgi import BEARER, ask_now

from handlers.engine.contract.parameters import python_name


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", {"offset": 0}),
        (b"limit=5", {"limit": 5, "offset": 0}),
        (b"limit=1&limit=7", {"limit": 7, "offset": 0}),
        (b"offset=3&providerType=openai", {"offset": 3, "provider_type": "openai"}),
        (b"deep=true", {"deep": True, "offset": 0}),
        (b"deep=FALSE", {"deep": False, "offset": 0}),
        (b"ids=1&ids=2", {"ids": [1, 2], "offset": 0}),
        (b"Limit=abc", {"offset": 0}),
    ],
)
def test_values_arrive_typed(app, query, expected):
    assert ask_now(app, "GET", "/v1/items", query=query).json["parameters"] == expected


@pytest.mark.parametrize(
    ("query", "name", "expectation"),
    [
        (b"limit=abc", "limit", "an integer"),
        (b"limit=", "limit", "an integer"),
        (b"limit=1.5", "limit", "an integer"),
        (b"limit=1_0", "limit", "an integer"),
        (b"limit=%EF%BC%91", "limit", "an integer"),
        (b"limit=" + b"9" * 400, "limit", "an integer"),
        (b"limit=0", "limit", "at least 1"),
        (b"limit=1001", "limit", "at most 1000"),
        (b"providerType=nobody", "providerType", "one of 'openai', 'anthropic'"),
        (b"deep=1", "deep", "true or false"),
        (b"ids=1&ids=x", "ids", "an integer"),
        (b"ids=1&ids=2&ids=3&ids=4", "ids", "at most 3 items"),
    ],
)
def test_wrong_values_are_refused_by_name_and_expectation(app, query, name, expectation):
    reply = ask_now(app, "GET", "/v1/items", query=query)
    assert reply.status == 400
    assert (reply.json["code"], reply.json["param"]) == ("invalid_parameters", name)
    assert expectation in reply.json["message"]


def test_headers_can_be_parameters(app):
    assert ask_now(app, "GET", "/v1/items", headers=(BEARER, (b"x-ratio", b"0.5"))).json["parameters"] == {
        "x_ratio": 0.5, "offset": 0,
    }  # fmt: skip
    assert ask_now(app, "GET", "/v1/items", headers=(BEARER, (b"x-ratio", b"nan"))).status == 400


def test_too_many_query_fields_are_refused(app):
    assert ask_now(app, "GET", "/v1/items", query=b"&".join([b"a=1"] * 101)).status == 400


@pytest.mark.parametrize(
    ("name", "argument"),
    [("providerType", "provider_type"), ("type", "type_"), ("id", "id_"), ("class", "class_"), ("X-Ratio", "x_ratio")],
)
def test_names_are_pythons(name, argument):
    """As connexion spells them with `pythonic_params`, so that both stacks call handlers alike."""
    assert python_name(name) == argument
