"""Streams whose frames repeat what was said: what is new leaves, once; what is taken back is an error."""

from __future__ import annotations

import jsonschema_rs
import pytest
import yaml
from assembler.event_grammar import check

from handlers.engine.assembler import Assembler
from handlers.engine.resources import BUNDLED
from handlers.engine.snapshots import REVISED, in_shreds
from handlers.engine.thought_tags import ThoughtTags

NEUTRAL = yaml.safe_load((BUNDLED / "openapi" / "neutral.schema.yaml").read_text("utf-8"))
FINISH = {"type": "finish", "finish_reason": "stop"}


def so_far(text=None, **more):
    given = {"type": "delta", "snapshot": True, **({} if text is None else {"text": text}), **more}
    return given if "part" in given or "key" in given else {**given, "part": "text"}


def call(key, name, arguments, **more):
    return so_far(part="tool_call", key=key, name=name, arguments=arguments, **more)


CASES = {
    "text that grows": ([so_far("He"), so_far("Hello")], ["He", "llo"], [("text", "Hello")]),
    "a frame that says nothing new": ([so_far("He"), so_far("He"), so_far("Hey")], ["He", "y"], [("text", "Hey")]),
    "nothing at all": ([so_far("")], [], []),
    "a thought beside a text": (
        [so_far("Hm", part="reasoning"), so_far("Hm.", part="reasoning"), so_far("Hm.", part="reasoning"), so_far("Yes")],
        ["Hm", ".", "Yes"], [("reasoning", "Hm."), ("text", "Yes")]),
    "text that is repeated after a call goes on behind it": (
        [so_far("A"), call(0, "f", "{}"), so_far("A"), so_far("A, B")],
        ["A", "{}", ", B"], [("text", "A"), ("tool_call", {}), ("text", ", B")]),
    "two calls side by side": (
        [call(0, "f", '{"a'), call(1, "g", ""), call(0, "f", '{"a": 1}'), call(1, "g", '{"b"'), call(0, "f", '{"a": 1}'),
         call(1, "g", '{"b": 2}')],
        ['{"a', '": 1}', '{"b"', ": 2}"], [("tool_call", {"a": 1}), ("tool_call", {"b": 2})]),
    "a new id under an old key begins anew": (
        [call(0, "f", '{"a": 1}', id="x"), call(0, "f", '{"c": 3}', id="y")],
        ['{"a": 1}', '{"c": 3}'], [("tool_call", {"a": 1}), ("tool_call", {"c": 3})]),
    "texts under keys": (
        [so_far("A", part="text", key=0), so_far("B", part="text", key=1), so_far("BB", part="text", key=1)],
        ["A", "B", "B"], [("text", "A"), ("text", "BB")]),
}  # fmt: skip


@pytest.mark.parametrize(("loose", "shreds", "parts"), CASES.values(), ids=CASES)
def test_only_what_is_new_leaves(loose, shreds, parts) -> None:
    validator = jsonschema_rs.validator_for({**NEUTRAL, "$ref": "#/$defs/loose_event"})
    assert all(validator.is_valid(event) for event in loose)
    assembler = Assembler(id="r", model="m", created=1)
    events = [event for each in [*loose, FINISH] for event in assembler.feed(each)] + assembler.end()
    check(events)
    told = [event.get("text") or event.get("arguments") for event in events if event["type"] == "part_delta"]
    assert told == shreds
    assert [(part["type"], part.get("arguments", part.get("text"))) for part in assembler.response["parts"]] == parts


@pytest.mark.parametrize("second", ["Help", "Hel", ""], ids=["another word", "less", "nothing"])
def test_what_was_said_cannot_be_unsaid(second: str) -> None:
    """Not even where no more is said than that it is gone."""
    assembler = Assembler(id="r", model="m", created=1)
    events = [event for each in (so_far("Hello"), so_far(second), so_far("Hello again")) for event in assembler.feed(each)]
    assert events[-1] == {"type": "error", "error": REVISED}
    assert assembler.over


def test_tags_of_thoughts_are_looked_for_in_what_is_new() -> None:
    tags, known = ThoughtTags(("<t>", "</t>")), {}
    whole = "<t>Hm, hm.</t>Yes"
    found = [event for end in range(1, len(whole) + 1) for event in tags.loose(in_shreds([so_far(whole[:end])], known))]
    found += tags.finish()
    for kind, text in (("reasoning", "Hm, hm."), ("text", "Yes")):
        assert "".join(event.get("text", "") for event in found if event["part"] == kind) == text
