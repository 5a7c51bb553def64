"""TLS with authorities and certificates of our own, and providers behind a proxy, over a real one."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
from upstream.provider_settings import HEADERS, asked, run, settings
from upstream.proxy_server import proxying
from upstream.sockets import Provider, answering, whole

from handlers.engine.providers import Retries, Tls
from handlers.engine.proxies import proxy_of
from handlers.engine.upstream import Upstream

FILES = Path(__file__).parent / "certificates"
CA, CERT, KEY = (str(FILES / name) for name in ("ca.pem", "client.pem", "client.key"))
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
ONCE = Retries(unsent=0)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    """The environment of whoever runs the tests says nothing about proxies."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def server_context(*, asks: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FILES / "server.pem", FILES / "server.key")
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(CA)
    return context


# ---- TLS --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [Tls(ca=CA), Tls(verify=False), Tls(verify=False, ca=CA)], ids=str)
def test_a_provider_with_an_authority_of_its_own(tls):
    """`ca` names who is trusted; `verify: false` trusts anybody."""
    with Provider(answering(whole(b"ok")), context=server_context()) as provider:
        assert asked(provider.url(), tls=tls)[2] == b"ok"


def test_a_certificate_nobody_vouches_for_is_a_502_that_was_not_sent():
    """The reason is told, no request went out."""
    with Provider(answering(whole(b"ok")), context=server_context()) as provider:
        error = asked(provider.url(), retries=ONCE)
        assert (error.status, error.code, error.sent) == (502, "tls_error", False)
        assert "its certificate was not accepted" in str(error)
        assert not provider.requests


def test_a_certificate_for_another_name_is_refused():
    """The authority is right, the host is not the certificate's."""
    with Provider(answering(whole(b"ok")), context=server_context()) as provider:
        url = provider.url().replace("127.0.0.1", "127.0.0.2")
        error = asked(url, retries=ONCE, tls=Tls(ca=CA))
    assert error.code in ("tls_error", "connect_error")
    assert error.sent is False


def test_a_server_that_speaks_no_tls_is_a_502_that_was_not_sent():
    """What answers a handshake in plain text is no server we may send a key to."""

    async def plain(connection) -> None:
        await connection.say(whole(b"ok"))
        await connection.gone()

    with Provider(plain) as provider:
        error = asked(provider.url().replace("http:", "https:"), retries=ONCE)
    assert (error.status, error.code, error.sent) == (502, "tls_error", False)


def test_our_own_certificate_is_shown_to_a_server_that_asks():
    with Provider(answering(whole(b"ok")), context=server_context(asks=True)) as provider:
        assert asked(provider.url(), tls=Tls(ca=CA, cert=CERT, key=KEY))[2] == b"ok"


def test_a_file_that_cannot_be_read_is_an_error_of_that_provider_only():
    error = asked("https://127.0.0.1:1/", tls=Tls(ca="/no/such/file.pem"))
    assert (error.code, error.sent) == ("tls_error", False)


# ---- proxies ----------------------------------------------------------------------------------------------------


def test_http_proxy_is_honoured(monkeypatch):
    """The request goes through the proxy with its target as it is written, and the answer comes back."""
    with Provider(answering(whole(b"ok"))) as provider, Provider(proxying(port=provider.port)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert asked("http://provider.test/v1%3Ax?k=%2F", trust_env=True)[2] == b"ok"
        assert proxy.requests[0].startswith(b"POST http://provider.test/v1%3Ax?k=%2F HTTP/1.1\r\n")
        assert b"accept-encoding: identity" in provider.requests[0].lower()


def test_https_proxy_is_honoured(monkeypatch):
    """A tunnel, TLS through it to the provider, whose certificate is checked by its own name."""
    with (
        Provider(answering(whole(b"ok")), context=server_context()) as provider,
        Provider(proxying(port=provider.port)) as proxy,
    ):
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.port}")
        assert asked("https://localhost/v1", trust_env=True, tls=Tls(ca=CA))[2] == b"ok"
        assert proxy.requests[0].startswith(b"CONNECT localhost:443 HTTP/1.1\r\n")


def test_a_proxy_that_refuses_is_a_502_that_was_not_sent():
    with Provider(proxying(port=0, refuse=b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")) as proxy:
        error = asked("https://provider.test/v1", proxy=f"http://127.0.0.1:{proxy.port}", retries=ONCE)
    assert (error.status, error.code, error.sent) == (502, "proxy_error", False)


def test_a_proxy_that_is_not_there_is_a_502_that_was_not_sent():
    error = asked("http://provider.test/v1", proxy="http://127.0.0.1:1", retries=ONCE)
    assert (error.status, error.code, error.sent) == (502, "connect_error", False)


def test_a_proxy_of_a_kind_we_do_not_speak_says_so():
    error = asked("http://provider.test/v1", proxy="gopher://127.0.0.1:1")
    assert (error.status, error.code, error.sent) == (502, "proxy_error", False)


def test_without_trust_in_the_environment_there_is_no_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with Provider(answering(whole(b"ok"))) as provider:
        assert asked(provider.url(), trust_env=False)[2] == b"ok"


def test_through_a_proxy_a_cut_answer_is_the_same_failure():
    """httpx's own transport behind the proxy fails in the same words."""

    async def cut(connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")

    with Provider(cut) as provider, Provider(proxying(port=provider.port)) as proxy:
        error = asked("http://provider.test/v1", proxy=f"http://127.0.0.1:{proxy.port}")
    assert (error.status, error.code, error.sent) == (502, "disconnected", True)


NO_PROXY = [
    ("http://a.test/", "", True),
    ("http://a.test/", "a.test", False),
    ("http://b.a.test:8080/", ".a.test", False),
    ("http://b.a.test/", "a.test", False),
    ("http://ba.test/", "a.test", True),
    ("http://a.test/", "*", False),
    ("http://10.1.2.3/", "10.0.0.0/8, x", False),
    ("http://11.1.2.3/", "10.0.0.0/8", True),
    ("http://[::1]:8080/", "::1/128", False),
    ("https://a.test/", "", False),
]


@pytest.mark.parametrize(("url", "exceptions", "proxied"), NO_PROXY)
def test_no_proxy_names_what_goes_straight(monkeypatch, url, exceptions, proxied):
    """Names, suffixes, everything, and ranges of addresses; and another scheme's proxy is not ours."""
    monkeypatch.setenv("http_proxy", "proxy.test:3128")
    monkeypatch.setenv("no_proxy", exceptions)
    assert proxy_of(url) == ("http://proxy.test:3128" if proxied else None)


def test_a_provider_in_no_proxy_is_reached_straight(monkeypatch):
    """As with a local model server behind a company's proxy."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.0/8")
    assert socket.gethostbyname("127.0.0.1") == "127.0.0.1"
    with Provider(answering(whole(b"ok"))) as provider:
        assert asked(provider.url(), trust_env=True)[2] == b"ok"


def test_leaving_under_tls_closes_at_once():
    """Neither the rest of a large request nor the peer's good-bye is waited for."""

    async def script(connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        connection.provider.note("asked")
        await connection.provider.until("left")
        await connection.gone()

    async def ask(provider: Provider) -> None:
        upstream = Upstream(settings(tls=Tls(ca=CA)))
        opening = asyncio.create_task(upstream.open("POST", provider.url(), HEADERS, b"x" * (16 << 20)))
        await provider.told("asked")
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        provider.note("left")
        await provider.told("gone")
        await upstream.aclose()

    with Provider(script, context=server_context()) as provider:
        run(ask(provider))
