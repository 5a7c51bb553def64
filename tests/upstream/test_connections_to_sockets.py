"""Connections: made, kept, given up. Nothing is ever sent twice, and who leaves closes at once."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from upstream.provider_settings import HEADERS, asked, run, settings
from upstream.sockets import STREAM, Connection, Provider, answering, chunked, whole

from handlers.engine import descriptors, pools
from handlers.engine.errors import UpstreamError
from handlers.engine.providers import Retries, Timeout
from handlers.engine.upstream import Upstream


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


async def silent(connection: Connection) -> None:
    """Takes the request, says nothing, notes when the other side has gone."""
    await connection.request()
    connection.provider.note("asked")
    await connection.gone()


def test_a_connection_serves_one_call_after_another():
    """A body read to its end gives its connection back; so do answers without one."""
    answers = (whole(b"1"), STREAM + chunked(b"2"), b"HTTP/1.1 204 No Content\r\n\r\n", whole(b"", status=b"500 No"))
    with Provider(answering(*answers)) as provider:

        async def ask() -> list[bytes]:
            upstream = Upstream(settings())
            bodies = [await (await upstream.open("POST", provider.url(), HEADERS, b"{}")).read() for _ in range(6)]
            await upstream.aclose()
            return bodies

        assert run(ask()) == [b"1", b"2", b"", b"", b"", b""]
        assert provider.connections == 1


def test_a_connection_that_says_close_is_not_used_again():
    """`connection: close` is believed before the peer has closed."""
    with Provider(answering(whole(headers=b"connection: close\r\n"))) as provider:

        async def ask() -> None:
            upstream = Upstream(settings())
            for _ in range(3):
                await (await upstream.open("POST", provider.url(), HEADERS, b"{}")).read()
            await upstream.aclose()

        run(ask())
        assert provider.connections == 3


@pytest.mark.parametrize("noticed", [True, False], ids=["noticed by the loop", "found before the loop noticed"])
def test_an_idle_connection_that_its_peer_closed_is_not_used(noticed):
    """A kept connection is looked at before it is used: the request goes to a new one, once."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(whole(b"ok"))
        connection.close()
        await connection.writer.wait_closed()
        connection.provider.note(f"closed {connection.provider.connections}")

    with Provider(script) as provider:

        async def ask() -> None:
            upstream = Upstream(settings())
            for number in range(1, 5):
                answer = await upstream.open("POST", provider.url(), HEADERS, b"%d" % number)
                assert await answer.read() == b"ok"
                if noticed:
                    await provider.told(f"closed {number}")
                else:
                    provider.wait_for(f"closed {number}")  # holds the loop
            await upstream.aclose()

        run(ask())
        assert [request[-1:] for request in provider.requests] == [b"1", b"2", b"3", b"4"]


def test_an_answer_nobody_asked_for_is_not_taken_for_the_next_one():
    """Bytes on an idle connection condemn it: otherwise they would be read as the next call's answer."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(whole(b"mine"))
        await connection.provider.until("read")
        await connection.say(whole(b"stray"))
        connection.provider.note("said")
        await connection.gone()

    with Provider(script) as provider:

        async def ask() -> list[bytes]:
            upstream = Upstream(settings())
            bodies = []
            for _ in range(2):
                bodies.append(await (await upstream.open("POST", provider.url(), HEADERS, b"{}")).read())
                provider.note("read")
                await provider.told("said")
            await upstream.aclose()
            return bodies

        assert run(ask()) == [b"mine", b"mine"]
        assert provider.connections == 2


def test_a_request_lost_on_a_kept_connection_is_not_sent_again():
    """The peer takes the second request and closes: it may have worked on it, so the caller decides."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(whole(b"ok"))
        await connection.request()

    with Provider(script) as provider:

        async def ask() -> UpstreamError:
            upstream = Upstream(settings())
            await (await upstream.open("POST", provider.url(), HEADERS, b"1")).read()
            with pytest.raises(UpstreamError) as caught:
                await upstream.open("POST", provider.url(), HEADERS, b"2")
            await upstream.aclose()
            return caught.value

        error = run(ask())
        assert (error.code, error.sent) == ("disconnected", True)
        assert [request[-1:] for request in provider.requests] == [b"1", b"2"]


def test_defect_166_leaving_before_the_first_byte_closes_the_connection():
    """A cancelled `open` closes at once, and the next call is fine."""
    with Provider(silent) as provider:

        async def ask() -> None:
            upstream = Upstream(settings())
            opening = asyncio.create_task(upstream.open("POST", provider.url(), HEADERS, b"{}"))
            await provider.told("asked")
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            await provider.told("gone")
            provider.script = answering(whole(b"fine"))
            assert await (await upstream.open("POST", provider.url(), HEADERS, b"{}")).read() == b"fine"
            await upstream.aclose()

        run(ask())


