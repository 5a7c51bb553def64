"""Events that come together are relayed together where none needs a look of its own: to the same bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from handlers.engine.dialects import Framing
from handlers.engine.frame_writer import FrameWriter
from handlers.engine.relay import Relay, of_usual_lines
from handlers.engine.streams import splitter, violation

DIALECTS: dict[str, dict[str, Any]] = {
    "unnamed": {"event": ["/model"], "usage_in": ["usage"]}, "named": {"event": ["/message/model"], "usage_in": ["usage"]},
}  # fmt: skip


def relay(kind: str) -> Relay:
    """A stream of a provider who calls the model `m` what the caller calls `p:m`."""
    dialect = SimpleNamespace(
        stream=Framing("sse"), model_in=SimpleNamespace(event=DIALECTS[kind]["event"]), read_event=None,
        usage_in=DIALECTS[kind]["usage_in"], usage_option=None, error_inside="/error", templates={},
    )  # fmt: skip
    engine = SimpleNamespace(secrets=(), secret_bytes=[])
    journey = SimpleNamespace(
        call=SimpleNamespace(violations=0, usage={}, engine=engine, failed=lambda _: None, error=None),
        door=SimpleNamespace(dialect=dialect), writer=FrameWriter(Framing("sse")), requested="p:m", withhold_usage=False,
        provider=SimpleNamespace(id="p", name="p"), target=SimpleNamespace(requested_json=b'"p:m"'),
    )  # fmt: skip
    return Relay(journey)


def unnamed(chance: random.Random, at: int) -> bytes:
    odd = chance.random()
    if odd < 0.01:
        return chance.choice((b": ping\n\n", b"nonsense\n\n", b"data: [DONE]\n\n", b"\ndata: 1\n\n", b"data: {}\r\n\r\n"))
    event: dict[str, Any] = {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"content": f" w{at}"}}]}
    if odd < 0.02:
        event = {"choices": [], **event, "usage": {"prompt_tokens": 1}}
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def named(chance: random.Random, at: int) -> bytes:
    odd = chance.random()
    if odd < 0.01:
        return chance.choice((b": ping\n\n", b"nonsense\n\n", b"data: 1\ndata: 2\n\n", b"event: x\n\n", b"event: x\rdata: 1\n\n"))
    strange = ("an error", 'the "model":"m"', "event: x", "\n\ndata: 1")
    text = chance.choice(strange) if odd > 0.97 else f" w{at}"
    event: dict[str, Any] = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    if odd < 0.02:
        event = {"type": "message_delta", "usage": {"output_tokens": 1}}
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


@pytest.mark.parametrize(("kind", "made"), [("unnamed", unnamed), ("named", named)])
def test_what_is_relayed_together_is_what_is_relayed_one_by_one(
    kind: str, made: Callable[[random.Random, int], bytes]
) -> None:
    """The same bytes leave, and as many violations are counted."""
    together = 0
    for seed in range(150):
        chance = random.Random(seed)
        first = b'data: {"type":"message_start","message":{"id":"1","model":"m"}}\n\n' if kind == "named" else b""
        raw = first + b"".join(made(chance, at) for at in range(chance.randrange(1, 60)))
        one, other = relay(kind), relay(kind)
        events = splitter("sse").feed(raw)
        assert one.relayed_all(events) == b"".join(map(other.relayed, events))
        assert one.call.violations == other.call.violations
        together += len(events) > 12 and one.relayed_alike(events[1:-3]) is not None
    assert together > 20


@pytest.mark.parametrize("seed", range(20))
def test_lines_are_usual_only_where_each_event_keeps_the_grammar(seed: int) -> None:
    """Whatever lines stand in whatever order: what is taken for usual has no violation in it."""
    chance = random.Random(seed)
    lines = (b"event: a\n", b"data: 1\n", b"\n", b"data:2\n", b"x: 1\n", b": c\n", b"event: b\r", b"data: event: \n")
    usual = 0
    for _ in range(3000):
        likely = chance.choice(((b"event: a\n", b"data: 1\n", b"\n"), (b"data: 1\n", b"\n"), lines))
        raw = b"".join(chance.choice(likely) if chance.random() < 0.2 else likely[at % len(likely)] for at in range(6))
        events = splitter("sse").feed(raw)
        if events and of_usual_lines(b"".join(events), len(events)):
            usual += 1
            assert not any(map(violation, events))
    assert usual > 20
