"""Known transcripts: loose events as readers give them, and the strict events they become."""

from __future__ import annotations

import pytest
from assembler.event_grammar import brief, check

from handlers.engine.assembler import Assembler


def text(words, **more):
    return {"type": "delta", "part": "text", "text": words, **more}


def thought(words, **more):
    return {"type": "delta", "part": "reasoning", "text": words, **more}


def call(key=None, id=None, name=None, arguments=None, **more):
    given = {"key": key, "id": id, "name": name, "arguments": arguments} | more
    return {"type": "delta", "part": "tool_call", **{name: value for name, value in given.items() if value is not None}}


def delta(**members):
    return {"type": "delta", **members}


def finish(reason="stop", **more):
    return {"type": "finish", "finish_reason": reason, **more}


def usage(**counts):
    return {"type": "usage", **counts}


START = {"type": "start", "id": "r1", "model": "m1", "created": 7}

TRANSCRIPTS = {
    "text": (
        [START, text("Hel"), text("lo"), finish()],
        ["start", "0.0 text", '+ text "Hel"', '+ text "lo"', "end", "finish stop"],
    ),
    "defect_1 defect_203 the open part ends before the finish": (
        [START, text("a"), call(0, "A", "f", "{}"), finish("tool_call")],
        ["start", "0.0 text", '+ text "a"', "end", "1.0 tool_call A f", '+ arguments "{}"', "end", "finish tool_call"],
    ),
    "defect_3 a finish without usage": ([START, finish()], ["start", "finish stop"]),
    "defect_6 a finish that is empty or null is none": (
        [START, finish(""), text("a"), {"type": "finish", "finish_reason": None}, text("b"), finish()],
        ["start", "0.0 text", '+ text "a"', '+ text "b"', "end", "finish stop"],
    ),
    "defect_9 a frame without content changes nothing": (
        [{"type": "start", "id": "", "model": ""}, START, text("a"), finish()],
        ["start", "0.0 text", '+ text "a"', "end", "finish stop"],
    ),
    "defect_10 nothing between start and finish": ([START, finish("length")], ["start", "finish length"]),
    "defect_11 from a thought to a call": (
        [START, thought("hm"), call(0, "A", "f", "{}"), finish("tool_call")],
        ["start", "0.0 reasoning", '+ text "hm"', "end", "1.0 tool_call A f", '+ arguments "{}"', "end",
         "finish tool_call"],
    ),
    "defect_12 text before a thought": (
        [START, text("a"), thought("hm"), text("b"), finish()],
        ["start", "0.0 text", '+ text "a"', "end", "1.0 reasoning", '+ text "hm"', "end", "2.1 text", '+ text "b"',
         "end", "finish stop"],
    ),
    "defect_13 defect_2 a call while text is open, each ended once": (
        [START, text("a"), call(0, "A", "f", '{"x":'), call(0, arguments="1}"), text("b"), finish()],
        ["start", "0.0 text", '+ text "a"', "end", "1.0 tool_call A f", '+ arguments "{\\"x\\":"', '+ arguments "1}"',
         "end", "2.1 text", '+ text "b"', "end", "finish tool_call"],
    ),
    "defect_14 interleaved calls": (
        [START, call(0, "A", "f", '{"a":'), call(1, "B", "g", '{"b"'), call(0, arguments="1"), call(2, "C", "h"),
         call(1, arguments=":2}"), call(0, arguments="}"), finish("tool_call")],
        ["start", "0.0 tool_call A f", '+ arguments "{\\"a\\":"', '+ arguments "1"', '+ arguments "}"', "end",
         "1.1 tool_call B g", '+ arguments "{\\"b\\":2}"', "end", "2.2 tool_call C h", '+ arguments "{}"', "end",
         "finish tool_call"],
    ),
    "defect_14 the open call goes on while another waits": (
        [START, call(0, "A", "f", '{"a":'), call(1, "B", "g", '{"b":2}'), call(0, arguments="{}"),
         call(0, arguments="}"), call(1, arguments=""), finish("tool_call")],
        ["start", "0.0 tool_call A f", '+ arguments "{\\"a\\":"', '+ arguments "{}"', '+ arguments "}"', "end",
         "1.1 tool_call B g", '+ arguments "{\\"b\\":2}"', "end", "finish tool_call"],
    ),
    "defect_15 a new id under an old key": (
        [START, call(0, "A", "f", '{"a":1}'), call(0, "B", "g", '{"b":'), call(0, arguments="2}"), finish("tool_call")],
        ["start", "0.0 tool_call A f", '+ arguments "{\\"a\\":1}"', "end", "1.1 tool_call B g",
         '+ arguments "{\\"b\\":"', '+ arguments "2}"', "end", "finish tool_call"],
    ),
    "defect_17 an id that is repeated": (
        [START, call(0, "A", "f", '{"a"'), call(0, "A", "f", ":1"), call(0, "A", "f", "}"), finish("tool_call")],
        ["start", "0.0 tool_call A f", '+ arguments "{\\"a\\""', '+ arguments ":1"', '+ arguments "}"', "end",
         "finish tool_call"],
    ),
    "defect_2 a complete call said twice is one call": (
        [START, call(0, "A", "f", '{"a":1}'), call(0, "A", "f", '{"a":1}'), finish("tool_call")],
        ["start", "0.0 tool_call A f", '+ arguments "{\\"a\\":1}"', "end", "finish tool_call"],
    ),
    "defect_18 defect_43 a call without arguments": (
        [START, call(0, "A", "f", ""), call(1, "B", "g", ""), finish("tool_call")],
        ["start", "0.0 tool_call A f", '+ arguments "{}"', "end", "1.1 tool_call B g", '+ arguments "{}"', "end",
         "finish tool_call"],
    ),
    "defect_19 empty deltas": (
        [START, text(""), call(0, "A", "f", '{"a":'), text(""), thought(""), call(0, arguments="1}"), text(""),
         finish("tool_call")],
        ["start", "0.0 tool_call A f", '+ arguments "{\\"a\\":"', '+ arguments "1}"', "end", "finish tool_call"],
    ),
    "defect_20 defect_48 a call, though the wire says stop": (
        [START, call(None, "A", "f", "{}"), finish("stop")],
        ["start", "0.0 tool_call A f", '+ arguments "{}"', "end", "finish tool_call"],
    ),
    "length wins over a call": (
        [START, call(0, "A", "f", '{"a":1}'), finish("length")],
        ["start", "0.0 tool_call A f", '+ arguments "{\\"a\\":1}"', "end", "finish length"],
    ),
    "content_filter and error win over a call": (
        [START, call(0, "A", "f", "{}"), finish("content_filter")],
        ["start", "0.0 tool_call A f", '+ arguments "{}"', "end", "finish content_filter"],
    ),
    "defect_29 thought and text in one frame": (
        [START, thought("hm"), text("a"), finish()],
        ["start", "0.0 reasoning", '+ text "hm"', "end", "1.0 text", '+ text "a"', "end", "finish stop"],
    ),
    "defect_31 a refusal": (
        [START, text("I"), delta(part="refusal", text="no"), finish("content_filter")],
        ["start", "0.0 text", '+ text "I"', "end", "1.0 refusal", '+ text "no"', "end", "finish content_filter"],
    ),
    "defect_31 a refusal that goes on under its kind's open part": (
        [START, delta(part="refusal", text="no"), delta(text=", never"), finish()],
        ["start", "0.0 refusal", '+ text "no"', '+ text ", never"', "end", "finish stop"],
    ),
    "defect_33 an error in the middle": (
        [START, text("a"), {"type": "error", "error": {"type": "overloaded", "message": "busy"}}, text("b"), finish()],
        ["start", "0.0 text", '+ text "a"', "error overloaded"],
    ),
    "defect_34 defect_231 an end without a finish": (
        [START, text("a"), usage(output_tokens=1)],
        ["start", "0.0 text", '+ text "a"', "error stream_truncated"],
    ),
    "defect_231 nothing at all": ([], ["error stream_truncated"]),
    "defect_119 a signature after the thought": (
        [START, thought("hm", key=0), delta(key=0, signature="S"), delta(key=0, end=True), text("a", key=1), finish()],
        ["start", "0.0 reasoning", '+ text "hm"', '+ signature "S"', "end", "1.0 text", '+ text "a"', "end",
         "finish stop"],
    ),
    "defect_228 a thought of which only the signature is told": (
        [START, delta(part="reasoning", key=0), delta(key=0, signature="S"), delta(key=0, end=True), finish()],
        ["start", "0.0 reasoning", '+ signature "S"', "end", "finish stop"],
    ),
    "a signature that comes after the text has begun": (
        [START, thought("hm"), text("a"), delta(part="reasoning", signature="S"), text("b"), finish()],
        ["start", "0.0 reasoning", '+ text "hm"', "end", "1.0 text", '+ text "a"', "end", "2.1 reasoning",
         '+ signature "S"', "end", "3.1 text", '+ text "b"', "end", "finish stop"],
    ),
    "defect_120 redacted thoughts, with keys and without": (
        [START, delta(part="reasoning", key=0, redacted=True, signature="R1"), delta(key=0, end=True),
         delta(part="reasoning", redacted=True, signature="R2"), delta(part="reasoning", redacted=True, signature="R3"),
         thought("hm"), finish()],
        ["start", "0.0 reasoning R1", "end", "1.1 reasoning R2", "end", "2.2 reasoning R3", "end", "3.3 reasoning",
         '+ text "hm"', "end", "finish stop"],
    ),
    "a redacted thought in shreds": (
        [START, delta(part="reasoning", key=0, redacted=True, signature="R"), delta(key=0, signature="1"), text("a"),
         finish()],
        ["start", "0.0 reasoning R1", "end", "1.0 text", '+ text "a"', "end", "finish stop"],
    ),
    "a thought with another id is another thought": (
        [START, thought("a", id="x"), thought("b", id="x"), thought("c", id="y"), finish()],
        ["start", "0.0 reasoning x", '+ text "a"', '+ text "b"', "end", "1.1 reasoning y", '+ text "c"', "end",
         "finish stop"],
    ),
    "defect_121 a signature on a call": (
        [START, call(None, "A", "f", "{}", signature="S"), finish()],
        ["start", "0.0 tool_call A f", '+ arguments "{}"', '+ signature "S"', "end", "finish tool_call"],
    ),
    "calls without keys or ids are calls each": (
        [START, call(name="f", arguments="{}"), call(name="f", arguments="{}"), finish()],
        ["start", "0.0 tool_call call_0 f", '+ arguments "{}"', "end", "1.1 tool_call call_1 f", '+ arguments "{}"',
         "end", "finish tool_call"],
    ),
    "a call without a key goes on with arguments alone": (
        [START, call(id="A", name="f", arguments='{"a":'), call(arguments="1}"), call(id="A", arguments=" "),
         call(id="B", name="g"), finish()],
        ["start", "0.0 tool_call A f", '+ arguments "{\\"a\\":"', '+ arguments "1}"', '+ arguments " "', "end",
         "1.1 tool_call B g", '+ arguments "{}"', "end", "finish tool_call"],
    ),
    "defect_16 keys and ids that begin again in each frame": (
        [START, call(0, "c0", "f", '{"a":1}'), call(0, "c0", "g", '{"b":2}'), call(0, "c0", "g", '{"b":3}'), finish()],
        ["start", "0.0 tool_call c0 f", '+ arguments "{\\"a\\":1}"', "end", "1.1 tool_call call_1 g",
         '+ arguments "{\\"b\\":2}"', "end", "2.2 tool_call call_2 g", '+ arguments "{\\"b\\":3}"', "end",
         "finish tool_call"],
    ),
    "a call whose name comes late": (
        [START, call(0, "A", arguments='{"a"'), call(0, name="f"), call(0, arguments=":1}"), finish()],
        ["start", "0.0 tool_call A f", '+ arguments "{\\"a\\""', '+ arguments ":1}"', "end", "finish tool_call"],
    ),
    "a call whose id comes late keeps the one it was given": (
        [START, call(0, None, "f", '{"a":'), call(0, "A", None, "1}"), finish()],
        ["start", "0.0 tool_call call_0 f", '+ arguments "{\\"a\\":"', '+ arguments "1}"', "end", "finish tool_call"],
    ),
    "a call that never gets a name is not lost": (
        [START, call(0, "A", arguments="{}"), finish()],
        ["start", "0.0 tool_call A ", '+ arguments "{}"', "end", "finish tool_call"],
    ),
    "defect_107 arguments that are no JSON stay the model's text": (
        [START, call(0, "A", "f", "[1"), call(1, "B", "g", "oops"), finish("tool_call")],
        ["start", "0.0 tool_call A f", '+ arguments "[1"', "end", "1.1 tool_call B g", '+ arguments "oops"', "end",
         "finish tool_call"],
    ),
    "defect_138 a call cut off by the length limit": (
        [START, call(0, "A", "f", '{"a": "lon'), finish("length")],
        ["start", "0.0 tool_call A f", '+ arguments "{\\"a\\": \\"lon"', "end", "finish length"],
    ),
    "defect_138 a call cut off before its arguments": (
        [START, delta(part="tool_call", key=0, id="A", name="f"), delta(key=0, end=True), finish("length")],
        ["start", "0.0 tool_call A f", "end", "finish length"],
    ),
    "defect_247 a block that only its family knows, without a change": (
        [START, text("a", key=0), delta(key=0, end=True),
         delta(part="unknown", key=1, data={"type": "fallback"}), delta(key=1, end=True), text("b", key=2), finish()],
        ["start", "0.0 text", '+ text "a"', "end", "1.0 unknown", "end", "2.1 text", '+ text "b"', "end",
         "finish stop"],
    ),
    "defect_50 citations": (
        [START, text("a", key=0), delta(key=0, citation={"url": "u"}), text("b", key=0), finish()],
        ["start", "0.0 text", '+ text "a"', '+ citation {"url": "u"}', '+ text "b"', "end", "finish stop"],
    ),
    "log probabilities come with their text": (
        [START, text("a", logprobs=[{"token": "a", "logprob": -1}]), finish()],
        ["start", "0.0 text", '+ text "a" logprobs [{"token": "a", "logprob": -1}]', "end", "finish stop"],
    ),
    "a file in shreds": (
        [START, delta(part="file", modality="audio", id="F", data="AAA"), delta(part="file", data="ABB"),
         delta(part="file", transcript="hi"), delta(part="file", expires_at=9), finish()],
        ["start", "0.0 file F audio", '+ data "AAA"', '+ data "ABB"', '+ transcript "hi"', "end", "finish stop"],
    ),
    "parts with ends of their own": (
        [START, delta(part="text", key=0), delta(key=0, text="a"), delta(key=0, end=True), delta(key=0, end=True),
         delta(part="tool_call", key=1, id="A", name="f"), delta(key=1, arguments='{"a":'), delta(key=1, arguments="1}"),
         delta(key=1, end=True), delta(end=True), finish("tool_call")],
        ["start", "0.0 text", '+ text "a"', "end", "1.0 tool_call A f", '+ arguments "{\\"a\\":"', '+ arguments "1}"',
         "end", "finish tool_call"],
    ),
    "text between the shreds of a call waits for its turn": (
        [START, text("a"), call(0, "A", "f", '{"a":'), text("b"), call(0, arguments="1"), text("c"),
         call(0, arguments="}"), text("d"), finish("tool_call")],
        ["start", "0.0 text", '+ text "a"', "end", "1.0 tool_call A f", '+ arguments "{\\"a\\":"', '+ arguments "1"',
         '+ arguments "}"', "end", "2.1 text", '+ text "bc"', '+ text "d"', "end", "finish tool_call"],
    ),
    "a word for the finish that nobody translated": (
        [START, text("a"), finish("eos_token"), text("b")],
        ["start", "0.0 text", '+ text "a"', '+ text "b"', "end", "finish other"],
    ),
    "kinds that nobody knows say nothing": (
        [START, delta(part="hologram", text="x"), {"type": "ping"}, {}, delta(), delta(part="text"), finish()],
        ["start", "finish stop"],
    ),
    "content says what it is where nothing else does": (
        [START, delta(key=0, text="a"), delta(key=1, arguments="{}", name="f", id="A"), delta(key=2, signature="S"),
         finish()],
        ["start", "0.0 text", '+ text "a"', "end", "1.0 tool_call A f", '+ arguments "{}"', "end", "2.0 reasoning",
         '+ signature "S"', "end", "finish tool_call"],
    ),
}  # fmt: skip


