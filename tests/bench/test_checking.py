"""The bench's own judge: an answer that is not whole is found, in every dialect and shape."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from checking import Check, Wrong
from mock_provider import Kind, pieces, whole
from plots import chart

DIALECTS = pytest.mark.parametrize("dialect", ["openai", "anthropic"])
TOOLS = pytest.mark.parametrize("tools", [False, True])


def stream(dialect: str, tools: bool) -> list[bytes]:
    return [piece.before for piece in pieces(dialect, Kind(events=20, tools=tools))]


@DIALECTS
@TOOLS
def test_whole_answers_pass(dialect: str, tools: bool) -> None:
    """What the mock provider says is what the check wants, as JSON and as a stream."""
    Check(dialect, events=20, tools=tools).thorough(b"".join(stream(dialect, tools)))
    body = whole(dialect, Kind(tools=tools)).partition(b"\r\n\r\n")[2]
    Check(dialect, tools=tools).thorough(body)


@DIALECTS
@TOOLS
@pytest.mark.parametrize("harm", ["missing", "doubled", "swapped", "no end"])
def test_a_harmed_stream_is_found(dialect: str, tools: bool, harm: str) -> None:
    """One event missing, twice, or in another's place; or no end: also without parsing."""
    events = stream(dialect, tools)
    at = next(n for n, event in enumerate(events) if b" word7" in event)
    if harm == "missing":
        del events[at]
    elif harm == "doubled":
        events.insert(at, events[at])
    elif harm == "swapped":
        events[at], events[at + 1] = events[at + 1], events[at]
    else:
        events.pop()
    with pytest.raises(Wrong):
        Check(dialect, events=20, tools=tools).quick(b"".join(events))


@DIALECTS
def test_a_truncated_body_is_found(dialect: str) -> None:
    """A byte less at the end is seen, and a letter that is another."""
    body = whole(dialect, Kind()).partition(b"\r\n\r\n")[2]
    with pytest.raises(Wrong):
        Check(dialect).quick(body[:-1])
    with pytest.raises(Wrong):
        Check(dialect).thorough(body.replace(b"dolor", b"color", 1))


def test_a_chart_is_plain_svg() -> None:
    """A line for each name; names are escaped; what is no number is left out."""
    drawn = chart("t", "x", "y", {"a <b>": [(1, 2), (10, 20)], "c": [(1, float("nan")), (10, 3)]})
    assert drawn.count("<polyline") == 2
    assert "a &lt;b&gt;" in drawn
    assert "nan" not in drawn
