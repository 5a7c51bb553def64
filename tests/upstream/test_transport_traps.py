"""What goes wrong when this transport is used as it comes: each trap is closed, and this is how we know."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from upstream.provider_settings import HEADERS, asked, run, settings
from upstream.sockets import STREAM, Connection, Provider, answering, chunked, whole

from handlers.engine.transports import PooledTransport, PoolSettings, Timeout
from handlers.engine.upstream import Upstream

LIMITS = Timeout()


async def read(reply) -> bytes:
    body = b"".join([chunk async for chunk in reply.stream])
    await reply.stream.aclose()
    return body


def test_defect_215_a_url_goes_out_as_it_is_written():
    """No requoting: `%3A`, `%2F`, `~`, `+` and an empty query stay (a signature covers them); the fragment goes."""
    path = "/v1/m%3Aodel%2Fx/a~b+c;d@e:f%20g//h/../i?k=%3a&k=&e#fragment"
    with Provider(answering(whole())) as provider:
        asked(provider.url(path))
        assert provider.requests[0].startswith(b"POST " + path.partition("#")[0].encode() + b" HTTP/1.1\r\n")
        asked(provider.url(""), method="GET")
        asked(provider.url("?a=b"), method="GET")
        assert [request.split()[1] for request in provider.requests[1:]] == [b"/", b"/?a=b"]


def test_nothing_is_added_to_a_request_but_what_it_needs():
    """Host, length and accepted encodings are ours; a caller's own of these and of the connection stay out."""
    own = [
        (b"Host", b"evil"), (b"Content-Length", b"9"), (b"transfer-encoding", b"chunked"), (b"Connection", b"close"),
        (b"accept-encoding", b"gzip, br"),
    ]  # fmt: skip
    with Provider(answering(whole())) as provider:
        asked(provider.url(), headers=[*own, (b"x-a", b"1")], body=b"[]")
        asked(provider.url(), headers=[], body=b"", method="GET")
        host = b"host: 127.0.0.1:%d\r\naccept-encoding: identity\r\n" % provider.port
        assert provider.requests == [
            b"POST /v1/chat HTTP/1.1\r\n" + host + b"x-a: 1\r\ncontent-length: 2\r\n\r\n[]",
            b"GET /v1/chat HTTP/1.1\r\n" + host + b"\r\n",
        ]


@pytest.mark.parametrize("header", [(b"a\r\nb", b"c"), (b"a", b"b\r\nc: d"), (b"a", b"b\nc"), (b"a", b"b\0c")])
def test_a_header_cannot_hold_another(header):
    """A line break in a header is refused before anything is sent."""
    with Provider(answering(whole())) as provider:

        async def ask() -> None:
            transport = PooledTransport()
            with pytest.raises(ValueError, match="line break"):
                await transport.call("POST", provider.url(), [header], b"", LIMITS)
            await transport.aclose()

        run(ask())
        assert provider.connections == 0


@pytest.mark.parametrize("url", ["ftp://a/b", "a/b", "http://", "http://u:p@a/b", "http://a/b c", "http://a/\r\nx: y"])
def test_what_is_no_url_of_ours_is_refused(url):
    error = asked(url)
    assert (error.code, error.sent) == ("bad_url", False)
    assert url not in str(error)


def test_one_caller_s_cookie_is_not_sent_for_another():
    """Set-Cookie of one answer does not come back with the next request."""
    with Provider(answering(whole(headers=b"set-cookie: session=1; path=/\r\n"))) as provider:

        async def ask() -> None:
            upstream = Upstream(settings())
            for _ in range(2):
                await (await upstream.open("POST", provider.url(), HEADERS, b"{}")).read()
            await upstream.aclose()

        run(ask())
        assert len(provider.requests) == 2
        assert not any(b"cookie" in request.lower() for request in provider.requests)


def test_redirects_are_failures_that_say_where_to():
    """A key goes only where its owner has written, never where a server points; of its path nothing is told."""
    location = b"location: http://127.0.0.1:1/in?key=secret\r\n"
    with Provider(answering(whole(status=b"307 Over There", headers=location))) as provider:
        failure = asked(provider.url())
        assert (failure.status, failure.code, len(provider.requests)) == (502, "redirected", 1)
    assert str(failure) == (
        "The provider mock redirects to http://127.0.0.1:1 (307); its base_url must be where it answers."
    )