class Numbered(Assembler):
    """Ids of calls that came without one, made readable."""

    def _make_id(self, index: int) -> str:
        return f"call_{index}"


def assembled(loose, **options):
    assembler = Numbered(id="r", model="m", created=1, dialect="d", **options)
    events = [event for each in loose for event in assembler.feed(each)]
    return events + assembler.end(), assembler


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_stream_is_well_formed_whatever_came(name):
    """Loose events become these strict ones; they obey the grammar, and what they add up to is the response."""
    loose, expected = TRANSCRIPTS[name]
    events, assembler = assembled(loose)
    assert brief(events) == expected
    check(events)
    assert assembler.response["parts"] == [event["part"] for event in events if event["type"] == "part_end"]


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_defect_7_nothing_comes_after_the_end(name):
    """What is fed after the end is ignored, and the end comes once."""
    loose, _ = TRANSCRIPTS[name]
    _, assembler = assembled(loose)
    again = [START, text("x"), call(9, "Z", "f", "{}"), usage(input_tokens=9), finish("length")]
    assert [event for each in again for event in assembler.feed(each)] == []
    assert assembler.end() == []
    assert assembler.interrupted({"type": "timeout", "message": "late"}) == []
    assert assembler.over


def test_defect_4_usage_after_the_finish_counts():
    """The finish waits for the end of the stream, and carries what was counted until then."""
    events, _ = assembled([START, text("a"), finish(), usage(input_tokens=3, output_tokens=1)])
    assert events[-1]["usage"] == {"input_tokens": 3, "output_tokens": 1}


