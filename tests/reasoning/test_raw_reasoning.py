"""A body that passes through keeps its bytes; only sealed blocks of reasoning are opened or taken out."""

import copy
from pathlib import Path

import pytest

from handlers.engine.configuration import load_configuration
from handlers.engine.losses import Loss
from handlers.engine.raw_reasoning import affected, restore_messages, without_thinking
from handlers.engine.reasoning import seal

ROOT = Path(__file__).resolve().parents[2]
WARNED = [Loss("compatibility", "reasoning")]
THOUGHT = {"type": "reasoning", "text": "hm", "signature": "native"}
REDACTED = {"type": "reasoning", "redacted": True, "signature": "blob"}

BLOCKS = [
    {"at": "/messages/*/content", "type": "thinking", "field": "signature"},
    {"at": "/messages/*/content", "type": "redacted_thinking", "field": "data"},
]
DETAILS = [
    {
        "at": "/messages/*/reasoning_details",
        "type": "reasoning.text",
        "field": "signature",
        "beside": ["reasoning_content"],
    },
    {
        "at": "/messages/*/reasoning_details",
        "type": "reasoning.encrypted",
        "field": "data",
        "beside": ["reasoning_content"],
    },
]


def write_blocks(request):
    """A dialect that holds reasoning among its blocks, and only if it is signed."""

    def block(part):
        if part["type"] == "text":
            return {"type": "text", "text": part["text"]}
        if part.get("redacted"):
            return {"type": "redacted_thinking", "data": part["signature"]}
        return (
            {"type": "thinking", "thinking": part["text"], "signature": part["signature"]}
            if "signature" in part
            else None
        )

    return {"model": request["model"], "messages": [
        {"role": message["role"], "content": [made for part in message["parts"] if (made := block(part))]}
        for message in request["messages"]
    ]}  # fmt: skip


def write_beside(request):
    """A dialect that keeps the text of reasoning in a member beside the content."""

    def message(given):
        thoughts = "".join(part.get("text", "") for part in given["parts"] if part["type"] == "reasoning")
        text = "".join(part["text"] for part in given["parts"] if part["type"] == "text")
        return {"role": given["role"], "content": text, **({"reasoning_content": thoughts} if thoughts else {})}

    return {"messages": [message(given) for given in request["messages"]]}


def thinking(seal_text, text="hm"):
    return {"type": "thinking", "thinking": text, "signature": seal_text}


TEXT = {"type": "text", "text": "answer", "cache_control": {"type": "ephemeral"}}
NATIVE = thinking("EuYBCkQ")


def body(*blocks):
    return {"model": "m", "x": {"y": 1}, "messages": [
        {"role": "user", "content": "morello1. is only text here"}, {"role": "assistant", "content": list(blocks), "z": 1},
    ]}  # fmt: skip


@pytest.mark.parametrize(("blocks", "expected", "losses"), [
    pytest.param([thinking(seal(THOUGHT, "mine")), TEXT], [thinking("native"), TEXT], [], id="own, opened"),
    pytest.param([{"type": "redacted_thinking", "data": seal(REDACTED, "mine")}, TEXT],
                 [{"type": "redacted_thinking", "data": "blob"}, TEXT], [], id="defect_120 own, redacted"),
    pytest.param([thinking(seal(THOUGHT, "yours")), TEXT], [TEXT], WARNED, id="another maker's, out"),
    pytest.param([thinking("morello1.mine.AAAA"), TEXT], [TEXT], WARNED, id="damaged, out"),
    pytest.param([thinking(seal({"type": "reasoning", "text": "hm"}, "mine")), TEXT], [TEXT], WARNED,
                 id="own, but this dialect cannot write it"),
    pytest.param([NATIVE, TEXT, {"type": "new_kind"}], [NATIVE, TEXT, {"type": "new_kind"}], [], id="defect_227 native, untouched"),
    pytest.param([NATIVE, thinking(seal(THOUGHT, "yours")), TEXT], [NATIVE, TEXT], WARNED, id="only what is sealed"),
])  # fmt: skip
def test_blocks_within_the_content(blocks, expected, losses):
    given = body(*blocks)
    before = copy.deepcopy(given)
    found, told = restore_messages(given, BLOCKS, "mine", write_blocks)
    assert given == before
    assert found == body(*expected)
    assert told == losses
    assert found["messages"][0] is given["messages"][0]
    assert found["x"] is given["x"]


def test_a_body_without_seals_is_the_same_object():
    given = body(NATIVE, TEXT)
    assert restore_messages(given, BLOCKS, "mine", write_blocks) == (given, [])
    assert restore_messages(given, BLOCKS, "mine", write_blocks)[0] is given


