"""Streams on real sockets: each event as soon as it is there, of any size, and an end that is seen as one."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from server.scripts import BLOCK_START, DONE, MESSAGE_START, STREAM_HEAD, chunk, event, text_delta

from handlers.engine import streams
from handlers.engine.framings import ServerSentEvents

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
TURN = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
PATHS = [
    pytest.param(CHAT, "o:m", id="openai through"),
    pytest.param(MESSAGES, "a:m", id="anthropic through"),
    pytest.param(CHAT, "a:m", id="openai from anthropic"),
    pytest.param(MESSAGES, "o:m", id="anthropic from openai"),
]
ENDING = (event({"type": "content_block_stop", "index": 0})
          + event({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 1}})
          + event({"type": "message_stop"}))  # fmt: skip


def told(model: str, *texts: str) -> list[bytes]:
    """The events of a stream that says `texts`, one after another; the first begins it."""
    if model == "o:m":
        return [chunk(text) for text in texts]
    return [(b"" if number else MESSAGE_START + BLOCK_START) + text_delta(text) for number, text in enumerate(texts)]


def end_of(model: str) -> bytes:
    return chunk("", "stop") + DONE if model == "o:m" else ENDING


@pytest.mark.parametrize(("path", "model"), PATHS)
def test_an_event_arrives_before_the_next_is_sent_defect_219(playing: Any, path: str, model: str) -> None:
    """The provider says its second word only when the caller has read the first: nothing gathers on the way."""
    words = ["one", "two", "three"]

    async def waiting(connection: Any) -> None:
        await connection.request()
        await connection.say(STREAM_HEAD)
        for word, piece in zip(words, told(model, *words), strict=True):
            await connection.say(piece)
            await connection.provider.until(word)
        await connection.say(end_of(model))

    with playing(waiting) as (caller, provider), caller.send(path, {"model": model, "stream": True, **TURN}) as connection:
        for word in words:
            assert word.encode() in caller.read(connection, until=word.encode())
            provider.note(word)
        rest = caller.read(connection)
    assert (b"[DONE]" if path == CHAT else b"message_stop") in rest


@pytest.mark.parametrize(("path", "model"), PATHS)
def test_an_event_may_be_as_large_as_an_image_defect_212(playing: Any, path: str, model: str) -> None:
    """Several megabytes in one line, in many reads: whole, and the events after it too."""
    large = "A" * (3 << 20)

    async def bulky(connection: Any) -> None:
        await connection.request()
        await connection.say(STREAM_HEAD + b"".join(told(model, large, "after")) + end_of(model))

    with playing(bulky) as (caller, _):
        got = caller.ask(path, {"model": model, "stream": True, **TURN})
    assert large.encode() in got
    assert b"after" in got


@pytest.mark.parametrize(("path", "model"), PATHS)
def test_an_event_without_end_is_an_error_defect_170_defect_212(playing: Any, path: str, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a bound, and who goes beyond it is told of; the memory is not filled."""
    monkeypatch.setitem(streams._SPLITTERS, "sse", lambda: ServerSentEvents(100_000))

    async def endless(connection: Any) -> None:
        await connection.request()
        await connection.say(STREAM_HEAD + told(model, "one")[0])
        await connection.provider.until("read")
        await connection.say(b'data: {"endless": "')
        with contextlib.suppress(ConnectionError):  # the other side has had enough, perhaps before all is said
            for _ in range(100):
                await connection.say(b"A" * 10_000)
        await connection.gone()

    with playing(endless) as (caller, provider), caller.send(path, {"model": model, "stream": True, **TURN}) as connection:
        caller.read(connection, until=b"one")
        provider.note("read")
        got = caller.read(connection)
        assert provider.wait_for("gone")
    assert (b'data: {"error":{' if path == CHAT else b"event: error\ndata: {") in got
    assert len(got) < 200_000


@pytest.mark.parametrize(("path", "model"), PATHS[2:])
def test_the_end_marker_is_the_end_defect_8(playing: Any, path: str, model: str) -> None:
    """A provider that keeps its connection open after its last word costs the caller a moment, not the grace."""

    async def lingering(connection: Any) -> None:
        await connection.request()
        await connection.say(STREAM_HEAD + told(model, "one")[0] + end_of(model))
        await connection.gone()

    with playing(lingering) as (caller, provider):
        began = time.monotonic()
        got = caller.ask(path, {"model": model, "stream": True, **TURN})
        assert time.monotonic() - began < 2.5
        assert provider.wait_for("gone")
    assert (b"[DONE]" if path == CHAT else b"message_stop") in got


@pytest.mark.parametrize(("path", "model"), PATHS[2:])
def test_a_connection_serves_on_after_the_end_marker(playing: Any, path: str, model: str) -> None:
    """Between its last word and the end of its answer a provider may take a breath; the connection is used again."""

    async def breathing(connection: Any) -> None:
        for _ in range(3):
            await connection.request()
            head = STREAM_HEAD.replace(b"connection: close", b"transfer-encoding: chunked")
            said = told(model, "one")[0] + end_of(model)
            await connection.say(head + b"%x\r\n%b\r\n" % (len(said), said))
            await connection.say(b"0\r\n\r\n")

    with playing(breathing) as (caller, provider):
        before = provider.connections
        for _ in range(3):
            assert b"one" in caller.ask(path, {"model": model, "stream": True, **TURN})
        assert provider.connections - before == 1
        assert len(provider.requests) == 3


@pytest.mark.parametrize("shape", ["whole", "stream"])
def test_every_choice_keeps_its_number_defect_45(playing: Any, shape: str) -> None:
    """Several choices from a provider of the caller's family: each arrives under its own index."""
    choices = [{"index": number, "message": {"role": "assistant", "content": f"c{number}", "refusal": None}, "logprobs": None,
                "finish_reason": "stop"} for number in range(3)]  # fmt: skip
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}

    async def many(connection: Any) -> None:
        await connection.request()
        if shape == "stream":
            pieces = [{"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
                {"index": number, "delta": {"content": f"c{number}"}, "finish_reason": None}]} for number in (1, 0, 2)]
            await connection.say(STREAM_HEAD + b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in pieces) + DONE)
        else:
            raw = json.dumps(body).encode()
            await connection.say(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(raw) + raw)

    with playing(many) as (caller, _):
        got = caller.ask(CHAT, {"model": "o:m", "n": 3, "stream": shape == "stream", **TURN}).partition(b"\r\n\r\n")[2]
    if shape == "whole":
        found = [(one["index"], one["message"]["content"]) for one in json.loads(got)["choices"]]
    else:
        found = sorted((one["choices"][0]["index"], one["choices"][0]["delta"]["content"])
                       for one in (json.loads(line[6:]) for line in got.splitlines() if line.startswith(b"data: {")))  # fmt: skip
    assert found == [(0, "c0"), (1, "c1"), (2, "c2")]
