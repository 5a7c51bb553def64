"""Calls and results of tools are in order once a conversation is neutral, or the caller hears which ids are not."""

import copy

import pytest

from handlers.engine.errors import InvalidRequest
from handlers.engine.linking import link


def call(id, name="look", **arguments):
    return {"type": "tool_call", "id": id, "name": name, "arguments": arguments}


def result(id, text="fine", **more):
    return {"type": "tool_result", "id": id, "parts": [{"type": "text", "text": text}], **more}


def assistant(*parts):
    return {"role": "assistant", "parts": list(parts)}


def tool(*parts):
    return {"role": "tool", "parts": list(parts)}


def user(text="hello"):
    return {"role": "user", "parts": [{"type": "text", "text": text}]}


def linked(*messages):
    request = {"model": "m", "messages": list(messages)}
    before = copy.deepcopy(request)
    found, losses = link(request)
    assert request == before, "the input is never changed"
    return found["messages"], [str(loss) for loss in losses]


def test_a_conversation_in_order_is_the_same_object():
    """Nothing to do costs no copy."""
    request = {"model": "m", "messages": [user(), assistant(call("1")), tool(result("1", name="look"))]}
    found, losses = link(request)
    assert found is request
    assert losses == []


def test_a_result_carries_the_name_of_its_call():
    messages, losses = linked(assistant(call("1", "look"), call("2", "find")), tool(result("2"), result("1")))
    assert [part["name"] for part in messages[1]["parts"]] == ["find", "look"]
    assert losses == []


def test_an_id_used_again_names_the_latest_call():
    """Some models number their calls from nought in each turn."""
    messages, losses = linked(
        assistant(call("0", "look")), tool(result("0")), assistant(call("0", "find")), tool(result("0", "fine"))
    )
    assert [message["parts"][0]["name"] for message in messages] == ["look", "look", "find", "find"]
    assert losses == []


def test_adjacent_tool_messages_are_one_defect_104():
    messages, _ = linked(
        assistant(call("1"), call("2"), call("3")), tool(result("1")), tool(result("2")), tool(result("3"))
    )
    assert [message["role"] for message in messages] == ["assistant", "tool"]
    assert [part["id"] for part in messages[1]["parts"]] == ["1", "2", "3"]


def test_exact_duplicates_are_repaired_and_reported_defect_75():
    """A call or a result sent twice; a cache hint that moved makes no difference."""
    messages, losses = linked(
        assistant(call("1"), call("1")), tool(result("1"), result("1", cache={"ttl": "5m"})), tool(result("1")), user()
    )
    assert [len(message["parts"]) for message in messages] == [1, 1, 1]
    assert losses == ["compatibility tool_call:1", "compatibility tool_result:1", "compatibility tool_result:1"]


@pytest.mark.parametrize(
    ("messages", "code", "ids"),
    [
        ([user(), tool(result("toolu_9"))], "tool_result_without_call", ["toolu_9"]),
        ([tool(result("1")), assistant(call("1"))], "tool_result_without_call", ["1"]),
        ([assistant(call("1")), tool(result("1"), result("1", "other"))], "conflicting_tool_ids", ["1"]),
        ([assistant(call("1"), call("1", "find"))], "conflicting_tool_ids", ["1"]),
        ([tool(result("a"), result("b"))], "tool_result_without_call", ["a", "b"]),
    ],
    ids=[
        "defect_75 orphan",
        "defect_75 result before its call",
        "defect_75 two results",
        "defect_75 two calls",
        "defect_75 all are named",
    ],
)
def test_what_cannot_be_repaired_is_refused_with_its_ids(messages, code, ids):
    with pytest.raises(InvalidRequest) as refused:
        link({"model": "m", "messages": messages})
    assert refused.value.code == code
    assert refused.value.status == 400
    assert all(repr(one) in refused.value.message for one in ids)


def test_a_missing_result_is_left_to_the_provider():
    messages, losses = linked(assistant(call("1"), call("2")), tool(result("1")), user())
    assert len(messages) == 3
    assert losses == []


def test_unknown_messages_stay_where_they_are():
    strange = {"role": "unknown", "dialect": "d", "data": {"role": "critic"}}
    messages, _ = linked(user(), strange, user())
    assert messages[1] is strange


def test_a_result_that_only_names_its_call_finds_it_though_the_call_has_an_id_defect_105():
    """Some clients send calls back with the ids they got, and results by name and order."""
    calls = [{"type": "tool_call", "id": one, "name": name} for one, name in (("a", "f"), ("b", "g"), ("c", "f"))]
    results = [{"type": "tool_result", "name": name} for name in ("f", "g", "f")]
    messages = [{"role": "assistant", "parts": calls}, {"role": "tool", "parts": results}]
    linked, losses = link({"model": "m", "messages": messages})
    assert [part["id"] for part in linked["messages"][1]["parts"]] == ["a", "b", "c"]
    assert losses == []