def test_a_message_with_nothing_left_goes_too_defect_89():
    given = {
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": [thinking(seal(THOUGHT, "yours"))]},
        ]
    }
    found, told = restore_messages(given, BLOCKS, "mine", write_blocks)
    assert found == {"messages": [{"role": "user", "content": "x"}]}
    assert told == WARNED


def details(seal_text):
    return [{"type": "reasoning.text", "text": "hm", "signature": seal_text, "index": 0, "format": "x"}]


def test_a_list_beside_the_content_goes_with_what_repeats_it():
    """Another maker's: the list is empty then, and the member that repeats its text goes with it."""
    message = {
        "role": "assistant",
        "content": "answer",
        "reasoning_content": "hm",
        "reasoning_details": details(seal(THOUGHT, "yours")),
    }
    found, told = restore_messages({"messages": [message]}, DETAILS, "mine", write_beside)
    assert found == {"messages": [{"role": "assistant", "content": "answer"}]}
    assert told == WARNED


def test_own_reasoning_comes_back_in_the_member_that_the_dialect_writes_defect_88():
    plain = {"type": "reasoning", "text": "hm"}
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1"}],
        "reasoning_details": details(seal(plain, "mine")),
    }
    found, told = restore_messages({"messages": [message]}, DETAILS, "mine", write_beside)
    assert found == {"messages": [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}], "reasoning_content": "hm"},
    ]}  # fmt: skip
    assert told == []


def test_bytes_are_searched_for_the_mark():
    assert affected(b'{"signature":"morello1.m.abc"}')
    assert not affected(b'{"signature":"EuYBCkQ"}')


SIGNED, PLAIN = {"type": "reasoning", "text": "hm", "signature": "native"}, {"type": "reasoning", "text": "hm"}


@pytest.mark.parametrize(
    ("dialect", "part", "message", "expected"),
    [
        pytest.param(
            "anthropic", SIGNED,
            {"role": "assistant", "content": [thinking(seal(SIGNED, "mine")), TEXT]},
            {"role": "assistant", "content": [thinking("native"), TEXT]},
            id="among the blocks",
        ),
        pytest.param(
            "openai", PLAIN,
            {"role": "assistant", "content": "answer", "reasoning_details": details(seal(PLAIN, "mine"))},
            {"role": "assistant", "content": "answer", "reasoning_content": "hm"},
            id="defect_250 beside the content",
        ),
    ],
)  # fmt: skip
def test_the_shipped_dialects_open_their_own(dialect, part, message, expected):
    """What a block looks like in a dialect is known to its templates only."""
    shipped = load_configuration(ROOT, {}).dialects[dialect]
    given = {"messages": [{"role": "user", "content": "x"}, message]}
    found, told = restore_messages(given, shipped.reasoning.carriers, "mine", shipped.write_request)
    assert found["messages"][1] == expected
    assert told == []


@pytest.mark.parametrize(
    ("member", "left"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, {"thinking": {"type": "disabled"}}),
        ({"thinking": {"type": "disabled"}}, {"thinking": {"type": "disabled"}}),
        ({}, {}),
    ],
    ids=["on", "off", "not asked for"],
)
def test_an_open_turn_that_has_lost_its_thought_goes_on_without_thinking(member, left):
    """The dialect refuses such a turn while it thinks; everything else stays as the caller wrote it."""
    dialect = load_configuration(ROOT, {}).dialects["anthropic"]
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "it rains"}]},
    ]
    body = {"model": "m", "max_tokens": 9000, "metadata": {"user_id": "u"}, "messages": messages, **member}
    neutral = dialect.read_request({"body": body, "path": {}, "values": dialect.values})
    rest = {name: value for name, value in body.items() if name != "thinking"}
    assert without_thinking(body, neutral, dialect.write_request) == {**rest, **left}


def test_an_open_turn_that_has_its_own_thought_thinks_on():
    """What the provider signed itself is there: nothing is switched off, and the body is the same object."""
    dialect = load_configuration(ROOT, {}).dialects["anthropic"]
    thought = {"type": "thinking", "thinking": "hm", "signature": "native"}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [thought, {"type": "tool_use", "id": "t1", "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "it rains"}]},
    ]
    body = {"model": "m", "max_tokens": 9000, "messages": messages, "thinking": {"type": "enabled", "budget_tokens": 2000}}
    neutral = dialect.read_request({"body": body, "path": {}, "values": dialect.values})
    assert without_thinking(body, neutral, dialect.write_request) is body
