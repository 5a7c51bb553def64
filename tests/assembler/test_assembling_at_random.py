"""Whole answers taken apart in the ways of the wires, and put together again: nothing lost, nothing ill-formed.

Each number is the seed of one answer, so a failure can be repeated.
"""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import pytest
from assembler.event_grammar import check

from handlers.engine.assembler import Assembler

Json = dict[str, Any]
WORDS = ["", "a", "Hello ", "wörld", "\u2028", "😀", '{"x"', "\n", "} ", "[]"]


def answer(chance: random.Random, kinds: list[str]) -> Json:
    """A whole neutral response; no two parts of text are neighbours of one kind."""
    parts: list[Json] = []
    for number in range(chance.randint(0, 6)):
        kind = chance.choice([each for each in kinds if not parts or each != parts[-1]["type"] or each == "tool_call"])
        parts.append(part(chance, kind, number))
    reason = "tool_call" if any(each["type"] == "tool_call" for each in parts) else chance.choice(["stop", "length"])
    return {
        "id": "r", "model": "m", "created": 1, "parts": parts, "finish_reason": reason,
        "usage": {"input_tokens": 3, "output_tokens": 5},
    }  # fmt: skip


def part(chance: random.Random, kind: str, number: int) -> Json:
    text = "".join(chance.choices(WORDS, k=chance.randint(1, 6))) or "x"
    if kind == "tool_call":
        arguments = {chance.choice("abc"): chance.choice([text, {"deep": [{}, text]}, 1]) for _ in range(chance.randint(0, 2))}
        return {"type": kind, "id": f"id{number}", "name": f"tool{number % 2}", "arguments": arguments}
    made: Json = {"type": kind, "text": text}
    if kind == "reasoning" and chance.random() < 0.5:
        made["signature"] = "sig" + text.encode().hex()
    if kind == "text" and chance.random() < 0.2:
        made["citations"] = [{"url": "u"}, {"url": "v"}]
    return made


def shreds(chance: random.Random, text: str) -> list[str]:
    """Text cut at random places, empty pieces among them."""
    cuts = sorted(chance.choices(range(len(text) + 1), k=chance.randint(0, 5)))
    return [text[a:b] for a, b in itertools.pairwise([0, *cuts, len(text)])]


def shredded(chance: random.Random, whole: Json, **address: Any) -> list[Json]:
    """The deltas of one part, each with `address`."""
    kind = whole["type"]
    if kind == "tool_call":
        text = json.dumps(whole["arguments"], ensure_ascii=False) if whole["arguments"] else chance.choice(["", "{}"])
        deltas: list[Json] = [{"id": whole["id"], "name": whole["name"]}]
        deltas += [{"arguments": shred} for shred in shreds(chance, text)]
        if chance.random() < 0.3:
            deltas[0] |= deltas.pop(1)
        if chance.random() < 0.3:
            deltas = [each | {"id": whole["id"]} for each in deltas]
    else:
        deltas = [{"text": shred} for shred in shreds(chance, whole["text"])]
        deltas += [{"citation": citation} for citation in whole.get("citations", ())]
        deltas += [{"signature": shred} for shred in shreds(chance, whole.get("signature", "")) if shred]
    return [{"type": "delta", "part": kind, **address, **each} for each in deltas]


def blocks(chance: random.Random, whole: Json) -> list[Json]:
    """As a wire of numbered blocks has it: opened, changed and ended one by one, the kind said once."""
    loose = []
    for key, each in enumerate(whole["parts"]):
        first, *rest = shredded(chance, each, key=key)
        loose += [first, *({name: value for name, value in delta.items() if name != "part"} for delta in rest)]
        loose.append({"type": "delta", "key": key, "end": True})
    return loose


def channels(chance: random.Random, whole: Json) -> list[Json]:
    """As a wire of channels has it: text without keys; calls by number, the shreds of neighbouring calls mixed."""
    loose: list[Json] = []
    number = itertools.count()
    for kind, group in itertools.groupby(whole["parts"], key=lambda each: each["type"]):
        members = list(group)
        if kind != "tool_call":
            loose += [delta for each in members for delta in shredded(chance, each)]
            continue
        queues = [shredded(chance, each, key=next(number)) for each in members]
        order = [queue.pop(0) for queue in queues]
        for queue in queues:  # each call begins in order, then anything may come
            position = 0
            first = next(i for i, each in enumerate(order) if queue and each["key"] == queue[0]["key"]) if queue else 0
            for delta in queue:
                position = chance.randint(max(position, first) + 1, len(order))
                order.insert(position, delta)
        loose += order
    return loose


