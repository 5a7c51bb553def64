"""A gateway whose provider is a socket that plays a script."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator

import pytest
from serving import KEY, gateway
from upstream.sockets import Connection, Provider, Script

PROVIDERS = """
providers:
  o: {{type: openai, base_url: "http://127.0.0.1:{port}/v1", key: k-of-o-secret, models: {{m: {{}}}}}}
  a: {{type: anthropic, base_url: "http://127.0.0.1:{port}", key: k-of-a-secret, models: {{m: {{}}}}}}
"""
PING_AFTER = 0.3


class Caller:
    """The client's end: raw requests on sockets of its own."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self.address = (host, int(port))

    def send(self, path: str, body: dict[str, object]) -> socket.socket:
        """A request under way; the answer is still to come."""
        raw = json.dumps(body).encode()
        head = (f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(raw)}\r\nconnection: close\r\n\r\n")  # fmt: skip
        connection = socket.create_connection(self.address, 10)
        connection.sendall(head.encode() + raw)
        return connection

    def read(self, connection: socket.socket, until: bytes = b"") -> bytes:
        """All that comes, or all up to the first occurrence of `until`."""
        got = b""
        while not until or until not in got:
            piece = connection.recv(65536)
            if not piece:
                break
            got += piece
        return got

    def ask(self, path: str, body: dict[str, object]) -> bytes:
        with self.send(path, body) as connection:
            return self.read(connection)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Caller, Provider]]:
    """One gateway for all scripts: what a start costs is no part of what is tested here."""

    async def nothing(connection: Connection) -> None:
        connection.close()

    with (
        Provider(nothing) as provider,
        gateway(tmp_path_factory.mktemp("server"), PROVIDERS.format(port=provider.port), ping_after=PING_AFTER) as url,
    ):
        yield Caller(url), provider


@pytest.fixture
def playing(stage: tuple[Caller, Provider]) -> object:
    """A context: `with playing(script) as (caller, provider)`."""
    caller, provider = stage

    @contextlib.contextmanager
    def play(script: Script) -> Iterator[tuple[Caller, Provider]]:
        provider.script = script
        provider.begin_again()
        yield caller, provider

    return play