def test_a_status_that_is_none_is_a_failure():
    """Some servers say 999; no caller's HTTP has a word for it."""
    with Provider(answering(whole(status=b"999 Odd"))) as provider:
        failure = asked(provider.url())
    assert (failure.status, failure.code) == (502, "protocol_error")
    assert "999" in str(failure)


def test_more_calls_than_a_pool_of_a_hundred():
    """By default there is no limit: 150 streams are open at once, and each got its first bytes."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(STREAM + chunked(b"first", end=False))
        await connection.gone()

    with Provider(script) as provider:

        async def ask() -> None:
            upstream = Upstream(settings())

            async def one():
                answer = await upstream.open("POST", provider.url(), HEADERS, b"{}")
                assert await anext(aiter(answer.chunks())) == b"first"
                return answer

            answers = await asyncio.gather(*(one() for _ in range(150)))
            for answer in answers:
                await answer.aclose()
            await upstream.aclose()

        run(ask())
        assert provider.connections == 150


def test_a_limited_pool_says_so():
    """Who waits too long for a place hears PoolTimeout, not that of a connection; each way out frees the place."""

    async def script(connection: Connection) -> None:
        while (request := await connection.request()) is not None:
            await connection.say(STREAM + chunked(b"x", end=b"/open" not in request))

    with Provider(script) as provider:

        async def ask() -> None:
            transport = PooledTransport(settings=PoolSettings(limit=1))
            for _ in range(2):
                held = await transport.call("POST", provider.url("/open"), [], b"", LIMITS)
                with pytest.raises(httpx.PoolTimeout):
                    await transport.call("POST", provider.url(), [], b"", Timeout(pool=0.05))
                await held.stream.aclose()
                assert await read(await transport.call("POST", provider.url(), [], b"", LIMITS)) == b"x"
                with pytest.raises(httpx.ConnectError):
                    await transport.call("POST", "http://127.0.0.1:1/", [], b"", LIMITS)
            await transport.aclose()

        run(ask())


def test_a_timeout_holds_without_being_asked_for():
    """httpx's interface without `extensions` still has limits; with them, they are the ones that hold."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.gone()

    with Provider(script) as provider:

        async def ask() -> None:
            transport = PooledTransport()
            request = httpx.Request("POST", provider.url(), content=b"{}", extensions={"timeout": {"read": 0.1}})
            with pytest.raises(httpx.ReadTimeout):
                await transport.handle_async_request(request)
            await transport.aclose()

        run(ask())
    assert Timeout().read == 600
    assert Timeout().connect == 10


def test_it_is_a_transport_of_httpx():
    """Behind an ordinary client it answers like any other."""
    with Provider(answering(whole(b'{"a":1}'))) as provider:

        async def ask() -> None:
            async with httpx.AsyncClient(transport=PooledTransport(), trust_env=False) as client:
                response = await client.post(provider.url("/a%3Ab"), json={"x": 1})
                assert response.json() == {"a": 1}
                async with client.stream("POST", provider.url(), content=b"{}") as streamed:
                    assert b"".join([piece async for piece in streamed.aiter_raw()]) == b'{"a":1}'

        run(ask())
        assert provider.requests[0].startswith(b"POST /a%3Ab HTTP/1.1")
        assert provider.connections == 1


def test_another_transport_may_stand_behind_an_upstream():
    """A transport given instead of the network gets the same request: the URL, the headers, the limits."""
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, headers={"X-A": "b", "content-type": "Text/Plain; charset=x"}, content=b"fine")

    async def ask():
        upstream = Upstream(settings(), transport=httpx.MockTransport(answer))
        answered = await upstream.open("POST", "https://mock/v1", HEADERS, b"{}")
        assert answered.media_type == "text/plain"
        assert answered.header(b"x-a") == b"b"
        assert answered.header_map() == {"x-a": "b", "content-type": "Text/Plain; charset=x"}
        body = await answered.read()
        await upstream.aclose()
        return answered.status, body

    assert run(ask()) == (201, b"fine")
    assert seen[0].headers["authorization"] == "Bearer secret-key"
    assert seen[0].headers["accept-encoding"] == "identity"
    assert seen[0].extensions["timeout"]["read"] == 600
