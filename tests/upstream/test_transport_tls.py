"""The event loop's TLS under the transport: names, protocols, certificates, large bodies, and ends of all kinds."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from upstream.provider_settings import run, settings
from upstream.sockets import STREAM, Connection, Provider, answering, chunked, whole
from upstream.transport_states import LIMITS, SHORT, ask, asked, at_rest, open_connections, pooled

from handlers.engine import addresses, transports
from handlers.engine.bodies import Upload
from handlers.engine.providers import Tls
from handlers.engine.transports import tls_context
from handlers.engine.upstream import tls_of
from handlers.engine.upstreams import Upstreams

FILES = Path(__file__).parent / "certificates"
CA, CERT, KEY = (str(FILES / name) for name in ("ca.pem", "client.pem", "client.key"))
MEGABYTE = 1 << 20


def serving(*, asks: bool = False, protocols: tuple[str, ...] = (), version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FILES / "server.pem", FILES / "server.key")
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(CA)
    if version is not None:
        context.maximum_version = version
    return context


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_connection_serves_many_calls(version):
    """Tickets and their like, which arrive when they please, are no answers and condemn nothing."""
    with Provider(answering(whole(b"ok")), context=serving(version=version)) as provider:

        async def call() -> None:
            async with pooled(context=tls_context(ca=CA)) as transport:
                for _ in range(20):
                    assert await asked(transport, provider.url()) == b"ok"
                    await asyncio.sleep(0)

        run(call())
        assert provider.connections == 1


def test_the_server_is_told_its_name_and_our_protocol():
    """Name and protocol are in the first message; a server that could do more speaks HTTP/1.1."""
    context, names = serving(protocols=("h2", "http/1.1")), []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    spoken = []

    async def script(connection: Connection) -> None:
        spoken.append(connection.writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await answering(whole(b"ok"))(connection)

    with Provider(script, context=context) as provider:

        async def call() -> None:
            # What httpx's transport does to the settings that it was given:
            tls_context(ca=CA, http2=True).set_alpn_protocols(["http/1.1", "h2"])
            async with pooled(context=tls_context(ca=CA)) as transport:
                for host in ("localhost", "127.0.0.1"):
                    assert await asked(transport, provider.url().replace("127.0.0.1", host)) == b"ok"

        run(call())
    assert names == ["localhost", None]
    assert spoken == ["http/1.1"] * 2


REFUSED = [
    pytest.param({}, "127.0.0.1", id="an authority nobody knows"),
    pytest.param({"ca": CA}, "other.test", id="another host's certificate"),
]


@pytest.mark.parametrize(("trusted", "host"), REFUSED)
def test_a_certificate_that_is_not_right_is_a_connect_error(trusted, host, monkeypatch):
    """The system's own words are its cause, nothing was sent, and the socket is closed."""

    async def script(connection: Connection) -> None:
        await connection.request()

    with Provider(script, context=serving()) as provider:

        async def looked_up(_host: str, port: int):
            return [addresses.numeric_address("127.0.0.1", port)]

        monkeypatch.setattr(addresses, "looked_up", looked_up)

        async def call() -> None:
            async with pooled(context=tls_context(**trusted)) as transport:
                with pytest.raises(httpx.ConnectError) as caught:
                    await ask(transport, provider.url().replace("127.0.0.1", host))
                assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value.__cause__)

        run(call())
        assert not provider.requests


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_certificate_of_ours_is_shown_and_missed(version):
    """With it the call is fine; without it there is no answer, and no second request."""
    with Provider(answering(whole(b"ok")), context=serving(asks=True, version=version)) as provider:

        async def call() -> None:
            async with pooled(context=tls_context(ca=CA, cert=CERT, key=KEY)) as transport:
                assert await asked(transport, provider.url()) == b"ok"
            async with pooled(context=tls_context(ca=CA)) as transport:
                with pytest.raises((httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)):
                    await ask(transport, provider.url())

        run(call())
        assert len(provider.requests) == 1


def test_the_settings_for_the_same_files_are_read_once():
    """However they are asked for: reading all authorities takes longer than a call."""
    assert tls_context() is tls_context(True, None, None, None, trust_env=True)
    assert tls_context() is not tls_context(http2=True)
    assert tls_context(ca=CA) is not tls_context(verify=False, ca=CA)


def test_the_settings_are_for_https_only():
    """Who has a local provider does not read all authorities for it; who then goes to https, has his own settings."""
    made = []

    def making() -> ssl.SSLContext:
        made.append(1)
        return tls_context(ca=CA)

    with Provider(answering(whole(b"ok"))) as plain, Provider(answering(whole(b"ok")), context=serving()) as provider:

        async def call() -> None:
            async with pooled(context=making) as transport:
                assert await asked(transport, plain.url()) == b"ok"
                assert made == []
                for _ in range(2):
                    assert await asked(transport, provider.url()) == b"ok"
                assert made == [1]

        run(call())