def whole_calls(chance: random.Random, whole: Json) -> list[Json]:
    """As a wire has it whose calls come whole, all with the same number."""
    loose: list[Json] = []
    for each in whole["parts"]:
        if each["type"] != "tool_call":
            loose += shredded(chance, each)
            continue
        key = {"key": 0} if chance.random() < 0.5 else {}
        call = {"type": "delta", "part": "tool_call", "id": each["id"], "name": each["name"]}
        loose.append(call | key | {"arguments": json.dumps(each["arguments"])})
    return loose


def assembled(loose: list[Json]) -> tuple[list[Json], Json]:
    assembler = Assembler(dialect="d")
    events = [event for each in loose for event in assembler.feed(each)]
    return events + assembler.end(), assembler.response


WIRES = {"blocks": blocks, "channels": channels, "whole calls": whole_calls}
KINDS = {
    "blocks": ["text", "reasoning", "refusal", "tool_call"],
    "channels": ["text", "reasoning", "refusal", "tool_call"],
    "whole calls": ["text", "reasoning", "tool_call"],
}
START = {"type": "start", "id": "r", "model": "m", "created": 1}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("seed", range(150))
def test_defect_14_an_answer_taken_apart_is_put_together_again(wire, seed):
    """Whatever the wire's way and wherever it was cut: the grammar holds, and the response is the whole answer."""
    chance = random.Random(f"{wire} {seed}")
    whole = answer(chance, KINDS[wire])
    ending = [{"type": "finish", "finish_reason": whole["finish_reason"]}, {"type": "usage", **whole["usage"]}]
    chance.shuffle(ending)
    events, response = assembled([START, *WIRES[wire](chance, whole), *ending])
    check(events)
    assert response == whole
    assert {key: events[-1][key] for key in ("finish_reason", "usage")} == {
        "finish_reason": whole["finish_reason"], "usage": whole["usage"],
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(150))
def test_defect_231_a_stream_cut_anywhere_is_well_formed_and_no_success(seed):
    """Cut after any event of any wire: what came is well-formed, and the end is an error."""
    chance = random.Random(f"cut {seed}")
    wire = chance.choice(list(WIRES))
    loose = [START, *WIRES[wire](chance, answer(chance, KINDS[wire]))]
    events, response = assembled(loose[: chance.randint(0, len(loose))])
    check(events)
    assert events[-1]["error"]["code"] == "stream_truncated"
    assert response["finish_reason"] == "error"


@pytest.mark.parametrize("seed", range(150))
def test_the_grammar_holds_for_any_nonsense(seed):
    """Events that make no sense together: the grammar holds all the same."""
    chance = random.Random(f"nonsense {seed}")
    loose = []
    for _ in range(chance.randint(1, 30)):
        delta: Json = {"type": "delta"}
        for member, values in NONSENSE.items():
            if chance.random() < 0.3:
                delta[member] = chance.choice(values)
        loose.append(chance.choice([delta] * 8 + [START, {"type": "usage", "input_tokens": 1}]))
    assembler = Assembler(id="r", model="m", created=1, dialect="d", seal=chance.choice([None, lambda _: "sealed"]))
    events = []
    for each in loose:
        events += assembler.feed_frame([each])
    assembler.feed({"type": "finish", "finish_reason": "stop"})
    events += assembler.end()
    check(events)
    assert assembler.response["parts"] == [event["part"] for event in events if event["type"] == "part_end"]


NONSENSE: dict[str, list[Any]] = {
    "part": ["text", "reasoning", "refusal", "tool_call", "file", "unknown"],
    "key": [0, 1, "a"],
    "id": ["A", "B", ""],
    "name": ["f", "g", ""],
    "text": ["x", "", None],
    "arguments": ['{"a":', "1}", "{}", "", "no"],
    "signature": ["S", ""],
    "redacted": [True],
    "citation": [{"url": "u"}],
    "logprobs": [[{"token": "a", "logprob": -1}], []],
    "data": ["AAAA", {"type": "x"}, {}],
    "transcript": ["t"],
    "end": [True, False],
}
