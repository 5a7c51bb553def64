"""What only a real connection shows: framing, limits on heads, deadlines, and what is left of a connection afterwards."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import orjson
import pytest
from contract.asgi import KEY, small_app
from serving import served

from handlers.engine.contract import bodies
from handlers.engine.guard import GuardedProtocol

TALK = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
AUTH = b"Host: localhost\r\nX-API-Key: " + KEY + b"\r\n"
PATIENCE = 20.0
"""Longer than anything here may take; a test that waits as long has failed."""


class Impatient(GuardedProtocol):
    """The same guard, for a test that does not want to wait ten seconds."""

    head_seconds = 0.3
    unread_seconds = 0.3


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int]]:
    with served(small_app()) as url:
        yield urlsplit(url).hostname, urlsplit(url).port


@pytest.fixture(scope="module")
def impatient() -> Iterator[tuple[str, int]]:
    with served(small_app(), http=Impatient) as url:
        yield urlsplit(url).hostname, urlsplit(url).port


@contextlib.contextmanager
def connection(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=PATIENCE) as opened:
        yield opened


def answer(opened: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """One answer with a length, read from the connection; what follows stays there."""
    stream = opened.makefile("rb", buffering=0)
    status = int(stream.readline().split()[1])
    headers = {}
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.decode().partition(": ")
        headers[name.lower()] = value
    body = b""
    while len(body) < int(headers.get("content-length", 0)):
        body += stream.read(int(headers["content-length"]) - len(body))
    return status, headers, body


def closed(opened: socket.socket) -> bool:
    """Whether the other side ends the connection, waiting for it."""
    with contextlib.suppress(ConnectionError):
        while opened.recv(65536):
            pass
    return True


def post_head(*headers: bytes, path: bytes = b"/v1/talk") -> bytes:
    return b"POST " + path + b" HTTP/1.1\r\n" + AUTH + b"".join(each + b"\r\n" for each in headers) + b"\r\n"


def length(body: bytes) -> bytes:
    return b"Content-Length: %d" % len(body)


def test_a_body_with_a_length(server):
    with connection(server) as opened:
        opened.sendall(post_head(length(TALK)) + TALK)
        assert answer(opened)[0] == 200


def test_a_chunked_body(server):
    """Without any length, in pieces of one byte."""
    with connection(server) as opened:
        opened.sendall(post_head(b"Transfer-Encoding: chunked"))
        for byte in TALK:
            opened.sendall(b"1\r\n" + bytes([byte]) + b"\r\n")
        opened.sendall(b"0\r\n\r\n")
        status, _, body = answer(opened)
        assert (status, json.loads(body)["size"]) == (200, len(TALK))


def test_a_compressed_chunked_body_defect_58(server):
    packed = gzip.compress(TALK, mtime=0)
    with connection(server) as opened:
        opened.sendall(post_head(b"Transfer-Encoding: chunked", b"Content-Encoding: gzip"))
        opened.sendall(b"%x\r\n" % len(packed) + packed + b"\r\n0\r\n\r\n")
        assert answer(opened)[0] == 200


def test_who_expects_100_continue_gets_it(server):
    with connection(server) as opened:
        opened.sendall(post_head(length(TALK), b"Expect: 100-continue"))
        assert opened.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        opened.sendall(TALK)
        assert answer(opened)[0] == 200


def test_who_would_be_refused_is_not_told_to_continue(server):
    """A stranger's body is not asked for."""
    with connection(server) as opened:
        opened.sendall(b"POST /v1/talk HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert answer(opened)[0] == 401


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(post_head(length(TALK), b"Transfer-Encoding: chunked") + TALK, id="a length and chunks"),
        pytest.param(post_head(length(TALK), b"Content-Length: 5") + TALK, id="two lengths"),
        pytest.param(post_head(b"Content-Length: -1"), id="a negative length"),
        pytest.param(post_head(b"Content-Length: 1x"), id="a length that is none"),
        pytest.param(post_head(b"Transfer-Encoding: gzip, chunkedx"), id="an unknown transfer encoding"),
        pytest.param(b"GET /health HTTP/1.1\r\nHost : x\r\n\r\n", id="a space behind a name"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
        pytest.param(b"not http at all\r\n\r\n", id="no HTTP"),
    ],
)
def test_ambiguous_framing_is_refused_in_json_and_the_connection_ends(server, head):
    """What two servers could read differently (request smuggling) is read by nobody."""
    with connection(server) as opened:
        opened.sendall(head)
        status, headers, body = answer(opened)
        assert status == 400
        assert json.loads(body)["error"]["message"]
        assert headers["connection"] == "close"
        assert closed(opened)


def test_a_large_announced_body_is_refused_without_reading_it(server):
    """40 MB: the answer is there before any byte of the body was sent."""
    with connection(server) as opened:
        opened.sendall(post_head(b"Content-Length: 40000000"))
        status, headers, body = answer(opened)
        assert (status, headers["connection"]) == (413, "close")
        assert json.loads(body)["code"] == "request_too_large"


def test_a_client_that_sends_it_all_the_same_still_reads_why(server):
    """Many clients only read when they have written everything; a reset would tell them nothing."""
    with connection(server) as opened:
        def send() -> None:
            with contextlib.suppress(ConnectionError):
                opened.sendall(post_head(b"Content-Length: 40000000") + b"x" * 40_000_000)

        sender = threading.Thread(target=send)
        sender.start()
        assert answer(opened)[0] == 413
        sender.join(PATIENCE)
        assert not sender.is_alive()


