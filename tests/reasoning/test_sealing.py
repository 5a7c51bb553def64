"""A block of reasoning survives the way through a client that knows nothing of it, and goes home to its maker only."""

import copy

import pytest

from handlers.engine.losses import Loss
from handlers.engine.reasoning import MARK, restore, seal, seal_event, seal_parts, unseal

THOUGHT = {"type": "reasoning", "text": "Let me see. " * 50, "signature": "abc+/=="}
SHORT = {"type": "reasoning", "text": "ü", "id": "rs_1"}
REDACTED = {"type": "reasoning", "redacted": True, "signature": "Zm9v"}
CALL = {"type": "tool_call", "id": "1", "name": "look", "arguments": {}}
RESULT = {"role": "tool", "parts": [{"type": "tool_result", "id": "1", "name": "look", "parts": []}]}
USER = {"role": "user", "parts": [{"type": "text", "text": "hello"}]}
WARNED = [Loss("compatibility", "reasoning")]


def assistant(*parts):
    return {"role": "assistant", "parts": list(parts)}


def request(*messages, **more):
    return {"model": "m", "messages": list(messages), **more}


@pytest.mark.parametrize("part", [THOUGHT, SHORT, REDACTED], ids=["long", "short", "redacted"])
@pytest.mark.parametrize("maker", ["anthropic", "my.own-provider.v1", "x"])
def test_a_seal_holds_the_whole_block(part, maker):
    text = seal(part, maker)
    assert text.startswith(f"{MARK}{maker}.")
    assert text.isascii()
    assert unseal(text) == (maker, part)


def test_a_seal_is_the_same_each_time_and_smaller_than_a_long_thought():
    """The same block gives the same seal, so that a conversation grows by appending only."""
    assert seal(THOUGHT, "m") == seal(copy.deepcopy(THOUGHT), "m")
    assert len(seal(THOUGHT, "m")) < len(THOUGHT["text"])


def test_a_damaged_seal_is_none_wherever_it_was_damaged():
    text = seal(SHORT, "m")
    payload = len(MARK) + 2
    for at in range(payload, len(text)):
        other = "A" if text[at] != "A" else "B"
        assert unseal(text[:at] + other + text[at + 1 :]) is None, at
        assert unseal(text[:at]) is None, at


@pytest.mark.parametrize(
    "text", ["", "morello1.", "morello1.m", "morello1.m.", "morello1..x", "morello1.m.ä", "abc", None, 7]
)
def test_what_is_no_seal_is_none(text):
    assert unseal(text) is None


def test_a_seal_that_unpacks_to_more_than_it_may_is_damaged(monkeypatch):
    text = seal({"type": "reasoning", "text": "0" * 5000}, "m")
    monkeypatch.setattr("handlers.engine.reasoning.LARGEST_BLOCK", 1000)
    assert unseal(text) is None


def test_what_is_written_to_another_family_is_sealed_defect_229():
    """Every block: signed, unsigned and redacted; nothing else is touched."""
    text = {"type": "text", "text": "x"}
    parts = seal_parts([THOUGHT, SHORT, REDACTED, text, CALL], "maker")
    assert [unseal(part.get("signature")) for part in parts] == [
        ("maker", THOUGHT), ("maker", SHORT), ("maker", REDACTED), None, None,
    ]  # fmt: skip
    assert [part.get("text") for part in parts[:3]] == [THOUGHT["text"], "ü", None]
    assert parts[3] is text
    plain = [text, CALL]
    assert seal_parts(plain, "maker") is plain


def test_a_calls_signature_is_sealed_by_itself_defect_121():
    signed = {**CALL, "signature": "thought"}
    sealed = seal_parts([signed], "maker")[0]
    assert {**sealed, "signature": "thought"} == signed
    back, losses = restore(request(assistant(sealed)), scope="maker", native=False)
    assert back["messages"][0]["parts"] == [signed]
    assert losses == []
    elsewhere, losses = restore(request(assistant(sealed)), scope="other", native=False)
    assert elsewhere["messages"][0]["parts"] == [CALL]
    assert losses == WARNED


@pytest.mark.parametrize("part", [
    pytest.param(THOUGHT, id="defect_119 signed"),
    pytest.param(SHORT, id="unsigned"),
    pytest.param(REDACTED, id="defect_120 redacted"),
    pytest.param({"type": "reasoning", "text": "", "signature": "s"}, id="defect_118 defect_228 empty but signed"),
])  # fmt: skip
def test_home_it_comes_as_it_was(part):
    client_sends = request(USER, assistant(*seal_parts([part, CALL], "maker")), RESULT)
    before = copy.deepcopy(client_sends)
    back, losses = restore(client_sends, scope="maker", native=False, replay="required")
    assert back["messages"][1]["parts"] == [part, CALL]
    assert losses == []
    assert client_sends == before


@pytest.mark.parametrize("signature", [seal(THOUGHT, "other"), seal(THOUGHT, "maker")[:-3]], ids=["foreign", "damaged"])
def test_another_makers_or_a_damaged_block_goes_out_with_a_warning(signature):
    part = {"type": "reasoning", "text": "x", "signature": signature}
    back, losses = restore(request(USER, assistant(part, CALL)), scope="maker", native=False)
    assert back["messages"][1]["parts"] == [CALL]
    assert losses == WARNED