def test_defect_5_usage_in_each_frame_ends_nothing():
    """Counts are totals: the last one of each name holds, and only the end ends the stream."""
    loose = [START, *(each for n in range(1, 4) for each in (text("a"), usage(input_tokens=5, output_tokens=n))), finish()]
    events, assembler = assembled(loose)
    check(events)
    assert events[-1]["usage"] == {"input_tokens": 5, "output_tokens": 3}
    assert assembler.response["usage"] == {"input_tokens": 5, "output_tokens": 3}


def test_defect_132_a_zero_replaces_no_count():
    """A server that counts input only at the start says zero at the end; a zero that stands alone is kept."""
    loose = [START, usage(input_tokens=9, cache_read_tokens=0), finish(), usage(input_tokens=0, output_tokens=2)]
    events, _ = assembled(loose)
    assert events[-1]["usage"] == {"input_tokens": 9, "cache_read_tokens": 0, "output_tokens": 2}


def test_defect_133_counts_that_are_null_or_no_numbers_count_nothing():
    events, _ = assembled([START, usage(input_tokens=None, output_tokens="3", reasoning_tokens=-1), finish()])
    assert events[-1]["usage"] == {}


def test_defect_24_the_start_carries_what_is_counted_by_then():
    """Counts that come with the start are in it, though they are another event of the reader's."""
    assembler = Assembler()
    events = assembler.feed_frame([START, usage(input_tokens=12, cache_read_tokens=4)])
    assert events == [
        {"type": "start", "id": "r1", "model": "m1", "created": 7,
         "usage": {"input_tokens": 12, "cache_read_tokens": 4}},
    ]  # fmt: skip