def test_a_large_chunked_body_is_refused_on_the_way(server, monkeypatch):
    """Nothing announces its size; it ends when the limit is passed."""
    with connection(server) as opened:
        opened.sendall(post_head(b"Transfer-Encoding: chunked"))
        megabyte = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"

        def send() -> None:
            with contextlib.suppress(ConnectionError):
                for _ in range(80):
                    opened.sendall(megabyte)

        sender = threading.Thread(target=send)
        sender.start()
        assert answer(opened)[0] == 413
        sender.join(PATIENCE)
        assert not sender.is_alive()


def test_errors_leave_the_connection_usable(server):
    """Refused before the body was read, or after it: the next request on the same connection is answered."""
    wrong = b'{"model":5}'
    with connection(server) as opened:
        for _ in range(3):
            opened.sendall(post_head(length(wrong)) + wrong)
            assert answer(opened)[0] == 400
            opened.sendall(b"POST /v1/talk HTTP/1.1\r\nHost: x\r\n" + length(TALK) + b"\r\n\r\n" + TALK)
            assert answer(opened)[0] == 401
            opened.sendall(post_head(length(TALK), b"Content-Type: text/plain") + TALK)
            assert answer(opened)[0] == 415
            opened.sendall(post_head(length(TALK), path=b"/nowhere") + TALK)
            assert answer(opened)[0] == 404
            opened.sendall(post_head(length(TALK)) + TALK)
            assert answer(opened)[0] == 200


def test_requests_in_one_write_are_answered_in_turn(server):
    with connection(server) as opened:
        opened.sendall((post_head(length(TALK)) + TALK) * 5)
        assert [answer(opened)[0] for _ in range(5)] == [200] * 5


def test_a_caller_who_leaves_while_sending_does_no_harm(server):
    for head in (b"POST /v1/talk HTT", post_head(b"Content-Length: 500") + b'{"model"', post_head(length(TALK)) + TALK):
        with connection(server) as opened:
            opened.sendall(head)
    with connection(server) as opened:
        opened.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer(opened)[0] == 200


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Large: " + b"a" * 70_000, id="one endless header"),
        pytest.param(b"GET /" + b"a" * 70_000, id="an endless path"),
        pytest.param(b"GET /health HTTP/1.1\r\n" + b"X-A: aaaaaaaaaaaaaaaa\r\n" * 4000 + b"\r\n", id="a heap of headers"),
        pytest.param(b"GET /health HTTP/1.1\r\n" + b"A: b\r\n" * 300 + b"\r\n", id="too many headers"),
    ],
)
def test_heads_have_a_limit(server, head):
    with connection(server) as opened:
        with contextlib.suppress(ConnectionError):
            opened.sendall(head)
        status, headers, body = answer(opened)
        assert (status, headers["connection"]) == (431, "close")
        assert headers["request-id"] == headers["x-request-id"] != ""
        assert json.loads(body)["error"]["type"] == "invalid_request"
        assert closed(opened)


def test_usual_heads_are_far_from_the_limit(server):
    with connection(server) as opened:
        opened.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X-Trace: " + b"a" * 30_000 + b"\r\n\r\n")
        assert answer(opened)[0] == 200


def test_a_head_that_never_ends_is_not_waited_for(impatient):
    """Slow loris: a byte now and then does not keep the connection."""
    with connection(impatient) as opened:
        opened.sendall(b"GET /health HTTP/1.1\r\nX-Slow: ")
        stop = threading.Event()

        def drip() -> None:
            with contextlib.suppress(OSError):
                while not stop.wait(0.02):
                    opened.sendall(b"a")

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            status, headers, _ = answer(opened)
            assert (status, headers["connection"]) == (408, "close")
            assert closed(opened)
        finally:
            stop.set()
            dripping.join(PATIENCE)


def test_a_silent_connection_is_closed(impatient):
    with connection(impatient) as opened:
        assert opened.recv(1) == b""


def test_the_rest_of_a_refused_body_is_not_waited_for(impatient):
    """The answer is out, the body is not: a stranger does not hold a connection that way."""
    with connection(impatient) as opened:
        opened.sendall(b"POST /v1/talk HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
        assert answer(opened)[0] == 401
        assert closed(opened)


def test_the_rest_of_a_body_that_nobody_reads_is_not_waited_for():
    """Nor is one to which the whole answer was given: no other deadline runs then."""
    with served(small_app(), http=Impatient, timeout_keep_alive=600) as url, \
            connection((urlsplit(url).hostname, urlsplit(url).port)) as opened:  # fmt: skip
        opened.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
        assert answer(opened)[0] == 200
        assert closed(opened)


def test_a_body_that_comes_too_slowly_is_refused(server, monkeypatch):
    """The time that a body may take grows with what has come, so a slow line is no crime, but dripping is."""
    monkeypatch.setattr(bodies, "GRACE_SECONDS", 0.2)
    with connection(server) as opened:
        opened.sendall(post_head(b"Content-Length: 1000") + b"{")
        status, headers, body = answer(opened)
        assert (status, headers["connection"]) == (408, "close")
        assert json.loads(body)["code"] == "request_timeout"


def test_an_idle_connection_between_requests_is_the_servers_own_matter(impatient):
    """Kept alive: after an answer the deadline of heads does not run until the next request begins."""
    with connection(impatient) as opened:
        for _ in range(3):
            opened.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answer(opened)[0] == 200
            time.sleep(0.4)  # longer than the deadline of a head: nothing else could show that it is not running
        opened.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer(opened)[0] == 200
