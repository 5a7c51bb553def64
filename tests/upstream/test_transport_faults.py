"""When a server fails, times how it fails: which error that is, that nothing is sent twice, that the pool stays sound."""

from __future__ import annotations

import asyncio
import contextlib

import httpx
import pytest
from upstream.provider_settings import run
from upstream.sockets import STREAM, Connection, Provider, answering, chunked, whole
from upstream.transport_states import LIMITS, SHORT, ask, asked, at_rest, open_connections, pooled, read

HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n"
WHEN = {
    "after the request": b"",
    "in the status": b"HTTP/1.1 2",
    "in the head": HALF,
    "after an interim answer": b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n",
    "after the head": HALF + b"\r\n",
    "in the body": HALF + b"\r\nabc",
    "in a chunk": STREAM + b"9\r\nabc",
    "between chunks": STREAM + chunked(b"abc", end=False),
    "before the last line": STREAM + b"3\r\nabc\r\n0\r\n",
}
HOW = {
    "closes": (lambda connection: connection.close(), httpx.RemoteProtocolError),
    "resets": (lambda connection: connection.reset(), httpx.ReadError),
    "says nothing": (lambda _: None, httpx.ReadTimeout),
    "is left": (lambda _: None, asyncio.CancelledError),
}


@pytest.mark.parametrize("reused", [False, True], ids=["new", "kept"])
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("when", WHEN)
def test_a_failure_has_its_name_and_leaves_the_pool_sound(when, how, reused):
    """On a new connection and a kept one alike: what had come is delivered, the request went out once, and the next
    call has another connection.
    """
    fail, expected = HOW[how]

    async def script(connection: Connection) -> None:
        provider = connection.provider
        if provider.connections > 1:
            await answering(whole(b"fine"))(connection)
            return
        if reused:
            await connection.request()
            await connection.say(whole(b"first"))
        await connection.request()
        await connection.say(WHEN[when])
        provider.note("said")
        await provider.until("heard")
        fail(connection)
        await connection.gone()

    async def fail_at_it(provider: Provider) -> tuple[bytes, BaseException]:
        got = b""
        async with pooled() as transport:
            if reused:
                assert await asked(transport, provider.url()) == b"first"

            async def call() -> None:
                nonlocal got
                reply = await ask(transport, provider.url(), b"fatal", SHORT if how == "says nothing" else LIMITS)
                async for piece in reply.stream:
                    got += piece

            calling = asyncio.create_task(call())
            await provider.told("said")
            while b"abc" in WHEN[when] and not got:  # noqa: ASYNC110 - a reset would take it away
                await asyncio.sleep(0.001)
            provider.note("heard")
            if how == "is left":
                calling.cancel()
            await asyncio.wait([calling])
            error = asyncio.CancelledError() if calling.cancelled() else calling.exception()
            await at_rest(transport)
            assert open_connections(transport) == 0
            assert await asked(transport, provider.url(), b"next") == b"fine"
        await provider.told("gone")
        return got, error

    with Provider(script) as provider:
        got, error = run(fail_at_it(provider))
        bodies = [request.rpartition(b"\r\n\r\n")[2] for request in provider.requests]
    assert type(error) is expected
    assert got == (b"abc" if b"abc" in WHEN[when] else b"")
    assert bodies == [b"{}"] * reused + [b"fatal", b"next"]


@pytest.mark.parametrize("how", ["closes", "resets", "says more"])
def test_what_fails_behind_an_answer_does_not_touch_it(how):
    """The answer is complete; the next call finds out, or has found out already, and takes a new connection."""

    async def script(connection: Connection) -> None:
        number = connection.provider.connections
        await connection.request()
        await connection.say(whole(b"%d" % number) + (b"more" if how == "says more" else b""))
        await connection.provider.until(f"read {number}")
        if how != "says more":
            HOW[how][0](connection)
            with contextlib.suppress(ConnectionError):
                await connection.writer.wait_closed()
        connection.provider.note(f"failed {number}")
        await connection.gone()

    async def call(provider: Provider) -> list[bytes]:
        got = []
        async with pooled() as transport:
            for number in (1, 2, 3):
                got.append(await asked(transport, provider.url(), b"%d" % number))
                provider.note(f"read {number}")
                await provider.told(f"failed {number}")
        return got

    with Provider(script) as provider:
        assert run(call(provider)) == [b"1", b"2", b"3"]
        assert [request[-1:] for request in provider.requests] == [b"1", b"2", b"3"]


@pytest.mark.parametrize("how", ["closes", "resets"])
def test_a_server_that_fails_at_once_is_never_sent_a_request_twice(how):
    """It closes when it has accepted: whatever has happened to the request, it went out at most once."""

    async def script(connection: Connection) -> None:
        HOW[how][0](connection)
        connection.provider.note("failed")

    async def call(provider: Provider) -> None:
        async with pooled() as transport:
            with pytest.raises((httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)):
                await ask(transport, provider.url())
        assert provider.connections == 1

    with Provider(script) as provider:
        run(call(provider))
        assert provider.connections == 1


def test_leaving_while_the_connection_is_made_leaves_nothing():
    """TCP is there, TLS waits for a server that says nothing; cancelled, or too late, the socket closes."""

    async def script(connection: Connection) -> None:
        connection.provider.note("accepted")
        await connection.gone()

    async def call(provider: Provider) -> None:
        url = provider.url().replace("http:", "https:")
        async with pooled() as transport:
            calling = asyncio.create_task(ask(transport, url))
            await provider.told("accepted")
            calling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await calling
            await provider.told("gone")
            provider.begin_again()
            with pytest.raises(httpx.ConnectTimeout):
                await ask(transport, url, limits=LIMITS._replace(connect=0.1))
            await provider.told("gone")

    with Provider(script) as provider:
        run(call(provider))


def test_closing_the_transport_ends_what_is_under_way():
    """Calls that wait for a head, and readers of a body, hear of it; nothing stays open."""

    async def script(connection: Connection) -> None:
        request = await connection.request()
        assert request is not None
        await connection.say(STREAM + chunked(b"x", end=False) if b"stream" in request else b"")
        connection.provider.note("asked")
        await connection.gone()

    async def call(provider: Provider) -> None:
        async with pooled(rests=False) as transport:
            reply = await ask(transport, provider.url(), b"stream")
            waiting = asyncio.create_task(ask(transport, provider.url(), b"wait"))
            assert await anext(aiter(reply.stream)) == b"x"
            while open_connections(transport) < 2:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.001)
            await transport.aclose()
            for outcome in (waiting, asyncio.ensure_future(read(reply))):
                with pytest.raises((httpx.ReadError, httpx.ConnectError)):
                    await outcome

    with Provider(script) as provider:
        run(call(provider))
