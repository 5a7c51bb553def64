"""Long conversations: looked at in slices, told in few words, and quickly."""

import threading
import time

import pytest
from losses.real_pairs import table

from handlers.engine.losses import Table, header_value
from handlers.engine.losses.table import SLICE

MANY = 28_000


def conversation(**extra):
    roles = ("user", "assistant")
    messages = [{"role": roles[at % 2], "content": "hello " * 20, **extra} for at in range(MANY)]
    return {"model": "m", "messages": messages}


@pytest.mark.parametrize("extra", [{"name": "n"}, {"cache_control": {"type": "ephemeral", "ttl": "2h"}}, {"new": 1}], ids=str)
def test_one_loss_in_each_of_many_messages_is_told_in_a_short_header(extra):
    known = table("openai", "anthropic")
    start = time.process_time()
    losses = known(conversation(**extra))
    value = header_value(losses)
    assert time.process_time() - start < 8
    assert len(losses) < 10
    assert value.endswith(f" x{MANY}")
    assert len(value) <= 2048
    assert losses[0].pointer.startswith("/messages/0/")


def test_many_messages_that_lose_nothing_are_looked_at_in_slices():
    """No call into the validator keeps other threads from running for long."""
    known, body = table("openai", "anthropic"), conversation()
    assert known.carried(body)
    assert not known.carried({**body, "seed": 1})
    assert not known.carried({**body, "messages": [*body["messages"], {"role": "user", "content": "x", "name": "n"}]})
    gaps, done = [], threading.Event()

    def watch():
        last = time.perf_counter()
        while not done.is_set():
            time.sleep(0.0005)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(5):
        known(body)
    done.set()
    watcher.join()
    assert sorted(gaps)[len(gaps) // 2] < 0.02


@pytest.mark.parametrize(("at", "expected"), [(0, False), (SLICE - 1, False), (SLICE, False), (3 * SLICE, False), (None, True)])
def test_slices_decide_as_the_whole_does(at, expected):
    element = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    schema = {"type": "object", "properties": {"m": {"type": "array", "items": element}}}
    known = Table(lambda request: [one.get("a") for one in request.get("m", ())], schema)
    elements = [{"a": "x", **({"b": "y"} if place == at else {})} for place in range(3 * SLICE + 1)]
    assert known.carried({"m": elements}) is expected
    assert known.root.fine({"m": elements}) is expected
    assert [loss.name for loss in known({"m": elements})] == ([] if expected else [f"m[{at}].b"])


def test_the_first_of_many_only():
    """What only a look at the whole array shows is not lost in slices."""
    schema = {"type": "object", "properties": {"m": {"type": "array", "items": {"type": "string"}}}}
    known = Table(lambda request: (request.get("m") or [None])[0], schema)
    assert [str(loss) for loss in known({"m": ["x", "y"] * SLICE})] == ["unsupported m[1:]"]
