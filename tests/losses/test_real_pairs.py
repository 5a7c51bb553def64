"""What the shipped dialects lose between each other, named in the client's words, for bodies as clients send them."""

import copy
import json
import time

import pytest
from losses.leave_one_out import compare
from losses.real_pairs import PAIRS, chat_application, coding_agent, dialects, schema, table, translation

from handlers.engine.losses import Table, answer_schema, check, header_value


def test_a_coding_agent_hears_what_another_family_does_not_take_defect_237():
    """Cache hints, context management and the display of thoughts; nothing that changes the meaning of the answer."""
    losses = table("anthropic", "openai")(coding_agent())
    assert {str(loss) for loss in losses} == {
        "unsupported thinking",
        "unsupported context_management",
        "unsupported system[1].cache_control",
        "unsupported system[2].cache_control",
        "unsupported tools[1].defer_loading",
        "unsupported messages[0].content[0].cache_control",
        "unsupported messages[3].content[0].cache_control",
    }
    assert "unsupported messages[*].content[*].cache_control x2" in header_value(losses)
    check(losses)


def test_a_chat_application_hears_what_another_family_does_not_take():
    losses = table("openai", "anthropic")(chat_application())
    assert {str(loss) for loss in losses} == {
        "unsupported seed",
        "unsupported reasoning_effort",     # it forces a tool, and the provider cannot think then
        "unsupported prompt_cache_key",
        "unsupported response_format.json_schema.strict",
        "unsupported messages[1].name",
        "unsupported messages[1].content[1].image_url.detail",
    }
    check(losses)


@pytest.mark.parametrize(("member", "loss"), [
    pytest.param({"n": 3}, "unsupported n", id="defect_128 several answers"),
    pytest.param({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]}]},
                 "unsupported messages[0].content[0]", id="audio"),
    pytest.param({"messages": [{"role": "critic", "content": "x"}]}, "unsupported messages[0]", id="an unknown role"),
    pytest.param({"tools": [{"type": "browser", "x": 1}]}, "unsupported tools[0]", id="a tool of an unknown kind"),
])  # fmt: skip
def test_what_changes_the_answer_is_refused(member, loss):
    losses = table("openai", "anthropic")({"model": "m", "messages": [{"role": "user", "content": "x"}], **member})
    refused = [str(one) for one in losses if one.refuse]
    assert len(refused) == 1
    assert refused[0].startswith(loss)


@pytest.mark.parametrize(
    "member", [{"seed": 1}, {"logit_bias": {"1": 2}}, {"presence_penalty": 0.5}, {"brand_new": True}, {"user": ""}]
)
def test_the_rest_is_told(member):
    """Also a member that nobody has heard of; an empty value is nothing."""
    losses = table("openai", "anthropic")({"model": "m", "messages": [{"role": "user", "content": "x"}], **member})
    expected = [] if member == {"user": ""} else [f"unsupported {next(iter(member))}"]
    assert [str(one) for one in losses] == expected
    assert not any(one.refuse for one in losses)


@pytest.mark.parametrize(("client", "provider"), PAIRS)
def test_a_plain_conversation_loses_nothing_and_pays_one_glance(client, provider):
    messages = [{"role": role, "content": "hello " * 20} for role in ("user", "assistant") * 10]
    body = {"model": "m", "max_tokens": 1000, "temperature": 0.5, "stream": True, "messages": messages}
    known = table(client, provider)
    runs = known.runs
    assert known(body) == []
    assert known.carried(body)
    assert known.runs == runs, "nothing is translated to know it"


@pytest.mark.parametrize(("client", "provider"), PAIRS)
def test_the_table_is_true(client, provider):
    """Held against leave-one-out of random requests.

    At most one place in two hundred may be missed: conditions on two members at once, such as an effort that says no
    more than another effort beside it. One in ninety where much goes by two members: a budget that makes an effort
    needless, and tools that are not offered because another one must be called.
    """
    outcome = compare(table(client, provider), schema(client), count=120, seed=7)
    assert outcome.translated > 60
    assert outcome.places > 800
    assert outcome.glance_wrong == 0
    assert len(outcome.missed) <= outcome.places / (90 if provider == "cohere" else 200), outcome.missed


@pytest.mark.parametrize(("client", "provider"), PAIRS)
def test_a_pair_is_probed_quickly(client, provider):
    """So that it can be done at first use. Twice the time it takes on a slow machine."""
    known = translation(client, provider)
    start = time.process_time()
    Table(known, schema(client))
    assert time.process_time() - start < 0.6


@pytest.mark.parametrize("body", [coding_agent(), chat_application()], ids=["anthropic", "openai"])
def test_bodies_are_never_changed(body, request):
    client = request.node.callspec.id
    before = copy.deepcopy(body)
    table(client, "anthropic" if client == "openai" else "openai")(body)
    assert body == before


def test_the_table_can_be_printed():
    lines = table("openai", "anthropic").lines()
    assert ".seed: unsupported" in lines
    assert ".n: unsupported (refused)" in lines
    assert all(json.dumps(line) for line in lines)


ANSWER = {
    "id": "a", "model": "m", "created": 1, "finish_reason": "stop", "raw_finish_reason": "end",
    "parts": [{"type": "text", "text": "x"}, {"type": "tool_call", "id": "1", "name": "f", "arguments": {"a": 1}}],
    "usage": {"input_tokens": 3, "output_tokens": 4},
}  # fmt: skip


@pytest.mark.parametrize("client", ["openai", "anthropic"])
def test_what_an_answer_loses_is_named_in_neutral_words(client):
    write = dialects()[client].write_response
    assert write is not None
    known = Table(lambda response: write({**response, "request": {}, "values": {}}), answer_schema(client))
    assert known(ANSWER) == []
    foreign = {"type": "unknown", "dialect": "another", "data": {"type": "surprise"}}
    losses = known({**ANSWER, "parts": [*ANSWER["parts"], foreign]})
    assert [str(loss) for loss in losses] == ["unsupported parts[2]"]
