"""Requests that are signed: by the published algorithm, over what is really sent, with secrets that nobody sees."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from providers.converse_server import signature
from serving import home_with

from handlers.engine import signing
from handlers.engine.configuration import load_configuration
from handlers.engine.errors import UpstreamError
from handlers.engine.overview import overview
from handlers.engine.signing import Auth
from handlers.engine.transports import Upload
from handlers.engine.upstream import Upstream

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
AUTH = Auth(service="bedrock", region="eu-west-1", access_key="AKIDEXAMPLE", secret_key=SECRET, session_token="token")
PROVIDER = """
providers:
  signed:
    type: bedrock
    base_url: http://127.0.0.1:9
    auth:
      scheme: sigv4
      service: bedrock
      region: ${AWS_REGION}
      access_key: ${AWS_ACCESS_KEY_ID}
      secret_key: ${AWS_SECRET_ACCESS_KEY}
      session_token: ${AWS_SESSION_TOKEN}
"""
ENVIRONMENT = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET}


def test_the_stand_in_s_algorithm_is_the_published_one() -> None:
    """`get-vanilla` of the vendor's own test suite."""
    given = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"}
    made = signature("GET", "/", "", given, "host;x-amz-date", b"", "20150830/us-east-1/service/aws4_request",
                     "20150830T123600Z", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")  # fmt: skip
    assert made == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"


URLS = [
    "https://bedrock-runtime.eu-west-1.amazonaws.com/model/anthropic.claude-v2%3A1/converse",
    "https://bedrock-runtime.eu-west-1.amazonaws.com/model/arn%3Aaws%3Abedrock%3A%3A%3Afoundation-model%2Fm/converse-stream",
    "https://vpce-1.example:8443/model/m/converse",
    "http://127.0.0.1:8080/model/gr%C3%BC%C3%9Fe%20x/converse?b=2&a=1%2F2",
]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("body", [b"", b"{}", "{\"a\": \"ü😀\"}".encode()], ids=["nothing", "an object", "no ASCII"])
def test_what_is_signed_is_what_is_sent(url: str, body: bytes) -> None:
    """An escape in the path is signed as it stands: `%3A` stays `%3A`."""
    headers = dict(asyncio.run(AUTH.signer()("POST", url, [(b"content-type", b"application/json"), (b"user-agent", b"morello")], body)))
    told = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})",
                        headers[b"authorization"].decode())  # fmt: skip
    assert told is not None
    scope, signed, made = told.groups()
    assert signed == "content-type;host;x-amz-date;x-amz-security-token"
    _, _, rest = url.partition("://")
    host, _, rest = rest.partition("/")
    path, _, query = f"/{rest}".partition("?")
    sent = {**{name.decode(): value.decode() for name, value in headers.items()}, "host": host}
    assert made == signature("POST", path, query, sent, signed, body, scope, sent["x-amz-date"], SECRET)
    assert headers[b"x-amz-security-token"] == b"token"
    assert headers[b"user-agent"] == b"morello"


def test_each_attempt_is_signed_and_the_secret_stays_here(tmp_path: Path) -> None:
    """The transport gets the URL as it was written, one authorization, and nowhere the secret."""
    provider = load_configuration(home_with(tmp_path, PROVIDER), ENVIRONMENT).providers["signed"]
    sent: list[httpx.Request] = []

    class Played(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            sent.append(request)
            return httpx.Response(200, content=b"{}")

    door = provider.main
    url = door.url(model="eu.anthropic.claude-v1:0", stream=False)

    async def ask(body: Any) -> Any:
        upstream = Upstream(provider, transport=Played())
        return await upstream.open("POST", url, door.headers({"model": "x", "stream": False}), body)

    asyncio.run(ask(b"{}"))
    assert url.endswith("/model/eu.anthropic.claude-v1%3A0/converse")
    assert sent[0].url.raw_path == b"/model/eu.anthropic.claude-v1%3A0/converse"
    values = [value for name, value in sent[0].headers.raw if name == b"authorization"]
    assert len(values) == 1
    assert values[0].startswith(b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert SECRET.encode() not in repr(sent[0].headers.raw).encode()
    with pytest.raises(UpstreamError) as caught:
        asyncio.run(ask(Upload(iter(()), None)))  # type: ignore[arg-type]
    assert (caught.value.status, caught.value.code) == (400, "not_signable")


def test_a_token_may_be_unset_and_nothing_else(tmp_path: Path) -> None:
    """Keys that do not expire have no session token."""
    home = home_with(tmp_path, PROVIDER)
    without = load_configuration(home, ENVIRONMENT).providers["signed"]
    assert without.off is None
    assert without.auth is not None
    assert without.auth.session_token is None
    with_token = load_configuration(home, {**ENVIRONMENT, "AWS_SESSION_TOKEN": "temporary-token"})
    assert with_token.providers["signed"].auth.session_token == "temporary-token"  # type: ignore[union-attr]
    for name in ENVIRONMENT:
        off = load_configuration(home, {key: value for key, value in ENVIRONMENT.items() if key != name}).providers["signed"].off
        assert off is not None
        assert name in off


def test_nobody_sees_the_secret(tmp_path: Path) -> None:
    """Not in the overview, nor in a repr, nor in any error that quotes it."""
    configuration = load_configuration(home_with(tmp_path, PROVIDER), {**ENVIRONMENT, "AWS_SESSION_TOKEN": "temporary-token"})
    assert {SECRET, "temporary-token"} <= set(configuration.secrets)
    shown = repr(configuration.providers) + repr(configuration.providers["signed"].auth) + "\n".join(overview(configuration))
    assert SECRET not in shown
    assert "temporary-token" not in shown


def test_without_the_package_the_provider_is_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says what to install; nobody else is bothered."""
    monkeypatch.setattr(signing.importlib.util, "find_spec", lambda name: None)
    configuration = load_configuration(home_with(tmp_path, PROVIDER), ENVIRONMENT)
    assert configuration.providers["signed"].off == 'auth needs a package that is not installed: pip install "morello[aws]"'


def test_a_secret_in_the_file_is_warned_of(tmp_path: Path) -> None:
    home = home_with(tmp_path, PROVIDER.replace("${AWS_SECRET_ACCESS_KEY}", SECRET))
    warnings = [problem for problem in load_configuration(home, ENVIRONMENT).warnings if "key is written" in str(problem)]
    assert len(warnings) == 1
    assert SECRET not in str(warnings[0])
