"""Bodies that are larger than what a network holds, both ways: nobody buffers for a peer that does not take it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from upstream.provider_settings import run
from upstream.sockets import STREAM, Connection, Provider, answering, chunked, whole
from upstream.transport_states import LIMITS, SHORT, ask, asked, at_rest, open_connections, pooled, read

from handlers.engine.bodies import Upload
from handlers.engine.connections import HIGH_WATER

MEGABYTE = 1 << 20


async def unchunked(connection: Connection) -> bytes:
    """Read a body in chunks."""
    body = b""
    while size := int((await connection.reader.readuntil(b"\r\n")).strip(), 16):
        body += await connection.reader.readexactly(size)
        assert await connection.reader.readexactly(2) == b"\r\n"
    assert await connection.reader.readexactly(2) == b"\r\n"
    return body


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
        await asyncio.sleep(0)


# ---- requests ---------------------------------------------------------------------------------------------------


def test_an_upload_of_unknown_length_goes_in_chunks():
    """Each piece is a chunk, empty ones are none; the connection serves the next call."""

    async def script(connection: Connection) -> None:
        while True:
            head = await connection.reader.readuntil(b"\r\n\r\n")
            assert b"transfer-encoding: chunked\r\n" in head
            assert b"content-length" not in head
            await connection.say(whole(await unchunked(connection)))

    async def call(provider: Provider) -> None:
        async with pooled() as transport:
            for _ in range(2):
                upload = Upload(pieces(b"one", b"", b"t" * 100_000, b"two"), None)
                assert await asked(transport, provider.url(), upload) == b"one" + b"t" * 100_000 + b"two"
            assert open_connections(transport) == 1

    with Provider(script) as provider:
        run(call(provider))


def test_an_upload_of_known_length_goes_as_it_is():
    with Provider(answering(whole(b"ok"))) as provider:

        async def call() -> None:
            async with pooled() as transport:
                for _ in range(2):
                    assert await asked(transport, provider.url(), Upload(pieces(b"one", b"two"), 6)) == b"ok"

        run(call())
        assert provider.connections == 1
        assert all(request.endswith(b"content-length: 6\r\n\r\nonetwo") for request in provider.requests)


@pytest.mark.parametrize("length", [5, 7])
def test_an_upload_that_is_not_as_long_as_it_says_is_our_own_fault(length):
    """Neither is the rest invented, nor does too much go out: the connection closes."""

    async def script(connection: Connection) -> None:
        await connection.gone()

    with Provider(script) as provider:

        async def call() -> None:
            async with pooled() as transport:
                with pytest.raises(httpx.LocalProtocolError):
                    await ask(transport, provider.url(), Upload(pieces(b"one", b"two"), length))
                await provider.told("gone")

        run(call())


def test_an_error_of_the_one_who_uploads_is_the_caller_s_error():
    """As when a client has left in the middle of its form: the provider gets no end of it."""

    class LeftError(Exception):
        pass

    async def leaving() -> AsyncIterator[bytes]:
        yield b"one"
        raise LeftError

    async def script(connection: Connection) -> None:
        await connection.gone()

    with Provider(script) as provider:

        async def call() -> None:
            async with pooled() as transport:
                with pytest.raises(LeftError):
                    await ask(transport, provider.url(), Upload(leaving(), None))
                await provider.told("gone")

        run(call())


@pytest.mark.parametrize("kind", ["upload", "bytes"])
def test_a_server_that_takes_nothing_holds_up_the_sender(kind):
    """No more is asked of the uploader than the network takes, and the limit for writing ends the wait."""
    asked_for = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal asked_for
        while True:
            asked_for += 1
            yield b"x" * MEGABYTE

    async def script(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        connection.writer.transport.pause_reading()
        await connection.provider.until("done")

    with Provider(script) as provider:

        async def call() -> None:
            async with pooled() as transport:
                body = Upload(endless(), None) if kind == "upload" else b"x" * (64 * MEGABYTE)
                with pytest.raises(httpx.WriteTimeout):
                    await ask(transport, provider.url(), body, SHORT)
                provider.note("done")

        run(call())
    assert asked_for < 48


def test_a_slow_server_gets_a_large_body_whole():
    """What a pause holds back goes out after it; the limit for reading begins when all has been sent."""
    body = bytes(range(256)) * (32 * 1024)

    async def script(connection: Connection) -> None:
        connection.writer.transport.pause_reading()
        connection.provider.note("paused")
        await connection.provider.until("waited")
        connection.writer.transport.resume_reading()
        await answering(whole(b"ok"))(connection)

    with Provider(script) as provider:

        async def call() -> None:
            async with pooled() as transport:
                calling = asyncio.create_task(asked(transport, provider.url(), body, LIMITS._replace(read=0.3)))
                await provider.told("paused")
                done, _ = await asyncio.wait([calling], timeout=0.5)
                assert not done
                provider.note("waited")
                assert await calling == b"ok"

        run(call())
        assert provider.requests[0].endswith(body)


EARLY = [
    pytest.param(whole(b"too large", status=b"413 Too Large"), b"too large", id="a whole refusal"),
    pytest.param(whole(b"too large", status=b"413 Too Large")[:-3], b"too la", id="the beginning of a refusal"),
    pytest.param(whole(b"enough"), b"enough", id="a whole answer"),
]


@pytest.mark.parametrize("kind", ["upload", "bytes", "64 KB and one"])
@pytest.mark.parametrize(("answer", "body"), EARLY)
def test_an_answer_may_come_before_the_request_is_out(answer, body, kind):
    """It is the answer; the sending ends, and the connection with it: the rest would be read as another request."""
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0.001)
        finally:
            closed.set()

    async def script(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        connection.writer.transport.pause_reading()
        await connection.say(answer)
        await connection.provider.until("heard")
        connection.writer.transport.resume_reading()
        await connection.gone()

    async def call(provider: Provider) -> bytes:
        got = b""
        async with pooled(rests=False) as transport:
            sent = {"upload": Upload(endless(), None), "bytes": b"x" * (16 * MEGABYTE), "64 KB and one": b"x" * 65537}[kind]
            reply = await ask(transport, provider.url(), sent)
            async for piece in reply.stream:
                got += piece
                if got == body:
                    provider.note("heard")
                    break
            await reply.stream.aclose()
            if kind == "upload":
                await closed.wait()
            if kind != "64 KB and one":  # which the network holds
                await at_rest(transport)
                assert open_connections(transport) == 0
        return got

    with Provider(script) as provider:
        assert run(call(provider)) == body


@pytest.mark.parametrize("kind", ["upload", "bytes"])
def test_a_refusal_is_heard_though_the_connection_breaks_under_the_request(kind):
    """Servers refuse and close with the rest unread, which resets the connection while we write: they have answered."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 100_000

    async def script(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        connection.writer.transport.pause_reading()
        await connection.say(whole(b"who are you?", status=b"401 Unauthorized", headers=b"connection: close\r\n"))
        connection.reset()

    with Provider(script) as provider:

        async def call() -> None:
            async with pooled() as transport:
                for _ in range(10):
                    sent = Upload(endless(), None) if kind == "upload" else b"x" * (16 * MEGABYTE)
                    reply = await ask(transport, provider.url(), sent)
                    assert (reply.status, await read(reply)) == (401, b"who are you?")

        run(call())


@pytest.mark.parametrize("kind", ["upload", "bytes"])
@pytest.mark.parametrize("how", ["closes", "resets"])
def test_a_server_that_fails_under_the_request_is_one_error(how, kind):
    """It is one of httpx's, the uploader hears of it, and nothing is sent again."""
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 100_000
        finally:
            closed.set()

    async def script(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        connection.writer.transport.pause_reading()
        if how == "resets":
            connection.reset()

    with Provider(script) as provider:

        async def call() -> None:
            async with pooled() as transport:
                sent = Upload(endless(), None) if kind == "upload" else b"x" * (16 * MEGABYTE)
                with pytest.raises((httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError)):
                    await ask(transport, provider.url(), sent)
                if kind == "upload":
                    await closed.wait()
                await at_rest(transport)
                assert open_connections(transport) == 0

        run(call())
        assert provider.connections == 1


def test_a_server_that_answers_while_it_reads_gets_all_of_it():
    """A head that is no refusal, early: the request goes on, and the answer tells that it has arrived."""

    async def script(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.say(STREAM + chunked(b"begun", end=False))
        body = await unchunked(connection)
        await connection.say(chunked(b"%d" % len(body)))

    with Provider(script) as provider:

        async def call() -> bytes:
            async with pooled(rests=False) as transport:
                return await asked(transport, provider.url(), Upload(pieces(*[b"x" * 1000] * 50), None))

        assert run(call()) == b"begun50000"


def test_leaving_in_the_middle_of_an_upload_stops_it():
    """The one who uploads is asked for no more, and the connection closes."""
    closed = asyncio.Event()

    async def endless(provider: Provider) -> AsyncIterator[bytes]:
        try:
            yield b"x"
            provider.note("begun")
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def script(connection: Connection) -> None:
        await connection.gone()

    with Provider(script) as provider:

        async def call() -> None:
            async with pooled() as transport:
                calling = asyncio.create_task(ask(transport, provider.url(), Upload(endless(provider), None)))
                await provider.told("begun")
                calling.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await calling
                assert closed.is_set()
                await provider.told("gone")

        run(call())


def test_httpx_may_send_a_body_as_it_comes():
    """Behind httpx's interface too, bytes and files go with their length, iterators in chunks."""

    async def script(connection: Connection) -> None:
        while True:
            head = await connection.reader.readuntil(b"\r\n\r\n")
            body = await unchunked(connection) if b"chunked" in head else await connection.reader.readexactly(3)
            await connection.say(whole(body))

    with Provider(script) as provider:

        async def call() -> None:
            async with pooled(rests=False) as transport:
                client = httpx.AsyncClient(transport=transport, trust_env=False)
                assert (await client.post(provider.url(), content=pieces(b"one", b"two"))).content == b"onetwo"
                assert (await client.post(provider.url(), content=b"abc")).content == b"abc"
                files = await client.post(provider.url(), content=pieces(b"ab", b"c"), headers={"content-length": "3"})
                assert files.content == b"abc"

        run(call())


# ---- answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", ["length", "chunks", "close"])
def test_a_slow_reader_holds_up_the_server(framing):
    """What nobody takes stays in the network: the memory holds a limited part of it, and all of it comes in the end."""
    size, said = 64 * MEGABYTE, 0
    block = bytes(range(256)) * 256

    async def script(connection: Connection) -> None:
        nonlocal said
        await connection.request()
        lines = {"length": b"content-length: %d\r\n" % size, "chunks": b"transfer-encoding: chunked\r\n", "close": b""}[framing]
        await connection.say(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n")
        for _ in range(size // len(block)):
            await connection.say(chunked(block, end=False) if framing == "chunks" else block)
            said += len(block)
            if said > MEGABYTE:
                connection.provider.note("much")
        if framing == "chunks":
            await connection.say(chunked())

    with Provider(script) as provider:

        async def call() -> None:
            async with pooled() as transport:
                reply = await ask(transport, provider.url())
                before = -1
                while before < said:
                    before = said
                    await asyncio.sleep(0.2)
                assert said < size / 2
                assert reply.stream.size < 4 * HIGH_WATER
                got = 0
                async for piece in reply.stream:
                    assert piece[:1] == bytes([got % 256])
                    got += len(piece)
                assert got == size

        run(call())


def test_a_reader_that_was_held_up_is_not_too_late():
    """The limit is for the server's silence: who takes his time finds what has come in it."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(STREAM + chunked(b"one", end=False))
        await connection.provider.until("late")
        await connection.say(chunked(b"two"))
        connection.provider.note("said")

    with Provider(script) as provider:

        async def call() -> None:
            async with pooled(rests=False) as transport:
                reply = await ask(transport, provider.url(), limits=SHORT)
                reading = aiter(reply.stream)
                assert await anext(reading) == b"one"
                waiting = asyncio.ensure_future(anext(reading))
                await asyncio.sleep(0.05)
                provider.note("late")
                assert provider.wait_for("said")  # holds the loop, beyond the limit
                provider.wait_for("never", 0.3)
                assert await waiting == b"two"

        run(call())


def test_leaving_a_held_answer_closes_it():
    """Also where nothing is read any more, as the reader was too slow."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                await connection.say(b"x" * MEGABYTE)
        except ConnectionError:
            connection.provider.note("gone")

    with Provider(script) as provider:

        async def call() -> None:
            async with pooled() as transport:
                reply = await ask(transport, provider.url())
                while not reply.stream.connection.holding:  # noqa: ASYNC110 - there is no event for it
                    await asyncio.sleep(0.001)
                await reply.stream.aclose()
                await provider.told("gone")
                with pytest.raises(httpx.ReadError):
                    await read(reply)

        run(call())
