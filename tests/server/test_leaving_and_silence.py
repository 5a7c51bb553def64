"""Who leaves, who is silent, who breaks off: on real sockets, on both paths, whole and streamed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from server.scripts import (
    BLOCK_START,
    CHAT_ANSWER,
    DONE,
    MESSAGE,
    MESSAGE_START,
    STREAM_HEAD,
    chunk,
    event,
    text_delta,
    whole,
)

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
TURN = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
PATHS = [
    pytest.param(CHAT, "o:m", id="openai through"),
    pytest.param(MESSAGES, "a:m", id="anthropic through"),
    pytest.param(CHAT, "a:m", id="openai from anthropic"),
    pytest.param(MESSAGES, "o:m", id="anthropic from openai"),
]


async def silent(connection: Any) -> None:
    """Takes the request, says nothing, waits until the other side leaves."""
    await connection.request()
    connection.provider.note("asked")
    await connection.gone()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("path", "model"), PATHS)
def test_a_caller_who_leaves_before_the_first_byte_ends_the_providers_work_defect_164_defect_166(
    playing: Any, path: str, model: str, stream: bool
) -> None:
    """The provider's connection closes as soon as the caller's does, whether or not a stream was asked for."""
    with playing(silent) as (caller, provider):
        connection = caller.send(path, {"model": model, "stream": stream, **TURN})
        assert provider.wait_for("asked")
        connection.close()
        assert provider.wait_for("gone")


@pytest.mark.parametrize(("path", "model"), PATHS)
def test_a_caller_who_leaves_in_the_middle_ends_the_providers_work_defect_164_defect_169(playing: Any, path: str, model: str) -> None:
    """The same once the answer has begun."""

    async def endless(connection: Any) -> None:
        await connection.request()
        await connection.say(STREAM_HEAD)
        first = chunk("one") if model == "o:m" else MESSAGE_START + BLOCK_START + text_delta("one")
        await connection.say(first)
        await connection.gone()

    with playing(endless) as (caller, provider):
        connection = caller.send(path, {"model": model, "stream": True, **TURN})
        caller.read(connection, until=b"one")
        connection.close()
        assert provider.wait_for("gone")


PINGS = {CHAT: b"\n: ", MESSAGES: b"event: ping\ndata: {"}


@pytest.mark.parametrize(("path", "model"), PATHS)
def test_a_silent_provider_is_covered_by_pings_before_its_head_defect_27_defect_220(playing: Any, path: str, model: str) -> None:
    """A local model with a long prompt says nothing for minutes: the caller hears his own kind of ping meanwhile."""

    async def late(connection: Any) -> None:
        await connection.request()
        await connection.provider.until("pinged")
        await connection.say(STREAM_HEAD)
        if model == "o:m":
            await connection.say(chunk("late") + chunk("", "stop") + DONE)
        else:
            await connection.say(MESSAGE_START + BLOCK_START + text_delta("late")
                                 + event({"type": "content_block_stop", "index": 0})
                                 + event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}})
                                 + event({"type": "message_stop"}))  # fmt: skip

    with playing(late) as (caller, provider):
        with caller.send(path, {"model": model, "stream": True, **TURN}) as connection:
            before = caller.read(connection, until=PINGS[path])
            assert before.startswith(b"HTTP/1.1 200")
            provider.note("pinged")
            after = caller.read(connection)
        assert b"late" in after
        assert (b"[DONE]" if path == CHAT else b"message_stop") in after


@pytest.mark.parametrize(("path", "model"), PATHS)
def test_a_silent_provider_is_covered_by_pings_between_its_events_defect_27(playing: Any, path: str, model: str) -> None:
    """Between two events too, and never inside one."""

    async def pausing(connection: Any) -> None:
        await connection.request()
        first = chunk("one") if model == "o:m" else MESSAGE_START + BLOCK_START + text_delta("one")
        second = chunk("two") + chunk("", "stop") + DONE if model == "o:m" else text_delta("two")
        await connection.say(STREAM_HEAD + first + second[:20])
        await connection.provider.until("pinged")
        await connection.say(second[20:])

    with playing(pausing) as (caller, provider), caller.send(path, {"model": model, "stream": True, **TURN}) as connection:
        before = caller.read(connection, until=PINGS[path])
        assert b"one" in before
        assert b"two" not in before
        provider.note("pinged")
        assert b"two" in caller.read(connection)


@pytest.mark.parametrize(("path", "model"), PATHS)
def test_an_error_after_pings_is_an_error_event(playing: Any, path: str, model: str) -> None:
    """The status is out already: what the provider says then becomes an event of the caller's kind."""

    async def refusing(connection: Any) -> None:
        await connection.request()
        await connection.provider.until("pinged")
        await connection.say(whole({"error": {"message": "too busy", "type": "overloaded_error"}}).replace(b"200 OK", b"503 Busy"))

    with playing(refusing) as (caller, provider), caller.send(path, {"model": model, "stream": True, **TURN}) as connection:
        caller.read(connection, until=PINGS[path])
        provider.note("pinged")
        after = caller.read(connection)
    assert b"too busy" in after
    assert (b'data: {"error":{' if path == CHAT else b"event: error\ndata: {") in after
    assert b"[DONE]" not in after
    assert b"message_stop" not in after