def test_the_start_leaves_with_its_frame():
    """Nobody waits for the first word to hear that an answer has begun; an empty start waits for a real one."""
    assembler = Assembler(id="mine", model="m", created=1)
    assert assembler.feed_frame([{"type": "start", "id": "", "model": ""}]) == []
    assert brief(assembler.feed_frame([START])) == ["start"]
    assert assembler.feed_frame([START, usage(input_tokens=1)]) == []


def test_defect_46_id_model_and_time_are_those_of_the_first_start():
    """Later starts change no identity; what they alone know (the service tier) reaches the finish."""
    loose = [START, text("a"), START | {"id": "r2", "model": "m2", "created": 9, "service_tier": "default"}, finish()]
    events, assembler = assembled(loose)
    check(events)
    assert (events[0]["id"], events[0]["model"], events[0]["created"]) == ("r1", "m1", 7)
    assert events[-1]["service_tier"] == "default"
    assert {key: assembler.response[key] for key in ("id", "model", "created")} == {
        "id": "r1", "model": "m1", "created": 7,
    }  # fmt: skip


def test_what_the_provider_does_not_say_has_a_stand_in():
    """Id, model and time given to the assembler hold where the stream names none."""
    events, _ = assembled([text("a"), finish()])
    assert events[0] == {"type": "start", "id": "r", "model": "m", "created": 1, "usage": {}}