def test_the_files_of_all_providers_are_read_before_the_first_call():
    """In a thread, at the start; a file that cannot be read is that provider's error, when it is called."""
    tls_settings = [Tls(), Tls(verify=False), Tls(ca=CA), Tls(ca="/no/such/file.pem")]
    providers = [settings(tls=tls, base_url="https://x.test") for tls in tls_settings]
    transports._tls_context.cache_clear()
    run(Upstreams().prepare([*providers, settings(base_url="http://x.test", tls=Tls(verify=False, ca=CA))]))
    before = transports._tls_context.cache_info()
    assert before.currsize == 3
    for provider in providers[:3]:
        tls_of(provider)
    assert transports._tls_context.cache_info().misses == before.misses


def test_large_bodies_go_both_ways():
    body = bytes(range(256)) * (16 * 1024)

    async def script(connection: Connection) -> None:
        while (request := await connection.request()) is not None:
            await connection.say(whole(request.partition(b"\r\n\r\n")[2]))

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    with Provider(script, context=serving()) as provider:

        async def call() -> None:
            async with pooled(context=tls_context(ca=CA)) as transport:
                for sent in (body, Upload(pieces(), len(body)), body[:70_000]):
                    got = await asked(transport, provider.url(), sent)
                    assert got == (body[:70_000] if sent == body[:70_000] else body)
                assert open_connections(transport) == 1

        run(call())


ENDS = {
    "closes": (lambda connection: connection.close(), {httpx.RemoteProtocolError}),
    "aborts": (lambda connection: connection.abort(), {httpx.RemoteProtocolError, httpx.ReadError}),
    "resets": (lambda connection: connection.reset(), {httpx.ReadError, httpx.RemoteProtocolError}),
    "says nothing": (lambda _: None, {httpx.ReadTimeout}),
    "is left": (lambda _: None, {asyncio.CancelledError}),
}


@pytest.mark.parametrize("when", ["after the request", "in a body"])
@pytest.mark.parametrize("how", ENDS)
def test_a_failure_under_tls_has_its_name(when, how):
    """The connection closes at once, whatever the server still says, and the next call has another one."""
    end, expected = ENDS[how]

    async def script(connection: Connection) -> None:
        if connection.provider.connections > 1:
            await answering(whole(b"fine"))(connection)
            return
        await connection.request()
        if when == "in a body":
            await connection.say(STREAM + chunked(b"abc", end=False))
        connection.provider.note("said")
        await connection.provider.until("heard")
        end(connection)
        await connection.gone()

    with Provider(script, context=serving()) as provider:

        async def call() -> BaseException | None:
            got = b""
            async with pooled(context=tls_context(ca=CA)) as transport:

                async def one() -> None:
                    nonlocal got
                    reply = await ask(transport, provider.url(), limits=SHORT if how == "says nothing" else LIMITS)
                    async for piece in reply.stream:
                        got += piece

                calling = asyncio.create_task(one())
                await provider.told("said")
                while when == "in a body" and not got:  # noqa: ASYNC110 - there is no event for it
                    await asyncio.sleep(0.001)
                provider.note("heard")
                if how == "is left":
                    calling.cancel()
                await asyncio.wait([calling])
                await at_rest(transport)
                assert open_connections(transport) == 0
                assert await asked(transport, provider.url()) == b"fine"
            return asyncio.CancelledError() if calling.cancelled() else calling.exception()

        assert type(run(call())) in expected
        assert len(provider.requests) == 2


def test_a_slow_reader_holds_up_a_server_under_tls():
    """Decrypted bytes are not piled up either."""
    said = 0

    async def script(connection: Connection) -> None:
        nonlocal said
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (32 * MEGABYTE))
        for _ in range(512):
            await connection.say(b"x" * 65536)
            said += 65536

    with Provider(script, context=serving()) as provider:

        async def call() -> None:
            async with pooled(context=tls_context(ca=CA)) as transport:
                reply = await ask(transport, provider.url())
                before = -1
                while before < said:
                    before = said
                    await asyncio.sleep(0.2)
                assert said < 24 * MEGABYTE
                assert reply.stream.size < 2 * MEGABYTE
                assert sum([len(piece) async for piece in reply.stream]) == 32 * MEGABYTE

        run(call())


def test_a_server_that_takes_nothing_under_tls_is_a_timeout():
    async def script(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        connection.writer.transport.pause_reading()
        await connection.provider.until("done")

    with Provider(script, context=serving()) as provider:

        async def call() -> None:
            async with pooled(context=tls_context(ca=CA)) as transport:
                for size in (900_000, 32 * MEGABYTE):
                    with pytest.raises((httpx.WriteTimeout, httpx.ReadTimeout)):
                        await ask(transport, provider.url(), b"x" * size, SHORT)
                provider.note("done")

        run(call())