@pytest.mark.parametrize(("path", "model"), PATHS)
def test_a_whole_answer_after_pings_is_told_as_a_stream(playing: Any, path: str, model: str) -> None:
    """Some servers do not stream what they were asked to; a late one is as good as one in time."""
    said = CHAT_ANSWER if model == "o:m" else MESSAGE

    async def late(connection: Any) -> None:
        await connection.request()
        await connection.provider.until("pinged")
        await connection.say(whole(said))

    with playing(late) as (caller, provider), caller.send(path, {"model": model, "stream": True, **TURN}) as connection:
        before = caller.read(connection, until=PINGS[path])
        provider.note("pinged")
        after = caller.read(connection)
    events = before.partition(b"\r\n\r\n")[2] + after
    assert b"error" not in events
    assert events.count(b'"hi"') == 1
    assert events.count(b"data: [DONE]" if path == CHAT else b"event: message_stop") == 1


@pytest.mark.parametrize(("path", "model"), PATHS)
def test_what_is_no_answer_after_pings_is_an_error_event(playing: Any, path: str, model: str) -> None:
    """And it says what was missing."""

    async def late(connection: Any) -> None:
        await connection.request()
        await connection.provider.until("pinged")
        await connection.say(whole({}))

    with playing(late) as (caller, provider), caller.send(path, {"model": model, "stream": True, **TURN}) as connection:
        caller.read(connection, until=PINGS[path])
        provider.note("pinged")
        assert b"it has no /cho" in (after := caller.read(connection)) or b"it has no /content" in after
    assert b"message_stop" not in after


@pytest.mark.parametrize(("path", "model"), PATHS)
def test_a_stream_that_breaks_off_ends_with_an_error_defect_33_defect_34_defect_231(playing: Any, path: str, model: str) -> None:
    """A reset in the middle is an error event, never a silent close and never a success tail."""

    async def breaking(connection: Any) -> None:
        await connection.request()
        first = chunk("one") if model == "o:m" else MESSAGE_START + BLOCK_START + text_delta("one")
        head = STREAM_HEAD.replace(b"connection: close", b"transfer-encoding: chunked")
        await connection.say(head + b"%x\r\n%b\r\n" % (len(first), first))
        await connection.provider.until("read")
        connection.abort()

    with playing(breaking) as (caller, provider), caller.send(path, {"model": model, "stream": True, **TURN}) as connection:
        caller.read(connection, until=b"one")
        provider.note("read")
        after = caller.read(connection)
    assert (b'data: {"error":{' if path == CHAT else b"event: error\ndata: {") in after
    assert b"[DONE]" not in after
    assert b"message_stop" not in after