def test_defect_230_the_model_is_called_what_the_caller_called_it():
    """`answer_as` holds whatever the provider says."""
    events, assembler = assembled([START, finish()], answer_as="mine:m")
    assert events[0]["model"] == assembler.response["model"] == "mine:m"
    assert events[0]["id"] == "r1"


def test_the_finish_carries_all_that_is_known_of_it():
    """The provider's own word, the stop sequence, extras of its family: of the start and of the finish."""
    loose = [
        START | {"extra": {"d": {"a": 1}}},
        finish("stop", raw_finish_reason="stop_sequence", stop_sequence="\n", extra={"d": {"b": 2}}),
    ]
    events, _ = assembled(loose)
    check(events)
    assert events[-1] == {
        "type": "finish", "finish_reason": "stop", "raw_finish_reason": "stop_sequence", "stop_sequence": "\n",
        "extra": {"d": {"a": 1, "b": 2}}, "usage": {},
    }  # fmt: skip


def test_defect_8_a_finish_is_known_before_the_end():
    """`finished` tells that only counts are still to come, so that nobody waits for an end marker for ever."""
    assembler = Assembler()
    assert not assembler.finished
    for each in (START, text("a"), finish("")):
        assembler.feed(each)
    assert not assembler.finished
    assembler.feed(finish())
    assert assembler.finished
    assert not assembler.over