def test_a_message_of_nothing_but_foreign_thoughts_goes_too_defect_89():
    back, losses = restore(request(USER, assistant(*seal_parts([THOUGHT], "other")), USER), scope="m", native=False)
    assert back["messages"] == [USER, USER]
    assert losses == WARNED


def test_a_native_signature_stays_within_its_family_only():
    """To another family the block does not go at all, unless it demands reasoning: then the text goes, unsigned."""
    conversation = request(assistant(THOUGHT, REDACTED, CALL))
    same, losses = restore(conversation, scope="m", native=True)
    assert same is conversation
    assert losses == []
    _, losses = restore(request(assistant(THOUGHT)), scope="m", native=False)
    assert losses == WARNED, "a block that goes is told"
    gone, losses = restore(conversation, scope="m", native=False)
    assert gone["messages"][0]["parts"] == [CALL]
    assert losses == WARNED
    other, losses = restore(conversation, scope="m", native=False, replay="required")
    assert other["messages"][0]["parts"] == [{"type": "reasoning", "text": THOUGHT["text"]}, CALL]
    assert losses == WARNED


def test_reasoning_is_never_sent_where_it_is_forbidden_defect_87():
    """Not even the provider's own; and never as text."""
    parts = seal_parts([THOUGHT, CALL], "maker")
    back, losses = restore(request(assistant(*parts)), scope="maker", native=False, replay="forbidden")
    assert back["messages"][0]["parts"] == [CALL]
    assert losses == WARNED


@pytest.mark.parametrize("wish", [{"effort": "high"}, {"mode": "enabled", "budget_tokens": 2000}, {"mode": "adaptive"}])
def test_an_open_tool_turn_without_its_reasoning_switches_it_off_defect_88_defect_250(wish):
    conversation = request(USER, assistant(CALL), RESULT, reasoning=wish)
    back, losses = restore(conversation, scope="m", native=False, replay="required")
    assert back["reasoning"] == {"mode": "disabled"}
    assert losses == WARNED
    kept, losses = restore(conversation, scope="m", native=False, replay="optional")
    assert kept is conversation
    assert losses == []


def test_the_words_of_another_maker_are_not_the_reasoning_that_is_missing():
    """A thought without a seal, of another family: its text may go along, but an open turn needs the provider's own."""
    conversation = request(USER, assistant(THOUGHT, CALL), RESULT, reasoning={"effort": "high"})
    back, losses = restore(conversation, scope="m", native=False, replay="required")
    assert back["reasoning"] == {"mode": "disabled"}
    assert losses == WARNED
    same, _ = restore(conversation, scope="m", native=True, replay="required")
    assert same is conversation


@pytest.mark.parametrize("messages", [
    [USER, assistant(CALL), RESULT, assistant({"type": "text", "text": "x"}), USER],
    [USER, assistant(CALL), RESULT, USER],
    [USER, assistant(*seal_parts([THOUGHT], "m"), CALL), RESULT],
    [USER],
], ids=["turn is over", "the user went on", "it came back", "no tools"])  # fmt: skip
def test_elsewhere_reasoning_stays_on(messages):
    back, losses = restore(request(*messages, reasoning={"effort": "high"}), scope="m", native=False, replay="required")
    assert back["reasoning"] == {"effort": "high"}
    assert losses == []


# ---- streams ------------------------------------------------------------------------------------------------------


def event(kind, part, **more):
    return {"type": kind, "index": 0, "nth": 0, "part": part, **more}


def test_in_a_stream_the_seal_comes_before_the_end_of_its_part_defect_119():
    """The maker's own signature is held back: the client gets one that holds the whole block."""
    whole = {"type": "reasoning", "text": "abc", "signature": "native"}
    events = [
        event("part_start", {"type": "reasoning", "text": ""}),
        event("part_delta", {"type": "reasoning", "text": "abc"}, text="abc"),
        event("part_delta", whole, signature="native"),
        event("part_end", whole),
    ]
    seen = [out for one in events for out in seal_event(one, "maker")]
    assert [one["type"] for one in seen] == ["part_start", "part_delta", "part_delta", "part_end"]
    assert seen[1]["text"] == "abc"
    assert unseal(seen[2]["signature"]) == ("maker", whole)
    assert seen[3]["part"]["signature"] == seen[2]["signature"]
    assert not any("native" in str({**one, "signature": ""}) for one in seen[:2])


def test_a_redacted_block_is_sealed_at_its_start_defect_120():
    seen = [out for kind in ("part_start", "part_end") for out in seal_event(event(kind, REDACTED), "maker")]
    assert [one["type"] for one in seen] == ["part_start", "part_end"]
    assert unseal(seen[0]["part"]["signature"]) == ("maker", REDACTED)


@pytest.mark.parametrize("one", [event("part_delta", {"type": "text", "text": "a"}, text="a"), {"type": "ping"},
                                 event("part_start", CALL)])  # fmt: skip
def test_other_events_pass_as_they_are(one):
    assert seal_event(one, "maker")[0] is one