@pytest.mark.parametrize(("path", "model"), [(CHAT, "a:m"), (MESSAGES, "o:m")])
def test_a_translated_stream_without_an_end_is_an_error_defect_231(playing: Any, path: str, model: str) -> None:
    """The provider closes politely before it has said why: the answer is not complete, and is not told as complete."""

    async def ending(connection: Any) -> None:
        await connection.request()
        await connection.say(STREAM_HEAD + (chunk("one") if model == "o:m" else MESSAGE_START + BLOCK_START + text_delta("one")))

    with playing(ending) as (caller, _):
        got = caller.ask(path, {"model": model, "stream": True, **TURN})
    assert b"one" in got
    assert b"stream_truncated" in got or b"broke off" in got
    assert b"[DONE]" not in got
    assert b"message_stop" not in got


def test_heartbeats_after_the_end_do_not_hang_the_caller_defect_8(playing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that has said why it ends gets a moment for its usage, and no more."""
    monkeypatch.setattr("handlers.engine.translated_stream.GRACE", 0.3)

    async def lingering(connection: Any) -> None:
        await connection.request()
        await connection.say(STREAM_HEAD + chunk("one") + chunk("", "stop"))
        await connection.gone()

    with playing(lingering) as (caller, provider):
        got = caller.ask(MESSAGES, {"model": "o:m", "stream": True, **TURN})
        assert provider.wait_for("gone")
    assert b"message_stop" in got


@pytest.mark.parametrize(("path", "model"), PATHS)
def test_a_dead_provider_is_a_502_in_the_callers_words_defect_143(playing: Any, path: str, model: str) -> None:
    """A closed connection before any answer is told with status 502, and the request is not sent twice."""

    async def closing(connection: Any) -> None:
        await connection.request()
        connection.close()

    with playing(closing) as (caller, provider):
        got = caller.ask(path, {"model": model, **TURN})
        assert len(provider.requests) == 1
    assert got.startswith(b"HTTP/1.1 502")
    assert (b'"type":"error"' in got) is (path == MESSAGES)


def test_a_slow_reader_slows_the_provider(playing: Any) -> None:
    """What the caller does not read is not fetched: memory holds a window, not the answer."""
    sent: list[int] = []

    async def flooding(connection: Any) -> None:
        await connection.request()
        await connection.say(STREAM_HEAD)
        piece = chunk("x" * 60_000)
        for number in range(2000):
            sent.append(number)
            connection.writer.write(piece)
            try:
                await asyncio.wait_for(connection.writer.drain(), 1)
            except TimeoutError:
                connection.provider.note("full")
                return

    with playing(flooding) as (caller, provider):
        connection = caller.send(CHAT, {"model": "o:m", "stream": True, **TURN})
        caller.read(connection, until=b"xxx")
        assert provider.wait_for("full", 20)
        assert len(sent) < 1000
        connection.close()


def test_calls_that_share_a_provider_do_not_share_anything_else(playing: Any) -> None:
    """Answers of keep-alive connections go to who asked."""

    async def echoing(connection: Any) -> None:
        while (request := await connection.request()) is not None:
            said = request.rpartition(b'"content": "')[2].partition(b'"')[0].decode()
            answer = {**CHAT_ANSWER, "choices": [{**CHAT_ANSWER["choices"][0], "message": {"role": "assistant", "content": said, "refusal": None}}]}
            await connection.say(whole(answer))

    with playing(echoing) as (caller, _):
        under_way = {}
        for number in range(40):
            body = {"model": "o:m", "messages": [{"role": "user", "content": f"number-{number}"}]}
            under_way[number] = caller.send(CHAT, body)
        for number, connection in under_way.items():
            with connection:
                assert f"number-{number}".encode() in caller.read(connection)