def test_an_end_marker_counts_as_a_finish():
    """A provider that says the stream is complete, but not why, is believed."""
    assembler = Assembler(id="r", model="m", created=1)
    events = assembler.feed(text("a")) + assembler.end(complete=True)
    check(events)
    assert brief(events)[-1] == "finish other"
    assembler = Assembler()
    assert brief(assembler.feed(call(0, "A", "f")) + assembler.end(complete=True))[-1] == "finish tool_call"


def test_defect_33_an_interruption_closes_nothing():
    """The error is the last event; it says what it was given, and a type and a message in any case."""
    assembler = Assembler(id="r", model="m", created=1)
    assembler.feed(text("a"))
    events = assembler.interrupted({"type": "timeout", "message": "silent", "code": "read_timeout"})
    assert events == [{"type": "error", "error": {"type": "timeout", "message": "silent", "code": "read_timeout"}}]
    assert assembler.response["finish_reason"] == "error"
    (event,) = Assembler().feed({"type": "error"})
    check([event])


def test_parts_in_events_never_change_afterwards():
    """Whoever keeps an event keeps what it said: the start's part stays empty when the text has grown."""
    events, _ = assembled([START, text("a"), text("b"), call(0, "A", "f", "{}"), finish()])
    assert events[1]["part"] == {"type": "text", "text": ""}
    assert events[2]["part"] == {"type": "text", "text": ""}
    assert events[4]["part"] == {"type": "text", "text": "ab"}
    assert events[5]["part"] == {"type": "tool_call", "id": "A", "name": "f"}


def test_what_is_fed_is_not_changed():
    """Loose events belong to the reader."""
    loose = [START, delta(part="unknown", key=1, data={"a": "x"}), delta(key=1, data={"a": "y", "b": [1]}), finish()]
    before = repr(loose)
    events, _ = assembled(loose)
    events[-2]["part"]["data"]["c"] = 1
    assert repr(loose) == before


@pytest.mark.parametrize(
    ("shreds", "whole"),
    [
        (["AAA", "ABB="], "AAAABB=="[:7]),
        (["QQ==", "Qg=="], "QUI="),
        (["QUFB", "QkJC"], "QUFBQkJC"),
        (["!", "=x"], "!=x"),
    ],
    ids=["cut anywhere", "each encoded by itself", "cut at fours", "no base64"],
)
def test_a_file_s_data_is_one_text(shreds, whole):
    """Shreds of one base64 text are joined; shreds that were encoded one by one are encoded anew."""
    loose = [START, *(delta(part="file", key=0, media_type="audio/wav", data=shred) for shred in shreds), finish()]
    _, assembler = assembled(loose)
    assert assembler.response["parts"] == [
        {"type": "file", "modality": "audio", "media_type": "audio/wav", "data": whole},
    ]


