"""Answers as they come over real sockets: every way to end a body, every way to fail one."""

from __future__ import annotations

import asyncio
import zlib

import pytest
from upstream.provider_settings import HEADERS, asked, run, settings
from upstream.sockets import STREAM, Connection, Provider, answering, chunked, whole

from handlers.engine.errors import UpstreamError
from handlers.engine.providers import Timeout
from handlers.engine.upstream import Upstream

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"


def gzipped(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def raw_deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def closing(*pieces: bytes):
    """A script that answers one request with these bytes and closes."""

    async def script(connection: Connection) -> None:
        await connection.request()
        for piece in pieces:
            await connection.say(piece)

    return script


ANSWERS = [
    pytest.param(answering(whole(b'{"a":1}')), b'{"a":1}', id="with a length"),
    pytest.param(answering(STREAM + chunked(b"data: 1\n", b"\ndata")), b"data: 1\n\ndata", id="in chunks"),
    pytest.param(closing(HEAD + b"\r\ndata: 1\n\n"), b"data: 1\n\n", id="ended by the close"),
    pytest.param(
        answering(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + whole(b"{}")), b"{}",
        id="after two interim answers",
    ),
    pytest.param(answering(b"HTTP/1.1 204 No Content\r\n\r\n"), b"", id="without a body"),
    pytest.param(
        answering(whole(gzipped(b"hello"), headers=b"content-encoding: gzip\r\n")), b"hello", id="defect_56 gzip",
    ),
    pytest.param(
        answering(whole(gzipped(b"hel") + gzipped(b"lo"), headers=b"Content-Encoding: x-gzip\r\n")), b"hello",
        id="gzip in two members",
    ),
    pytest.param(
        answering(whole(zlib.compress(b"hello"), headers=b"content-encoding: deflate\r\n")), b"hello", id="deflate",
    ),
    pytest.param(
        answering(whole(raw_deflated(b"hello"), headers=b"content-encoding: deflate\r\n")), b"hello",
        id="deflate without its header",
    ),
    pytest.param(
        answering(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n"), b"",
        id="gzip of nothing at all",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("script", "body"), ANSWERS)
def test_a_body_arrives_however_it_ends(script, body):
    """Length, chunks, close, interim answers and unasked packing all give the same: the body."""
    with Provider(script) as provider:
        status, headers, received = asked(provider.url())
    assert status in (200, 204)
    assert received == body
    assert not {name for name, _ in headers} & {b"content-length", b"content-encoding", b"transfer-encoding"}


def test_defect_55_no_length_of_the_provider_is_passed_on():
    """What speaks of the connection or the packing stays here; all else keeps its place, names in lower case."""
    extra = b"X-Request-Id: r1\r\nSet-Cookie: a=b\r\nConnection: keep-alive\r\nRetry-After: 3\r\n"
    with Provider(answering(whole(headers=extra))) as provider:
        _, headers, _ = asked(provider.url())
    assert headers == [(b"content-type", b"application/json"), (b"x-request-id", b"r1"), (b"retry-after", b"3")]


def test_defect_56_an_error_is_unpacked_too():
    """A packed body of a 429 is readable, so its message reaches the caller."""
    answer = whole(gzipped(b'{"error":1}'), status=b"429 Too Many", headers=b"content-encoding: gzip\r\n")
    with Provider(answering(answer)) as provider:
        status, _, body = asked(provider.url())
    assert (status, body) == (429, b'{"error":1}')


def test_defect_57_a_packed_stream_is_unpacked_as_it_comes():
    """One decoder for the whole stream: each flushed event arrives before the next one is sent."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    pieces = [packer.compress(b"data: %d\n\n" % n) + packer.flush(zlib.Z_SYNC_FLUSH) for n in range(3)]

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(STREAM.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n"))
        for number, piece in enumerate(pieces):
            await connection.say(chunked(piece, end=False))
            await connection.provider.until(f"got {number}")
        await connection.say(chunked(packer.flush()))

    with Provider(script) as provider:

        async def read() -> list[bytes]:
            upstream = Upstream(settings())
            answer = await upstream.open("POST", provider.url(), HEADERS, b"{}")
            got = []
            async for chunk in answer.chunks():
                provider.note(f"got {len(got)}")
                got.append(chunk)
            await upstream.aclose()
            return got

        assert run(read()) == [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n"]


def test_defect_197_a_small_answer_that_unpacks_to_much_is_refused():
    """The limit of a whole answer holds for its unpacked bytes, and is met before they all are in memory."""
    bomb = gzipped(b"\0" * (20 << 20))

    async def read(url: str) -> UpstreamError:
        upstream = Upstream(settings())
        answer = await upstream.open("POST", url, HEADERS, b"{}")
        with pytest.raises(UpstreamError) as caught:
            await answer.read(limit=1 << 20)
        await upstream.aclose()
        return caught.value

    with Provider(answering(whole(bomb, headers=b"content-encoding: gzip\r\n"))) as provider:
        assert run(read(provider.url())).code == "answer_too_large"


FAILURES = [
    pytest.param(closing(b"HELLO WORLD\r\n\r\n"), 502, "disconnected", id="garbage"),
    pytest.param(closing(b"HTTP/1.1 200 OK\r\ncontent-le"), 502, "disconnected", id="cut in the head"),
    pytest.param(closing(), 502, "disconnected", id="closed without an answer"),
    pytest.param(closing(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n"), 502, "disconnected", id="another protocol"),
    pytest.param(closing(HEAD + b"content-length: 100\r\n\r\nabc"), 502, "disconnected", id="body cut short"),
    pytest.param(closing(STREAM + chunked(b"abc", end=False)), 502, "disconnected", id="chunks cut short"),
    pytest.param(closing(STREAM + b"zz\r\nabc\r\n"), 502, "disconnected", id="chunk without a size"),
    pytest.param(
        closing(whole(gzipped(b"hello")[:-9], headers=b"content-encoding: gzip\r\n")), 502, "disconnected",
        id="packed body cut short",
    ),
    pytest.param(
        closing(whole(b"hello", headers=b"content-encoding: gzip\r\n")), 502, "protocol_error",
        id="not packed as it says",
    ),
    pytest.param(
        closing(whole(b"hello", headers=b"content-encoding: br\r\n")), 502, "content_encoding",
        id="packed as nobody asked",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("script", "status", "code"), FAILURES)
def test_a_broken_answer_is_the_provider_s_failure(script, status, code):
    """Whatever is no complete answer is a 502 that may have cost something, and is not asked for again."""
    with Provider(script) as provider:
        error = asked(provider.url())
        assert isinstance(error, UpstreamError)
        assert (error.status, error.code, error.sent) == (status, code, True)
        assert len(provider.requests) == 1


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_what_came_before_a_cut_is_delivered(reset):
    """Events that arrived before the connection broke reach the reader, also when the break came with them."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(STREAM + chunked(b"data: 1\n\n", b"data: 2\n\n", end=False))
        if reset:
            await connection.provider.until("got")
            connection.abort()

    async def read(provider: Provider) -> tuple[bytes, UpstreamError]:
        upstream = Upstream(settings())
        answer = await upstream.open("POST", provider.url(), HEADERS, b"{}")
        got = b""
        with pytest.raises(UpstreamError) as caught:
            async for chunk in answer.chunks():
                got += chunk
                provider.note("got")
        await upstream.aclose()
        return got, caught.value

    with Provider(script) as provider:
        got, error = run(read(provider))
    assert got == b"data: 1\n\ndata: 2\n\n"
    assert (error.code, error.status, error.sent) == ("disconnected", 502, True)


def test_bytes_that_waited_when_the_connection_broke_are_delivered():
    """The reader was busy when bytes and end arrived: the bytes come first, then the failure."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(STREAM + chunked(b"one", end=False))
        await connection.provider.until("first")
        await connection.say(chunked(b"two", end=False))

    async def read(provider: Provider) -> bytes:
        upstream = Upstream(settings())
        answer = await upstream.open("POST", provider.url(), HEADERS, b"{}")
        chunks = aiter(answer.chunks())
        got = await anext(chunks)
        provider.note("first")
        while answer._stream.error is None:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)
        with pytest.raises(UpstreamError):
            while True:
                got += await anext(chunks)
        await upstream.aclose()
        return got

    with Provider(script) as provider:
        assert run(read(provider)) == b"onetwo"


def test_defect_170_silence_between_two_pieces_is_a_timeout():
    """The read limit holds for each gap: a stream that keeps coming may last longer than it, a silent one may not."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(STREAM)
        for number in range(4):
            await connection.say(chunked(b"%d" % number, end=False))
            await connection.provider.until(f"got {number}")
        await connection.gone()

    async def read(provider: Provider) -> tuple[bytes, UpstreamError]:
        upstream = Upstream(settings(timeout=Timeout(read=0.4)))
        answer = await upstream.open("POST", provider.url(), HEADERS, b"{}")
        got = b""
        with pytest.raises(UpstreamError) as caught:
            async for chunk in answer.chunks():
                provider.wait_for("never", 0.15)
                for digit in chunk.decode():
                    provider.note(f"got {digit}")
                got += chunk
        await provider.told("gone")
        await upstream.aclose()
        return got, caught.value

    with Provider(script) as provider:
        got, error = run(read(provider))
    assert got == b"0123"
    assert (error.status, error.code, error.type) == (504, "read_timeout", "timeout")


def test_defect_170_silence_before_the_head_is_a_timeout():
    """A provider that takes the request and says nothing is a 504, and is not asked again."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.gone()

    with Provider(script) as provider:
        error = asked(provider.url(), timeout=Timeout(read=0.2))
        assert (error.status, error.code, error.sent) == (504, "read_timeout", True)
        assert provider.wait_for("gone")
        assert len(provider.requests) == 1


def test_head_has_no_body():
    """The length in an answer to HEAD is not waited for."""
    with Provider(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n")) as provider:
        status, _, body = asked(provider.url(), method="HEAD", body=b"")
    assert (status, body) == (200, b"")
