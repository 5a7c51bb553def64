"""The schemas of tables: out of the contract, and the neutral ones as one family sees them."""

import pytest

from handlers.engine.losses import Table, answer_schema, client_schema, neutral_document, neutral_schema
from handlers.engine.losses.specimens import Schemas, values

DOCUMENT = {"components": {"schemas": {
    "Request": {"type": "object", "properties": {"part": {"$ref": "#/components/schemas/Part"}, "n": {"type": "integer"}}},
    "Part": {"type": "object", "nullable": True, "additionalProperties": False, "properties": {
        "word": {"type": "string", "nullable": True, "enum": ["a", "b", None]}}},
}}}  # fmt: skip


def test_a_component_of_a_contract_is_usable_with_its_references():
    table = Table(lambda request: {"n": request.get("n")}, client_schema(DOCUMENT, "Request"))
    assert [str(loss) for loss in table({"part": {"word": "b"}, "n": 3})] == ["unsupported part"]
    assert table({"part": None}) == [], "null is nothing"


def test_a_component_that_does_not_exist_is_an_error():
    with pytest.raises(KeyError, match="Nobody"):
        client_schema(DOCUMENT, "Nobody")


def mine(request):
    """A writer that takes its own family's things home, and drops what is another's."""
    return {
        "extra": request.get("extra", {}).get("mine"),
        "messages": [
            [part["data"] for part in message.get("parts", ()) if part.get("dialect") == "mine"]
            for message in request["messages"]
        ],
    }


@pytest.mark.parametrize(("part", "losses"), [
    ({"type": "unknown", "dialect": "mine", "data": {"a": 1}}, []),
    ({"type": "unknown", "dialect": "yours", "data": {"a": 1}}, ["unsupported messages[0].parts[0]"]),
], ids=["its own", "another's"])  # fmt: skip
def test_what_only_a_family_understands_is_tried_twice(part, losses):
    table = Table(mine, neutral_schema(neutral_document(), "request", "mine"))
    body = {"messages": [{"role": "user", "parts": [part]}]}
    assert [str(loss) for loss in table(body)] == losses


def test_extra_goes_home_and_nowhere_else():
    table = Table(mine, neutral_schema(neutral_document(), "request", "mine"))
    assert table({"messages": [], "extra": {"mine": {"a": 1}}}) == []
    assert [str(loss) for loss in table({"messages": [], "extra": {"yours": {"a": 1}}})] == ["unsupported extra.yours"]


def test_the_neutral_schemas_are_not_changed():
    """They are read once, and every table is made from them."""
    before = str(neutral_document())
    answer_schema("mine")
    assert str(neutral_document()) == before


@pytest.mark.parametrize(("schema", "expected"), [
    ({"type": "number", "minimum": 0, "maximum": 2}, [0.5, 1.0, 1.5, 2.0, 0]),
    ({"type": "integer", "minimum": 1}, [4096, 8192]),
    ({"type": "integer", "minimum": 1024}, [1027, 1029]),
    ({"type": "integer", "minimum": 0, "maximum": 20}, [5, 10, 15, 20, 0]),
    ({"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1}, [0.25, 0.5, 0.75, 1.0]),
    ({"type": "boolean", "default": True}, [False, True]),
    ({"type": "string", "enum": ["a", None, "b"]}, ["a", "b"]),
    ({"type": "string", "x-examples": ["data:,x", "https://x"]}, ["data:,x", "https://x"]),
    ({"type": "string", "minLength": 3}, ["sss", "ttt"]),
    ({"type": "string", "not": {"enum": ["known"]}}, ["x-unheard-of", "x-unheard-of-either"]),
    ({"type": "object"}, [{"s": 1}, {"t": 2}]),
])  # fmt: skip
def test_values_are_legal_and_differ(schema, expected):
    assert values(schema) == expected


def test_a_schema_within_itself_gives_a_finite_specimen():
    document = {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "properties": {
        "name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}}}  # fmt: skip
    assert Schemas(document).specimen(document, True, False) == {
        "name": "s",
        "children": [{"name": "s"}],
    }


def test_failures_are_kept_for_lint():
    """A template that raises on what its schema allows is not silent, and not right."""
    table = Table(
        lambda request: 1 / (0 if request.get("n") else 1), DOCUMENT["components"]["schemas"]["Request"] | DOCUMENT
    )
    assert table.failures
    assert isinstance(table.failures[0][1], ZeroDivisionError)