@pytest.mark.parametrize("place", [{"url": "https://x/a.png", "filename": "a.png"}, {"file_id": "file-1"}])
def test_a_file_may_be_elsewhere(place):
    """At an address, or with the provider: told at its start, and there is no data beside it."""
    events, assembler = assembled([START, delta(part="file", key=0, media_type="image/png", end=True, **place), finish()])
    part = {"type": "file", "modality": "image", "media_type": "image/png", **place}
    assert assembler.response["parts"] == [part]
    assert [event["part"] for event in events if event["type"] in ("part_start", "part_end")] == [part, part]


def test_a_block_of_its_family_grows_by_its_changes():
    """Texts and lists of the changes are added to the block's, its type stays; the changes pass on as they are."""
    loose = [
        delta(part="unknown", key=0, data={"type": "search", "id": "s", "input": ""}),
        delta(key=0, data={"type": "input_delta", "input": "{"}, arguments="{", text="x", signature="y"),
        delta(key=0, data={"type": "input_delta", "input": "}"}), delta(key=0, end=True), finish(),
    ]  # fmt: skip
    events, assembler = assembled(loose)
    check(events)
    assert [event["data"] for event in events if "data" in event] == [
        {"type": "input_delta", "input": "{"}, {"type": "input_delta", "input": "}"},
    ]  # fmt: skip
    block = {"type": "search", "id": "s", "input": "{}"}
    assert assembler.response["parts"] == [{"type": "unknown", "dialect": "d", "data": block}]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('{"a": 12345678901234567890123}', {"a": 12345678901234567890123}),
        (' {"a": 1} ', {"a": 1}),
        ("[1]", "[1]"),
        ("null", "null"),
        ('{"a": "\\ud83d"}', '{"a": "\\ud83d"}'),
        (" ", {}),
    ],
    ids=["an integer beyond 64 bits", "white space", "a list", "null", "half an emoji", "blank"],
)
def test_arguments_are_an_object_or_the_model_s_text(text, arguments):
    """No number loses digits, and nothing that is no object is presented as one."""
    events, assembler = assembled([START, call(0, "A", "f", text), finish()])
    check(events)
    assert assembler.response["parts"][0]["arguments"] == arguments


def test_defect_138_broken_arguments_are_not_presented_as_an_object():
    """A call that the length limit cut stays text in the response, empty or not."""
    _, assembler = assembled([START, call(0, "A", "f", '{"a'), call(1, "B", "g"), finish("length")])
    assert [part["arguments"] for part in assembler.response["parts"]] == ['{"a', ""]


def seal(part):
    return f"sealed({part.get('text', '')}|{part.get('signature', '')})"


def test_a_seal_replaces_the_signatures():
    """Native signatures stay here; just before its end each thought gets its seal, signed or not, redacted or not."""
    loose = [
        START, thought("a", key=0), delta(key=0, signature="S1"), thought("b", key=0), delta(key=0, signature="S2"),
        delta(key=0, end=True), delta(part="reasoning", key=1, redacted=True, signature="R"), thought("c"),
        call(0, "A", "f", "{}", signature="T"), finish(),
    ]  # fmt: skip
    events, assembler = assembled(loose, seal=seal)
    check(events)
    assert brief(events) == [
        "start", "0.0 reasoning", '+ text "a"', '+ text "b"', '+ signature "sealed(ab|S1S2)"', "end",
        "1.1 reasoning sealed(|R)", "end", "2.2 reasoning", '+ text "c"', '+ signature "sealed(c|)"', "end",
        "3.0 tool_call A f", '+ arguments "{}"', '+ signature "T"', "end", "finish tool_call",
    ]  # fmt: skip
    assert assembler.response["parts"][0]["signature"] == "sealed(ab|S1S2)"


def test_no_seal_no_signature():
    """A maker that seals nothing lets no native signature through either."""
    events, assembler = assembled([START, thought("a"), delta(part="reasoning", signature="S"), finish()], seal=lambda _: None)
    check(events)
    assert assembler.response["parts"] == [{"type": "reasoning", "text": "a"}]


def test_ids_that_are_made_up_differ_between_answers():
    """Two answers in one conversation never share a call's id, and one answer always makes the same."""
    ids = []
    for answer in ("r1", "r2", "r1"):
        assembler = Assembler()
        assembler.feed(START | {"id": answer})
        ids.append(assembler.feed(call(name="f"))[1]["part"]["id"])
    assert ids[0] == ids[2] != ids[1]
    assert all(len(made) <= 40 and made.replace("_", "").isalnum() for made in ids)
