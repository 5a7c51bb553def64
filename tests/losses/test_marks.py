"""`x-loss` says which losses change what the answer means: these are refused, the others told."""

import pytest

from handlers.engine.errors import InvalidRequest
from handlers.engine.losses import Table, check

TEXT = {"type": "string"}


def object_of(required=(), **members):
    return {"type": "object", "properties": members, "required": list(required), "additionalProperties": False}


def refused(schema, request, translate=lambda request: {}):
    return {loss.name: loss.refuse for loss in Table(translate, schema)(request)}


def test_a_mark_on_a_member():
    schema = object_of(n={"type": "integer", "default": 1, "x-loss": "refuse"}, seed={"type": "integer"})
    assert refused(schema, {"n": 2, "seed": 7}) == {"n": True, "seed": False}
    assert refused(schema, {"n": 1}) == {}


TOOL = object_of(["name"], name=TEXT, hint=TEXT, parameters={"type": "object", "x-loss": "refuse"})


def test_a_mark_covers_what_the_place_cannot_be_without():
    """Alternatives, elements and required members; an optional member needs a mark of its own."""
    schema = object_of(tools={"type": "array", "items": {"oneOf": [TOOL]}, "x-loss": "refuse"})
    tools = {"tools": [{"name": "f", "hint": "h", "parameters": {"a": 1}}]}

    def only_counts(request):
        return [{} for _ in request.get("tools", ())]

    assert refused(schema, tools, only_counts) == {
        "tools[0].name": True,
        "tools[0].hint": False,
        "tools[0].parameters": True,
    }


def test_a_mark_is_taken_back_below():
    schema = object_of(["a"], a=object_of(["b", "c"], b=TEXT, c={**TEXT, "x-loss": "warn"}))
    schema["x-loss"] = "refuse"

    def only_that_it_is_there(request):
        return "a" in request

    assert refused(schema, {"a": {"b": "x", "c": "y"}}, only_that_it_is_there) == {"a.b": True, "a.c": False}


@pytest.mark.parametrize("choice", [
    {"type": "string", "enum": ["auto", "required"], "x-loss": {"refuse": ["required"]}},
    {"type": "string", "x-extensible-enum": ["auto", "required"], "x-loss": {"refuse": ["required"]}},
])  # fmt: skip
def test_a_mark_on_single_values(choice):
    schema = object_of(tool_choice=choice)
    assert refused(schema, {"tool_choice": "required"}) == {"tool_choice": True}
    assert refused(schema, {"tool_choice": "auto"}) == {"tool_choice": False}


def test_a_mark_on_one_kind():
    kinds = {"oneOf": [
        object_of(["type"], type={"enum": ["text"]}),
        {**object_of(["type", "schema"], type={"enum": ["json"]}, schema={"type": "object"}), "x-loss": "refuse"},
    ]}  # fmt: skip
    schema = object_of(output=kinds)
    assert refused(schema, {"output": {"type": "json", "schema": {"a": 1}}}) == {"output": True}
    assert refused(schema, {"output": {"type": "text"}}) == {"output": False}


def test_a_mark_survives_references():
    schema = {"$ref": "#/components/schemas/Request", "components": {"schemas": {
        "Request": object_of(audio={"allOf": [{"$ref": "#/components/schemas/Audio"}], "description": "…"}),
        "Audio": {**object_of(voice=TEXT), "x-loss": "refuse"},
    }}}  # fmt: skip
    assert refused(schema, {"audio": {"voice": "v"}}) == {"audio": True}


def test_what_is_never_told():
    schema = object_of(raw={**TEXT, "x-loss": "none"}, seed=TEXT)
    assert refused(schema, {"raw": "x"}) == {}


def test_a_container_keeps_its_parts_apart_where_their_marks_differ():
    """Lost as one it would be refused for a member that this request does not have."""
    schema = object_of(search=object_of(size=TEXT, filter={**TEXT, "x-loss": "refuse"}))
    assert refused(schema, {"search": {"size": "s"}}) == {"search.size": False}
    assert refused(schema, {"search": {"size": "s", "filter": "f"}}) == {"search.size": False, "search.filter": True}


@pytest.mark.parametrize("schema", [
    {**TEXT, "x-loss": "refuse", "x-loss-advice": "Send b."},
    {"oneOf": [TEXT, object_of(["id"], id=TEXT)], "x-loss": "refuse", "x-loss-advice": "Send b."},
    {"oneOf": [{**object_of(["id"], id=TEXT), "x-loss": "refuse", "x-loss-advice": "Send b."}, {"type": "boolean"}]},
])
def test_a_refusal_says_what_the_caller_can_do(schema):
    """Where the contract has advice; once, however many places it is for."""
    value = "x" if "id" not in str(schema) else {"id": "x"}
    losses = Table(lambda request: {}, object_of(a=schema, c={**TEXT, "x-loss": "refuse"}))({"a": value, "c": "y"})
    with pytest.raises(InvalidRequest, match=r"asks for: .*a.*[.] Send b[.]$"):
        check(losses)


@pytest.mark.parametrize(("choice", "told"), [
    ({"type": "auto"}, []), ({"type": "auto", "quiet": False}, []), ({"type": "auto", "quiet": True}, ["choice"]), ({"type": "any"}, ["choice"]),
])  # fmt: skip
def test_what_says_no_more_than_nothing_is_no_loss(choice, told):
    """A default that is an object, also with members at defaults of their own."""
    quiet = {"type": "boolean", "default": False}
    auto = {**object_of(["type"], type={"enum": ["auto"]}, quiet=quiet), "default": {"type": "auto"}}
    other = object_of(["type"], type={"enum": ["any"]}, quiet=quiet)
    assert list(refused(object_of(choice={"oneOf": [auto, other]}), {"choice": choice})) == told
