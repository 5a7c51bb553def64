"""Names and ids of tools are replaced where a provider would refuse them, and nobody else ever sees the new ones."""

import copy
import re
from dataclasses import dataclass

import pytest

from handlers.engine.errors import GatewayError
from handlers.engine.renames import Renaming


@dataclass(frozen=True)
class Rule:
    max: int | None = None
    pattern: str | None = None


SHORT = Rule(64, "^[a-zA-Z0-9_-]+$")
LONG_NAME = "mcp__weather__" + "x" * 80
DOTTED = "files.read"


def conversation(*names, id="call_1"):
    return {
        "model": "m",
        "tools": [{"type": "function", "name": name} for name in names],
        "tool_choice": {"mode": "tool", "name": names[0]},
        "messages": [
            {"role": "user", "parts": [{"type": "text", "text": names[0]}]},
            {"role": "assistant", "parts": [{"type": "tool_call", "id": id, "name": names[0], "arguments": {}}]},
            {"role": "tool", "parts": [{"type": "tool_result", "id": id, "name": names[0], "parts": []}]},
        ],
    }


def test_names_that_fit_are_the_same_object():
    request = conversation("look", "find")
    renaming = Renaming(SHORT, SHORT)
    assert renaming.request(request) is request
    assert not renaming.active
    parts = [{"type": "tool_call", "id": "1", "name": "look"}]
    assert renaming.response(parts) is parts


def test_without_a_rule_nothing_is_touched():
    request = conversation(LONG_NAME + "\n ü")
    assert Renaming().request(request) is request


@pytest.mark.parametrize("name", [
    pytest.param(LONG_NAME, id="defect_76 too long"),
    pytest.param(DOTTED, id="defect_76 a dot"),
    pytest.param("wetter_für_köln", id="defect_76 letters outside ASCII"),
    pytest.param("look\n", id="defect_76 a line break at the end"),
    pytest.param("y" * 128, id="defect_244 what another dialect allows"),
    pytest.param("", id="defect_76 nothing"),
    pytest.param("💥", id="defect_76 nothing that can stay"),
])  # fmt: skip
def test_a_name_is_replaced_everywhere_and_comes_home(name):
    request = conversation(name, "find")
    before = copy.deepcopy(request)
    renaming = Renaming(SHORT, None)
    sent = renaming.request(request)
    assert request == before
    new = sent["tools"][0]["name"]
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", new)
    assert sent["tool_choice"]["name"] == new
    assert sent["messages"][1]["parts"][0]["name"] == new
    assert sent["messages"][2]["parts"][0]["name"] == new
    assert sent["messages"][0] == before["messages"][0], "text is not searched"
    assert sent["tools"][1]["name"] == "find"
    answer = [{"type": "text", "text": new}, {"type": "tool_call", "id": "2", "name": new, "arguments": {}}]
    assert renaming.response(answer) == [answer[0], {**answer[1], "name": name}]
    assert renaming.name(new) == name
    assert renaming.delta({"type": "delta", "part": "tool_call", "id": "2", "name": new})["name"] == name
    event = {"type": "part_start", "index": 0, "nth": 0, "part": {"type": "tool_call", "id": "2", "name": new}}
    assert renaming.event(event)["part"]["name"] == name
    assert event["part"]["name"] == new, "the event is not changed in place"


def test_the_same_name_becomes_the_same_in_every_request():
    """Whatever else is in the request: prompts stay cacheable, and the model sees one name throughout."""
    first = Renaming(SHORT, None).request(conversation(LONG_NAME, "find"))
    second = Renaming(SHORT, None).request(conversation("other.one", LONG_NAME))
    assert first["tools"][0]["name"] == second["tools"][1]["name"]


def test_what_is_readable_stays_readable():
    assert Renaming(SHORT, None).request(conversation(DOTTED))["tools"][0]["name"].startswith("files_read_")


def test_a_rule_without_digits_leaves_a_name_readable():
    """The hash is spelt in letters; what is readable of the name stands before it."""
    for pattern, start in (("^[a-z_]+$", "look_up_"), ("^[A-Z_]+$", "LOOK_UP_")):
        rule = Rule(16, pattern)
        new = Renaming(rule, None).request(conversation("look_up_the_weather_2".upper() if start.isupper()
                                                        else "look_up_the_weather_2"))["tools"][0]["name"]  # fmt: skip
        assert new.startswith(start) and len(new) == 16 and re.fullmatch(pattern, new)


@pytest.mark.parametrize("names", [
    pytest.param(["a.b", "a_b", "a b", "a/b"], id="defect_76 alike once cleaned"),
    pytest.param([LONG_NAME + "1", LONG_NAME + "2", LONG_NAME[:64]], id="defect_76 alike once cut"),
])  # fmt: skip
def test_two_names_never_become_one(names):
    sent = Renaming(SHORT, None).request(conversation(*names))
    assert len({tool["name"] for tool in sent["tools"]}) == len(names)


def test_a_new_name_that_is_taken_is_not_used():
    """Somebody declares the very name that another would become."""
    taken = Renaming(SHORT, None).request(conversation(DOTTED))["tools"][0]["name"]
    renaming = Renaming(SHORT, None)
    sent = renaming.request(conversation(DOTTED, taken))
    assert sent["tools"][1]["name"] == taken
    assert sent["tools"][0]["name"] != taken
    assert renaming.name(sent["tools"][0]["name"]) == DOTTED
    assert renaming.name(taken) == taken


@pytest.mark.parametrize(("rule", "id"), [
    pytest.param(Rule(40, None), "toolu_" + "1" * 60, id="defect_77 too long"),
    pytest.param(Rule(None, "^[a-zA-Z0-9_-]+$"), "functions.look:0", id="defect_122 of another maker"),
    pytest.param(Rule(9, "^[a-zA-Z0-9]{9}$"), "call_abcdef", id="defect_77 exactly nine letters and digits"),
])  # fmt: skip
def test_ids_are_replaced_in_calls_and_results_alike(rule, id):
    renaming = Renaming(None, rule)
    sent = renaming.request(conversation("look", id=id))
    new = sent["messages"][1]["parts"][0]["id"]
    assert sent["messages"][2]["parts"][0]["id"] == new != id
    assert len(new) <= (rule.max or 512)
    assert re.fullmatch(rule.pattern or ".*", new)
    assert renaming.id(new) == id


def test_a_rule_that_lets_nothing_through_is_an_error():
    with pytest.raises(GatewayError) as failed:
        Renaming(Rule(3, "^ä+$"), None).request(conversation("look"))
    assert failed.value.status == 500
