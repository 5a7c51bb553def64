"""Each story of rosetta/*.yaml, in each dialect, in both directions (the form of a story: stories.py)."""

from __future__ import annotations

import copy

import pytest
from rosetta.oracles import check_contract, check_neutral, check_official, request_validator
from rosetta.stories import DIALECTS, PROVIDERS_ONLY, Story, cases, read, stories, write


@pytest.mark.parametrize(("story", "dialect"), cases(Story.written))
def test_written(story: Story, dialect: str) -> None:
    """The neutral form is written to the story's wire, which the official types and the contract accept."""
    wire = story.written(dialect)
    assert wire is not None
    before = copy.deepcopy(story.neutral)
    assert write(story, dialect) == wire
    assert story.neutral == before, "a template does not change what it is given"
    check_official(dialect, story.kind, wire, story.beyond.get(dialect, []))
    check_contract(dialect, story.kind, wire)


@pytest.mark.parametrize(("story", "dialect"), cases(Story.read))
def test_read(story: Story, dialect: str) -> None:
    """Each wire of the story is read to the neutral form. A client's request keeps the contract; providers need not."""
    for wire in story.read(dialect):
        if story.kind == "request":
            check_contract(dialect, story.kind, wire)
        neutral = read(story, dialect, wire)
        assert neutral == story.left(dialect)
        check_neutral(story.kind, neutral)


@pytest.mark.parametrize("story", [*stories("request"), *stories("response"), *stories("error")], ids=lambda s: s.name)
def test_neutral(story: Story) -> None:
    """What the story calls neutral satisfies the neutral schema."""
    check_neutral(story.kind, story.neutral)


@pytest.mark.parametrize("dialect", (*DIALECTS, *PROVIDERS_ONLY))
def test_the_official_types_bite(dialect: str) -> None:
    """A stray member in a message or beside it, and a missing one, are seen."""
    told = next(story for story in stories("request") if story.it == "carries a plain conversation")
    wire = told.written(dialect)
    assert wire is not None
    validator = request_validator(dialect)
    validator.validate(wire)
    said = "contents" if "contents" in wire else "messages"
    stray = copy.deepcopy(wire)
    stray[said][0]["stray"] = 1
    for broken in (wire | {"stray": 1}, stray, {name: wire[name] for name in wire if name != said}):
        assert not validator.is_valid(broken)


@pytest.mark.parametrize("story", stories("request"), ids=lambda story: story.name)
def test_a_request_can_be_written_again_defect_130(story: Story) -> None:
    """What was written for one provider leaves nothing behind in what is written for the next."""
    told = [dialect for dialect in (*DIALECTS, *PROVIDERS_ONLY) if story.written(dialect)]
    first = [write(story, dialect) for dialect in told]
    for wire in first:
        wire["contents" if "contents" in wire else "messages"].append("spoilt")
        wire.clear()
    assert [write(story, dialect) for dialect in reversed(told)] == [story.written(each) for each in reversed(told)]
