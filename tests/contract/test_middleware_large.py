"""Large bodies: same verdicts, same values, no call longer than a slice."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import threading
import time

import msgspec
import orjson
import pytest
from contract.asgi import SMALL, post, small_app

from handlers.engine.contract import (
    LARGE,
    favour_the_loop,
    in_thread,
    integer_beyond_64_bits,
    large,
    load_document,
    parse_large,
    write_large,
)
from handlers.engine.contract.integers import may_hold_one
from handlers.engine.contract.schemas import Schemas
from handlers.engine.contract.slices import SlicedValidator

WORDS = "a message of some words that goes on for a while so that it has a length"


def messages(count: int) -> list[dict]:
    return [{"role": ("user", "assistant")[index % 2], "content": f"{index} {WORDS}"} for index in range(count)]


def parts(count: int) -> list[dict]:
    return [{"type": "text", "text": f"{index} {WORDS}"} for index in range(count)]


BODIES = {
    "many messages": {"model": "m", "messages": messages(6000)},
    "one message of many parts": {"model": "m", "messages": [{"role": "user", "content": parts(6000)}]},
    "one large string": {"model": "m", "messages": [{"role": "user", "content": "A" * 600_000}]},
    "many tools": {
        "model": "m", "messages": messages(1),
        "tools": [{"name": f"t{n}", "parameters": {str(m): {"type": "string"} for m in range(40)}} for n in range(900)],
    },
    "one large tool": {
        "model": "m", "messages": messages(1),
        "tools": [{"name": "tool", "parameters": {"properties": {str(n): {"a": [n] * 9} for n in range(20_000)}}}],
    },
    "a large unknown member": {"model": "m", "messages": messages(1), "unknown": [[n, [n]] for n in range(60_000)]},
    "answers to answers": {
        "model": "m",
        "messages": [{"role": "assistant", "replies": [{"role": "assistant", "replies": messages(5000)}]}],
    },
    "a large unknown role": {"model": "m", "messages": [{"role": "new", "content": parts(5000)}]},
    "metadata": {"model": "m", "messages": messages(1), "metadata": {str(n): WORDS for n in range(6000)}},
}  # fmt: skip


@pytest.fixture(scope="module")
def whole():
    return Schemas(load_document(SMALL)).compile({"$ref": "#/components/schemas/TalkRequest"})


@pytest.fixture(scope="module")
def sliced():
    return SlicedValidator(Schemas(load_document(SMALL)), {"$ref": "#/components/schemas/TalkRequest"})


@pytest.mark.parametrize("name", BODIES)
def test_large_bodies_arrive_as_they_were_sent(app, name):
    raw = orjson.dumps(BODIES[name])
    assert len(raw) > LARGE
    reply = post(app, "/v1/talk", body=raw)
    assert reply.status == 200
    assert reply.json["body"] == BODIES[name]
    assert reply.json["size"] == len(raw)


@pytest.mark.parametrize("name", BODIES)
def test_no_call_works_on_more_than_a_slice_defect_167(name, monkeypatch):
    """Parsed and written in calls of bounded size, each container of them: that is what lets the loop run between.

    What has few values is parsed at once, however long its strings are."""
    parsed, written = [], []
    loads, dumps = large.orjson.loads, large.orjson.dumps

    class Watched:
        JSONDecodeError = orjson.JSONDecodeError

        @staticmethod
        def loads(raw):
            value = loads(raw)
            if not isinstance(value, str) and raw.count(b",") >= large.FEW:
                parsed.append(len(raw))
            return value

        @staticmethod
        def dumps(value):
            raw = dumps(value)
            if not isinstance(value, str):
                written.append(len(raw))
            return raw

    monkeypatch.setattr(large, "orjson", Watched)
    body = BODIES[name]
    raw = orjson.dumps(body)
    result = parse_large(raw)
    pieces = write_large(result.value)
    assert result.value == body
    assert b"".join(pieces) == raw
    assert max([0, *parsed]) <= large.SLICE + 2
    assert max([0, *written]) <= 2 * large.SLICE


@pytest.mark.parametrize("name", BODIES)
def test_work_on_large_bodies_is_not_done_by_the_loop_defect_167(name, monkeypatch):
    threads = []
    monkeypatch.setattr(
        "handlers.engine.contract.declared_bodies.parse_large",
        lambda raw: threads.append(threading.current_thread()) or parse_large(raw),
    )
    assert post(small_app(), "/v1/talk", BODIES[name]).status == 200
    assert threads
    assert threads[0] is not threading.main_thread()


def mistakes(body: dict, random_: random.Random) -> dict:
    """A copy of `body` with one thing wrong or odd, somewhere in it."""
    copy = orjson.loads(orjson.dumps(body))
    node, steps = copy, 0
    while True:
        keys = list(node) if isinstance(node, dict) else range(len(node))
        key = random_.choice(list(keys)) if len(keys) else None
        steps += 1
        if key is None:
            return copy
        child = node[key]
        if isinstance(child, (dict, list)) and child and (steps < 2 or random_.random() < 0.75):
            node = child
            continue
        if isinstance(node, dict) and random_.random() < 0.3:
            del node[key]
        else:
            node[key] = random_.choice([None, 5, "text", [], {}, True, ["a"], {"role": "user"}, {"type": "text"}, 1.5])
        return copy


@pytest.mark.parametrize("name", BODIES)
def test_the_verdict_is_the_one_of_the_whole_schema(whole, sliced, name):
    """Taking schemas apart changes no decision: the compiled whole agrees on every mutated body."""
    random_ = random.Random(name)
    for _ in range(6):
        body = mistakes(BODIES[name], random_)
        raw = orjson.dumps(body)
        result = parse_large(raw)
        failure = sliced.find_failure(result)
        assert (failure is None) == whole.is_valid(body), failure


def test_duplicate_members_mean_the_last_one_at_every_size(app):
    pad = b'"pad":"' + b"x" * 300_000 + b'"'
    for extra in (b'"pad":""', pad):
        body = b'{"model":"first","messages":[{"role":"user","content":"a"}],' + extra + b',"model":"last"}'
        assert post(app, "/v1/talk", body=body).json["body"]["model"] == "last"


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (b'{"a":[1,{"b/c":18446744073709551616}]}', "/a/1/b~1c"),
        (b'{"a":[-9223372036854775809]}', "/a/0"),
        (b" [ 1 , 99999999999999999999 ] ", "/1"),
        (b'{"a":18446744073709551615,"b":-9223372036854775808}', None),
        (b'{"a":"18446744073709551616"}', None),
        (b'{"a":"x: 99999999999999999999, \\"y\\": 99999999999999999999"}', None),
        (b'{"a":18446744073709551616.0,"b":12345678901234567890e2}', None),
        (b'{"18446744073709551616":1}', None),
        (b'{"a":-18446744073709551617}', "/a"),
    ],
)
def test_integers_beyond_64_bits_are_found_by_pointer(raw, pointer):
    assert msgspec.json.decode(raw) is not None
    assert integer_beyond_64_bits(raw) == pointer
    assert pointer is None or may_hold_one(orjson.loads(raw))


def test_the_thread_hands_back_results_and_failures():
    async def asked():
        assert await in_thread(sorted, [2, 1], reverse=True) == [2, 1]
        with pytest.raises(ZeroDivisionError):
            await in_thread(lambda: 1 // 0)

    asyncio.run(asked())


def test_a_refusal_of_a_large_body_costs_no_more_than_reading_it(app):
    """One wrong message among thousands is found in its slice. The bound is generous."""
    body = {"model": "m", "messages": [*messages(20_000), {"role": "user", "content": [{"type": "text"}]}]}
    begun = time.process_time()
    reply = post(app, "/v1/talk", body)
    assert reply.json["param"] == "/messages/20000/content/0/text"
    assert time.process_time() - begun < 2


def test_the_interpreter_can_be_told_to_favour_the_loop():
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    try:
        favour_the_loop()
        assert sys.getswitchinterval() < interval
        assert gc.get_threshold()[0] > thresholds[0]
        assert gc.get_freeze_count() > 0
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)
        gc.unfreeze()