@pytest.mark.parametrize("how", ["cancelled", "left the loop", "aclose", "never read"])
def test_defect_164_defect_169_leaving_a_stream_closes_the_connection(how):
    """However a reader leaves the body before its end, the provider learns it at once and stops its work."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(STREAM + chunked(b"data: 1\n\n", end=False))
        await connection.gone()

    with Provider(script) as provider:

        async def read(upstream: Upstream) -> None:
            answer = await upstream.open("POST", provider.url(), HEADERS, b"{}")
            if how == "never read":
                await answer.aclose()
                return
            chunks = answer.chunks()
            async for _ in chunks:
                provider.note("read")
                if how == "left the loop":
                    await chunks.aclose()
                    return
                if how == "aclose":
                    await answer.aclose()
                    return

        async def ask() -> None:
            upstream = Upstream(settings())
            reading = asyncio.create_task(read(upstream))
            if how == "cancelled":
                await provider.told("read")
                reading.cancel()
            await asyncio.wait([reading])
            await provider.told("gone")
            provider.script = answering(whole(b"fine"))
            assert await (await upstream.open("POST", provider.url(), HEADERS, b"{}")).read() == b"fine"
            await upstream.aclose()

        run(ask())


def test_defect_143_a_refused_connection_is_a_502_that_was_not_sent():
    """The message names provider and address, and nothing of the path or the key."""
    port = free_port()
    error = asked(f"http://127.0.0.1:{port}/v1/chat?key=secret-key")
    assert (error.status, error.code, error.sent, error.type) == (502, "connect_error", False, "upstream")
    assert str(error) == f"The provider mock (127.0.0.1:{port}) refused the connection."


def test_an_unknown_name_is_a_502_that_was_not_sent():
    error = asked("http://no-such-host.invalid/v1", retries=Retries(unsent=0))
    assert (error.status, error.code, error.sent) == (502, "connect_error", False)


def test_defect_143_a_connection_that_is_not_taken_in_time_is_a_504():
    """A full backlog answers nothing; the connect limit holds, and nothing was sent."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        error = asked(f"http://127.0.0.1:{port}/", timeout=Timeout(connect=0.3), retries=Retries(unsent=0))
        for filler in fillers:
            filler.close()
    assert (error.status, error.code, error.sent, error.type) == (504, "connect_timeout", False, "timeout")


def test_what_was_not_sent_is_tried_once_more(monkeypatch):
    """One more attempt when no connection was made; none when a request may have been seen."""
    attempts = 0
    original = pools.connected

    async def connected(infos):
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise ConnectionRefusedError
        return await original(infos)

    monkeypatch.setattr(pools, "connected", connected)
    with Provider(answering(whole(b"ok"))) as provider:
        assert asked(provider.url())[2] == b"ok"
        assert (attempts, len(provider.requests)) == (2, 1)
        attempts = 0
        assert asked(provider.url(), retries=Retries(unsent=0)).code == "connect_error"


RETRIED = [
    pytest.param(b"429 Too Many", b"retry-after: 0\r\n", Retries(answered=1), 2, 200, id="429 where it is asked for"),
    pytest.param(b"529 Overloaded", b"retry-after: 0\r\n", Retries(answered=1), 2, 200, id="529 where it is asked for"),
    pytest.param(b"429 Too Many", b"retry-after: 0\r\n", Retries(), 1, 429, id="429 as a rule"),
    pytest.param(b"500 Error", b"", Retries(answered=3), 1, 500, id="500 never"),
    pytest.param(b"503 Later", b"retry-after: 900\r\n", Retries(answered=1), 1, 503, id="503 that asks for too long"),
    pytest.param(
        b"503 Later", b"retry-after: Mon, 01 Jan 2024 00:00:00 GMT\r\n", Retries(answered=1), 2, 200,
        id="503 with a date",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("status", "headers", "retries", "requests", "final"), RETRIED)
def test_statuses_are_tried_again_only_where_an_operator_asks(status, headers, retries, requests, final):
    """The SDKs retry by themselves; a gateway that does it too multiplies. Retry-After is honoured up to a limit."""
    with Provider(answering(whole(b"no", status=status, headers=headers), whole(b"yes"))) as provider:
        assert asked(provider.url(), retries=retries)[0] == final
        assert len(provider.requests) == requests


def test_leaving_during_the_wait_stops_the_retries():
    """Nobody is left to hear the answer: the second attempt does not happen."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(whole(b"no", status=b"429 Later", headers=b"retry-after: 20\r\n"))
        connection.provider.note("answered")
        await connection.gone()

    with Provider(script) as provider:

        async def ask() -> None:
            upstream = Upstream(settings(retries=Retries(answered=1)))
            opening = asyncio.create_task(upstream.open("POST", provider.url(), HEADERS, b"{}"))
            await provider.told("answered")
            done, _ = await asyncio.wait([opening], timeout=0.1)
            assert not done
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            await upstream.aclose()

        started = time.monotonic()
        run(ask())
        assert time.monotonic() - started < 5
        assert len(provider.requests) == 1


def test_a_large_request_meets_an_early_answer():
    """A 413 before the body was taken is an answer, and its connection is not used again."""

    async def script(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.say(whole(b"too large", status=b"413 Too Large", headers=b"connection: close\r\n"))
        await connection.gone()

    with Provider(script) as provider:
        status, _, body = asked(provider.url(), body=b"x" * (8 << 20))
    assert (status, body) == (413, b"too large")


def test_a_request_that_nobody_takes_is_a_timeout():
    """The write limit holds for each gap: a peer that has stopped reading is a 504, not a wait for the read limit."""

    async def script(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.provider.until("done")

    with Provider(script) as provider:
        error = asked(provider.url(), body=b"x" * (32 << 20), timeout=Timeout(write=0.2))
        provider.note("done")
    assert (error.status, error.code, error.sent) == (504, "write_timeout", True)


def test_a_large_request_arrives_whole():
    """Bodies beyond the buffers of the sockets go out completely."""
    body = bytes(range(256)) * (1 << 13)
    with Provider(answering(whole(b"ok"))) as provider:
        assert asked(provider.url(), body=body)[2] == b"ok"
        assert provider.requests[0].endswith(b"\r\n\r\n" + body)


def test_the_descriptor_limit_goes_as_far_as_the_system_lets_it():
    """The soft limit becomes the hard one; where that is not possible, nothing happens."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        before, after = descriptors.raise_descriptor_limit()
        assert before == min(soft, 256)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == after
        assert after == (10240 if hard == resource.RLIM_INFINITY else hard)
        assert descriptors.raise_descriptor_limit() == (after, after)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
