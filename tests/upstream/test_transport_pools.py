"""The pool: who gets which connection, when one is given up, and where the addresses come from."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest
from upstream.provider_settings import run, settings
from upstream.sockets import STREAM, Connection, Provider, answering, chunked, whole
from upstream.transport_states import LIMITS, ask, asked, at_rest, open_connections, pooled

from handlers.engine import addresses, pools
from handlers.engine.errors import UpstreamError
from handlers.engine.pools import PoolSettings, server_keeps
from handlers.engine.providers import Connections, Timeout
from handlers.engine.transports import origin_of
from handlers.engine.upstream import Upstream


def holding(*, until: str):
    """A script that holds each call until something has happened."""

    async def script(connection: Connection) -> None:
        while await connection.request() is not None:
            connection.provider.note(f"asked {len(connection.provider.requests)}")
            await connection.provider.until(until)
            await connection.say(whole(b"%d" % connection.provider.connections))

    return script


# ---- who gets which ---------------------------------------------------------------------------------------------


def test_the_connection_used_last_is_used_next():
    """So that the others become idle, and go."""
    with Provider(holding(until="go")) as provider:

        async def call() -> None:
            async with pooled() as transport:
                calls = [asyncio.create_task(asked(transport, provider.url())) for _ in range(3)]
                await provider.told("asked 3")
                provider.note("go")
                await asyncio.gather(*calls)
                await at_rest(transport)
                (pool,) = transport._pools.values()
                assert len(pool.idle) == 3
                last = list(pool.idle)[-1]
                for _ in range(5):
                    await asked(transport, provider.url())
                    assert list(pool.idle)[-1] is last

        run(call())
        assert provider.connections == 3


def test_places_are_given_in_the_order_in_which_they_were_asked_for():
    """Who leaves the queue, or is too late, gives his place to the next one; nobody is forgotten."""
    order: list[int] = []
    with Provider(holding(until="go")) as provider:

        async def call() -> None:
            async with pooled(PoolSettings(limit=1)) as transport:

                async def one(number: int, seconds: float = 5) -> None:
                    await asked(transport, provider.url(), limits=LIMITS._replace(pool=seconds))
                    order.append(number)

                calls = [asyncio.create_task(one(number)) for number in range(6)]
                late = asyncio.create_task(one(6, 0.1))
                await provider.told("asked 1")
                calls[2].cancel()
                await asyncio.wait([late])
                assert isinstance(late.exception(), httpx.PoolTimeout)
                calls[4].cancel()
                provider.note("go")
                await asyncio.gather(*calls, return_exceptions=True)

        run(call())
    assert order == [0, 1, 3, 5]
    assert provider.connections == 1


def test_an_operator_may_limit_the_calls_of_a_provider():
    """`connections: {limit: 1}`: the second one waits, for as long as `timeout: {pool: …}` says."""
    with Provider(holding(until="go")) as provider:

        async def call() -> None:
            upstream = Upstream(settings(connections=Connections(limit=1), timeout=Timeout(pool=0.05)))
            first = asyncio.create_task(upstream.open("POST", provider.url(), [], b"{}"))
            await provider.told("asked 1")
            with pytest.raises(UpstreamError) as caught:
                await upstream.open("POST", provider.url(), [], b"{}")
            assert (caught.value.status, caught.value.code, caught.value.sent) == (503, "pool_timeout", False)
            provider.note("go")
            assert await (await first).read() == b"1"
            await upstream.aclose()

        run(call())
        assert len(provider.requests) == 1


# ---- given up ---------------------------------------------------------------------------------------------------


def test_what_is_idle_for_too_long_is_closed():
    """Without another call: the sockets go."""
    with Provider(holding(until="go")) as provider:

        async def call() -> None:
            async with pooled(PoolSettings(idle_for=0.2)) as transport:
                calls = [asyncio.create_task(asked(transport, provider.url())) for _ in range(3)]
                await provider.told("asked 3")
                provider.note("go")
                await asyncio.gather(*calls)
                async with asyncio.timeout(5):
                    while open_connections(transport):  # noqa: ASYNC110 - there is no event for it
                        await asyncio.sleep(0.01)
                assert await asked(transport, provider.url()) == b"4"

        run(call())


def test_what_was_idle_for_too_long_is_not_used():
    """Even if nobody had the time to close it: the loop was held."""
    with Provider(answering(whole(b"ok"))) as provider:

        async def call() -> None:
            async with pooled(PoolSettings(idle_for=0.1)) as transport:
                await asked(transport, provider.url())
                provider.wait_for("never", 0.2)
                await asked(transport, provider.url())

        run(call())
        assert provider.connections == 2


def test_a_server_s_own_limit_counts():
    """`Keep-Alive: timeout=…` is believed, less a second for the way; it never lengthens ours."""
    with Provider(answering(whole(b"ok", headers=b"Keep-Alive: max=9, timeout=1\r\n"))) as provider:

        async def call() -> None:
            async with pooled() as transport:
                for _ in range(2):
                    await asked(transport, provider.url())

        run(call())
        assert provider.connections == 2


KEPT = [
    ([(b"Keep-Alive", b"timeout=5")], 4),
    ([(b"x", b"y"), (b"keep-alive", b"max=100, Timeout = 60 ")], 59),
    ([(b"keep-alive", b"timeout=0")], 0),
    ([(b"keep-alive", b"timeout=soon")], float("inf")),
    ([], float("inf")),
]


@pytest.mark.parametrize(("headers", "seconds"), KEPT)
def test_how_long_a_server_keeps_a_connection(headers, seconds):
    assert server_keeps(headers) == seconds


@pytest.mark.parametrize("kept", [PoolSettings(age=0), PoolSettings(idle_for=0)], ids=["old", "not kept"])
def test_a_connection_that_is_old_is_not_used_again(kept):
    """So a name that has moved is followed; the answer itself is not touched."""
    with Provider(answering(whole(b"ok"))) as provider:

        async def call() -> None:
            async with pooled(kept) as transport:
                for _ in range(3):
                    assert await asked(transport, provider.url()) == b"ok"

        run(call())
        assert provider.connections == 3


def test_no_more_are_kept_than_wanted():
    with Provider(holding(until="go")) as provider:

        async def call() -> None:
            async with pooled(PoolSettings(idle=2)) as transport:
                calls = [asyncio.create_task(asked(transport, provider.url())) for _ in range(5)]
                await provider.told("asked 5")
                provider.note("go")
                await asyncio.gather(*calls)
                await at_rest(transport)
                assert open_connections(transport) == 2

        run(call())


def test_one_origin_s_connections_are_not_another_s():
    """Scheme, host and port tell them apart; the path does not."""
    with Provider(answering(whole(b"one"))) as one, Provider(answering(whole(b"other"))) as other:

        async def call() -> None:
            async with pooled() as transport:
                for path in ("/a", "/b"):
                    assert await asked(transport, one.url(path)) == b"one"
                    assert await asked(transport, other.url(path)) == b"other"
                assert await asked(transport, one.url().replace("127.0.0.1", "LOCALHOST")) == b"one"

        run(call())
        assert (one.connections, other.connections) == (2, 1)


# ---- addresses --------------------------------------------------------------------------------------------------


ORIGINS = [
    ("https", "a.test", ("https", "a.test", 443)),
    ("http", "A.test:8080", ("http", "a.test", 8080)),
    ("http", "[::1]:80", ("http", "::1", 80)),
    ("http", "[fe80::1%25eth0]", ("http", "fe80::1%eth0", 80)),
]


@pytest.mark.parametrize(("scheme", "authority", "origin"), ORIGINS)
def test_where_a_url_leads(scheme, authority, origin):
    assert origin_of(scheme, authority) == origin


@pytest.mark.parametrize("authority", [":80", "a:b", "a:99999", "[::1", "ü.test", "a/b"])
def test_what_leads_nowhere(authority):
    with pytest.raises(ValueError):
        origin_of("http", authority)


def known_as(monkeypatch, *places: tuple[str, int]) -> list[str]:
    """Let every name have these addresses; the list tells what was asked for."""
    questions: list[str] = []

    async def looked_up(host: str, _port: int):
        questions.append(host)
        await asyncio.sleep(0)
        return [addresses.numeric_address(*place) for place in places]

    monkeypatch.setattr(addresses, "looked_up", looked_up)
    return questions


def test_an_address_that_refuses_is_not_the_last_one(monkeypatch):
    """IPv6 is first and nobody is there: the next address is taken."""
    with Provider(answering(whole(b"ok"))) as provider:
        known_as(monkeypatch, ("::1", 1), ("127.0.0.1", provider.port))

        async def call() -> None:
            async with pooled() as transport:
                assert await asked(transport, f"http://name.test:{provider.port}/") == b"ok"

        run(call())
        assert f"host: name.test:{provider.port}\r\n".encode() in provider.requests[0]


def test_an_address_that_does_not_answer_is_not_waited_for(monkeypatch):
    """The next one is tried beside it, long before the limit; its socket goes when the other is there."""
    tried = []
    started = addresses.start_connection

    async def start_connection(infos, **given):
        assert given == {"happy_eyeballs_delay": addresses.NEXT_ADDRESS_AFTER}
        tried.append(infos)
        return await started(infos, **given)

    monkeypatch.setattr(addresses, "start_connection", start_connection)
    with Provider(answering(whole(b"ok"))) as provider, socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        place = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(place)
        known_as(monkeypatch, place, ("127.0.0.1", provider.port))

        async def call() -> None:
            async with pooled() as transport:
                assert await asked(transport, "http://name.test/") == b"ok"

        run(call())
        for filler in fillers:
            filler.close()
    assert len(tried[0]) == 2


def test_a_name_is_asked_for_once_by_many(monkeypatch):
    """A hundred connections in one moment are one question; a later one is a new question."""
    with Provider(holding(until="go")) as provider:
        questions = known_as(monkeypatch, ("127.0.0.1", provider.port))

        async def call() -> None:
            async with pooled(PoolSettings(age=0)) as transport:
                calls = [asyncio.create_task(asked(transport, "http://name.test/")) for _ in range(20)]
                await provider.told("asked 20")
                assert questions == ["name.test"]
                provider.note("go")
                await asyncio.gather(*calls)
                monkeypatch.setattr(addresses, "monotonic", lambda: 1e9)
                await asked(transport, "http://name.test/")
                assert questions == ["name.test"] * 2

        run(call())


def test_a_name_that_has_moved_is_followed(monkeypatch):
    """Where nobody is any more, the name is asked for again at the next attempt."""
    with Provider(answering(whole(b"there"))) as provider:
        questions = known_as(monkeypatch, ("127.0.0.1", 1))

        async def call() -> None:
            async with pooled() as transport:
                with pytest.raises(httpx.ConnectError):
                    await ask(transport, "http://name.test/")
                more = known_as(monkeypatch, ("127.0.0.1", provider.port))
                assert await asked(transport, "http://name.test/") == b"there"
                assert (questions, more) == (["name.test"], ["name.test"])

        run(call())


def test_who_stops_waiting_for_a_name_does_not_stop_the_others(monkeypatch):
    """One question serves all: cancelling one of them must not cancel it."""
    with Provider(answering(whole(b"ok"))) as provider:
        answer = asyncio.Event()

        async def looked_up(_host: str, _port: int):
            await answer.wait()
            return [addresses.numeric_address("127.0.0.1", provider.port)]

        monkeypatch.setattr(addresses, "looked_up", looked_up)

        async def call() -> None:
            async with pooled() as transport:
                one, other = (asyncio.create_task(asked(transport, "http://name.test/")) for _ in range(2))
                await asyncio.sleep(0)
                one.cancel()
                await asyncio.wait([one])
                assert one.cancelled()
                answer.set()
                assert await other == b"ok"

        run(call())


def test_ipv6_goes_without_a_name():
    """An address in brackets is one, and stays in brackets where the server reads it."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(whole(head.split(b"\r\n")[1]))
        await writer.drain()
        writer.close()

    async def call() -> None:
        server = await asyncio.start_server(serve, "::1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, pooled(rests=False) as transport:
            assert await asked(transport, f"http://[::1]:{port}/", b"") == b"host: [::1]:%d" % port

    run(call())


def test_connections_are_probed_while_they_wait():
    """A model may think for minutes; what is between must not forget the connection."""
    with Provider(answering(whole(b"ok"))) as provider:

        async def call() -> None:
            async with pooled() as transport:
                await asked(transport, provider.url())
                (pool,) = transport._pools.values()
                descriptor = next(iter(pool.idle)).transport.get_extra_info("socket").fileno()
                with socket.socket(fileno=socket.dup(descriptor)) as own:
                    assert own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                    assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

        run(call())


def test_a_connection_that_broke_while_it_was_made_was_not_used(monkeypatch):
    """It is closed before anything is sent: that may be tried again."""
    original = pools.Pool._connect

    async def broken(self):
        connection = await original(self)
        connection.transport.abort()
        return connection

    with Provider(Connection.gone) as provider:
        monkeypatch.setattr(pools.Pool, "_connect", broken)

        async def call() -> None:
            async with pooled() as transport:
                with pytest.raises(httpx.ConnectError):
                    await ask(transport, provider.url())
                await provider.told("gone")

        run(call())
        assert not provider.requests


def test_a_stream_counts_until_its_end():
    """A place is taken until the last byte, not until the head."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(STREAM + chunked(b"x", end=False))
        await connection.provider.until("go")
        await connection.say(chunked())
        await answering(whole(b"ok"))(connection)

    with Provider(script) as provider:

        async def call() -> None:
            async with pooled(PoolSettings(limit=1)) as transport:
                reply = await ask(transport, provider.url())
                waiting = asyncio.create_task(asked(transport, provider.url()))
                done, _ = await asyncio.wait([waiting], timeout=0.1)
                assert not done
                provider.note("go")
                assert [piece async for piece in reply.stream] == [b"x"]
                assert await waiting == b"ok"

        run(call())
        assert provider.connections == 1
