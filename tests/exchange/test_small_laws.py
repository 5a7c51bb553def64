"""Laws that a slip of one word would break, each held where it stands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any

import pytest

from handlers.engine.answers import StreamAnswer
from handlers.engine.contract import bodies
from handlers.engine.errors import GatewayError
from handlers.engine.renames import Renaming
from handlers.engine.translation import Translation
from handlers.models import window

ENTRIES = [{"id": name} for name in "abcde"]


@pytest.mark.parametrize(("limit", "offset", "after", "before", "page"), [
    (None, None, None, None, "abcde"),
    (2, None, None, None, "ab"),
    (2, 1, None, None, "bc"),
    (2, 9, None, None, ""),
    (2, None, "b", None, "cd"),
    (None, None, "b", None, "cde"),
    (2, None, None, "d", "bc"),
    (2, None, None, "b", "a"),
    (2, None, None, "a", ""),
    (None, None, None, "d", "abc"),
    (9, None, None, "d", "abc"),
])  # fmt: skip
def test_a_page_begins_and_ends_where_it_is_asked_to(
    limit: int | None, offset: int | None, after: str | None, before: str | None, page: str
) -> None:
    """Before an entry come the nearest ones, and no more than there are."""
    start, end = window(ENTRIES, limit, offset, after, before)
    assert "".join(entry["id"] for entry in ENTRIES[start:end]) == page


@pytest.mark.parametrize("late", [False, True])
def test_a_late_stream_starts_with_a_ping(late: bool) -> None:
    """Its provider was silent for long already: the caller hears something before anything else happens."""
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message.get("body"))

    async def frames() -> AsyncGenerator[bytes, None]:
        said.append("asked")
        yield b"frame"

    async def scenario() -> None:
        call = SimpleNamespace(attend=lambda _: None, release=lambda: None, left=lambda _: False, hears=False, error=None,
                               engine=SimpleNamespace(ping_after=600))  # fmt: skip
        answer = StreamAnswer(call, [], frames(), ping=lambda: b"ping", late=late)  # type: ignore[arg-type]
        await answer({"type": "http"}, None, send)  # type: ignore[arg-type]

    asyncio.run(scenario())
    assert said == ([None, b"ping", "asked", b"frame", b""] if late else ["asked", None, b"frame", b""])


@pytest.mark.parametrize(("size", "taken"), [(4096, True), (1, False)])
def test_a_slow_body_has_the_time_that_its_bytes_need(monkeypatch: pytest.MonkeyPatch, size: int, taken: bool) -> None:
    """Each piece moves the deadline by what it weighs: a slow line is taken, dripping is not."""
    monkeypatch.setattr(bodies, "GRACE_SECONDS", 0.05)
    pieces = 0

    async def receive() -> dict[str, Any]:
        nonlocal pieces
        pieces += 1
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x" * size, "more_body": pieces < 12}

    if taken:
        assert len(asyncio.run(bodies.read_body(receive, 1 << 20))) == 12 * size
    else:
        with pytest.raises(GatewayError) as raised:
            asyncio.run(bodies.read_body(receive, 1 << 20))
        assert raised.value.code == "request_timeout"


@pytest.mark.parametrize(("said", "called", "told"), [
    ("stop", True, "tool_call"), ("other", True, "tool_call"), ("length", True, "length"),
    ("content_filter", True, "content_filter"), ("error", True, "error"), ("other", False, "other"), ("stop", False, "stop"),
])  # fmt: skip
def test_a_call_ends_an_answer_unless_something_cut_it(said: str, called: bool, told: str) -> None:
    """Whatever a reader makes of the provider's word: only `stop` and `other` become `tool_call`."""
    journey: Any = object.__new__(Translation)
    journey.renaming, journey.requested = Renaming(), "m"
    journey.call = SimpleNamespace(request_id="req_1", usage={})
    journey.client = SimpleNamespace(reasoning=SimpleNamespace(calls="inside"))
    parts = [{"type": "tool_call", "name": "f", "arguments": {}}] if called else [{"type": "text", "text": "a"}]
    assert journey.completed({"parts": parts, "finish_reason": said})["finish_reason"] == told
