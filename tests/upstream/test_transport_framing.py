"""Where an answer begins and ends, whatever the network makes of it: fed to a connection without a socket."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.engine.bodies import Exchange, Timeout
from handlers.engine.connections import HEAD_LIMIT, HIGH_WATER, Connection
from handlers.engine.pools import PoolSettings


@pytest.fixture(autouse=True)
def loop_of_the_tested_side():
    """There is no socket, so one kind of loop is enough."""


class Wire:
    """As much of a transport and of a pool as a connection needs, and what it did with them."""

    settings = PoolSettings()
    context: Any = None

    def __init__(self) -> None:
        self.open: set[Connection] = set()
        self.closed = self.kept = self.paused = False
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def give(self, _connection: Connection, _headers: Any) -> None:
        self.kept = True

    def forget(self, _connection: Connection) -> None:
        self.kept = False

    lost = forget


def heard(
    pieces: list[bytes], *, bodiless: bool = False, take: bool = True, large: bool = False, context: Any = None
) -> tuple[Any, ...]:
    """What comes of these bytes and the end of the connection: status, headers, body, error, whether it was kept."""
    loop = asyncio.new_event_loop()
    wire = Wire()
    connection = Connection(loop, wire)  # type: ignore[arg-type]
    connection.connection_made(wire)  # type: ignore[arg-type]
    wire.context = context
    exchange = Exchange(connection, Timeout(), None, bodiless=bodiless, large=large)
    connection.begin(exchange, b"GET / HTTP/1.1\r\n\r\n")
    body = b""
    for piece in pieces:
        if not wire.closed:
            connection.data_received(piece)
            body += exchange.take() if take and exchange.pieces else b""
    kept = wire.kept
    if not wire.closed:
        connection.eof_received()
        connection.connection_lost(None)
    loop.close()
    assert exchange.complete is (exchange.error is None)
    assert exchange.connection is None
    return exchange.status, exchange.headers, body + exchange.take(), exchange.error, kept


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

WHOLE = [
    pytest.param(OK + b"Content-Length: 5\r\n\r\nhello", b"hello", True, id="a length"),
    pytest.param(OK + b"Content-Length: 0\r\n\r\n", b"", True, id="a length of nothing"),
    pytest.param(CHUNKED + b"5\r\nhello\r\n1;name=\"va lue\"\r\n!\r\n0\r\n\r\n", b"hello!", True, id="chunks with an extension"),
    pytest.param(CHUNKED + b"1\r\nx\r\n0\r\nTrailer: a\r\nMore: b\r\n\r\n", b"x", True, id="trailers"),
    pytest.param(OK + b"transfer-encoding: CHUNKED\r\n\r\n1 \r\nx\r\n000\r\n\r\n", b"x", True, id="chunks in odd writing"),
    pytest.param(OK + b"\r\nhello", b"hello", False, id="the end of the connection"),
    pytest.param(b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello", False, id="the end of the connection, 1.0"),
    pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x", False, id="1.0 closes"),
    pytest.param(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", b"x", True, id="1.0 that stays"),
    pytest.param(OK + b"Connection: close\r\nContent-Length: 1\r\n\r\nx", b"x", False, id="a close that was told"),
    pytest.param(b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", b"", True, id="204 with a length"),
    pytest.param(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", b"", True, id="304 with a length"),
    pytest.param(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Wait\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\nx", b"x", True, id="after interim answers"),
    pytest.param(b"HTTP/1.1 103 E\r\n\r\n" + OK + b"A: b\r\n  c\r\nContent-Length: 4\r\n\r\nx\r\n y"[:-1], b"x\r\n ", True, id="folded lines after an interim answer"),
    pytest.param(OK + b"A: b\r\n\t c \r\n  d\r\nContent-Length: 1\r\n\r\nx", b"x", True, id="folded lines"),
    pytest.param(b"HTTP/1.1 200 OK\nContent-Length: 4\n\nx\n y", b"x\n y", True, id="lines that end with LF"),
    pytest.param(b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", b"x", True, id="no reason"),
    pytest.param(OK + b"Empty:\r\nAlso: \r\nContent-Length: 1\r\n\r\nx", b"x", True, id="empty values"),
    pytest.param(OK + b"Name: \xe9\xff\r\nContent-Length: 1\r\n\r\nx", b"x", True, id="values beyond ASCII"),
    pytest.param(OK + b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 1\r\n\r\nx", b"x", True, id="an upgrade that is offered"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "body", "kept"), WHOLE)
def test_a_body_ends_where_its_framing_says(data, body, kept):
    """In one read, and byte by byte; the connection is kept only if both sides may."""
    whole, bytewise = heard([data]), heard([data[at : at + 1] for at in range(len(data))])
    assert whole == bytewise
    status, headers, received, error, was_kept = whole
    assert (received, error, was_kept) == (body, None, kept)
    assert status in (200, 204, 304)
    assert not {name.lower() for name, _ in headers} & {b"trailer", b"more", b"link"}


BROKEN = [
    pytest.param(b"", "without an answer", id="nothing"),
    pytest.param(b"HTTP/1.1 20", "broke off", id="cut in the status"),
    pytest.param(OK + b"Content-Length: 5\r\n\r\nhell", "broke off", id="cut in a body"),
    pytest.param(CHUNKED + b"5\r\nhello\r\n", "broke off", id="no last chunk"),
    pytest.param(CHUNKED + b"5\r\nhello\r\n0\r\nTrailer: a\r\n", "broke off", id="cut in the trailers"),
    pytest.param(b"HELLO\r\n\r\n", "no valid HTTP", id="another language"),
    pytest.param(b"\x16\x03\x01\x02\x00", "no valid HTTP", id="TLS"),
    pytest.param(b"HTTP/1.1 2000 OK\r\n\r\n", "no valid HTTP", id="a status of four digits"),
    pytest.param(b"HTTP/1.1 099 OK\r\n\r\n", "no valid HTTP", id="a status below all"),
    pytest.param(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "change of the protocol", id="101"),
    pytest.param(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "no valid HTTP", id="two lengths"),
    pytest.param(OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "no valid HTTP", id="a length and chunks"),
    pytest.param(OK + b"Content-Length: -5\r\n\r\n", "no valid HTTP", id="a negative length"),
    pytest.param(OK + b"Content-Length: 0x5\r\n\r\nhello", "no valid HTTP", id="a hexadecimal length"),
    pytest.param(OK + b"Content-Length: 99999999999999999999999\r\n\r\n", "no valid HTTP", id="a length without end"),
    pytest.param(OK + b"Transfer-Encoding: gzip\r\n\r\nx", "nobody had asked for", id="an encoding nobody asked for"),
    pytest.param(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "nobody had asked for", id="an encoding below chunks"),
    pytest.param(CHUNKED + b"zz\r\n", "no valid HTTP", id="a chunk without a size"),
    pytest.param(CHUNKED + b"fffffffffffffffff\r\n", "no valid HTTP", id="a chunk without end"),
    pytest.param(CHUNKED + b"1\r\nxyz\r\n0\r\n\r\n", "no valid HTTP", id="a chunk longer than it says"),
    pytest.param(OK + b"A : b\r\n\r\n", "no valid HTTP", id="a blank in a header's name"),
    pytest.param(OK + b"A: b\0c\r\n\r\n", "no valid HTTP", id="a control character"),
    pytest.param(OK + b"A: b\rc: d\r\n\r\n", "no valid HTTP", id="a lone CR"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "words"), BROKEN)
def test_bad_framing_is_a_clear_error(data, words):
    """The error says what is wrong, and cutting does not change it."""
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        *_, error, kept = heard(pieces)
        assert isinstance(error, httpx.RemoteProtocolError)
        assert words in str(error)
        assert not kept


EXTRA = [OK + b"Content-Length: 1\r\n\r\nxSTRAY", OK + b"Content-Length: 1\r\n\r\nx" + OK + b"Content-Length: 1\r\n\r\ny",
         OK + b"Connection: close\r\nContent-Length: 1\r\n\r\nxyz", CHUNKED + b"1\r\nx\r\n0\r\n\r\nmore"]  # fmt: skip


@pytest.mark.parametrize("data", EXTRA)
def test_bytes_behind_an_answer_condemn_the_connection(data):
    """The answer is complete and right; what follows was asked for by nobody, in the same read or the next one."""
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        status, _, body, error, kept = heard(pieces)
        assert (status, body, error) == (200, b"x", None)
        assert not kept or len(pieces) > 1
        assert len(pieces) == 1 or not wire_kept_after(data)


def wire_kept_after(data: bytes) -> bool:
    """Whether the connection is still kept when everything has been heard byte by byte."""
    loop = asyncio.new_event_loop()
    wire = Wire()
    connection = Connection(loop, wire)  # type: ignore[arg-type]
    connection.connection_made(wire)  # type: ignore[arg-type]
    connection.begin(Exchange(connection, Timeout(), None, bodiless=False, large=False), b"")
    for at in range(len(data)):
        connection.data_received(data[at : at + 1])
    loop.close()
    return wire.kept


def test_an_answer_to_head_has_no_body():
    """Its length is that of another answer; bytes that follow all the same are no body."""
    for headers in (b"Content-Length: 500\r\n", b"Transfer-Encoding: chunked\r\n"):
        status, _, body, error, kept = heard([OK + headers + b"\r\n"], bodiless=True)
        assert (status, body, error, kept) == (200, b"", None, True)
    assert heard([OK + b"Content-Length: 3\r\n\r\nabc"], bodiless=True)[2:] == (b"", None, False)


def test_whoever_refuses_a_large_request_may_not_have_read_it():
    """Under TLS nobody can tell what still waits to go out, so that connection is not used again."""
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"
    assert heard([refusal], large=True)[4]
    assert heard([refusal], context="TLS")[4]
    assert not heard([refusal], large=True, context="TLS")[4]
    assert heard([OK + b"Content-Length: 0\r\n\r\n"], large=True, context="TLS")[4]


def test_folded_lines_are_joined():
    """By the blanks they begin with; blanks around a value are none of it."""
    assert heard([OK + b"A: \t b \r\n\t c\r\n d \t\r\nContent-Length: 0\r\n\r\n"])[1][0] == (b"A", b"b \t c d")


def test_a_head_has_a_limit():
    """In one read and in many, in one header, in many and in interim answers."""
    long = b"A: " + b"a" * HEAD_LIMIT + b"\r\n"
    many = b"A: 0123456789\r\n" * (HEAD_LIMIT // 10)
    for data in (OK + long + b"\r\n", OK + long, OK + many + b"\r\n", b"HTTP/1.1 103 E\r\n\r\n" * (HEAD_LIMIT // 18 + 1)):
        for size in (len(data), 5000):
            *_, error, _ = heard([data[at : at + size] for at in range(0, len(data), size)])
            assert isinstance(error, httpx.RemoteProtocolError), size
            assert "broke off" not in str(error) or size == len(data)
    fine = OK + b"A: " + b"a" * (HEAD_LIMIT - 100) + b"\r\nContent-Length: 0\r\n\r\n"
    assert heard([fine])[3] is None


@pytest.mark.parametrize("endless", [b"1;" + b"x" * HIGH_WATER, b"0\r\nTrailer: " + b"x" * HIGH_WATER, b"0\r\n" + b"A: b\r\n" * (HIGH_WATER // 6 + 1)])
def test_framing_has_a_limit(endless):
    """Extensions of chunks and trailers carry no body, and nobody takes them: they must not fill the memory."""
    data = CHUNKED + endless
    *_, error, _ = heard([data[at : at + 9999] for at in range(0, len(data), 9999)])
    assert isinstance(error, httpx.RemoteProtocolError)
    assert "no end of its framing" in str(error)


ANSWERS = [param.values[0] for param in (*WHOLE, *BROKEN)]


@given(st.sampled_from(ANSWERS), st.lists(st.integers(0, 400), max_size=8))
def test_cuts_change_nothing(data, places):
    """However the network cuts an answer, whole or broken, it is the same answer, the same error, the same fate."""
    cuts = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    pieces = [data[start:end] for start, end in itertools.pairwise(cuts)]
    expected, found = heard([data]), heard(pieces)
    assert found[:3] == expected[:3]
    assert (str(found[3]), found[4]) == (str(expected[3]), expected[4])


@given(st.binary(max_size=60), st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.lists(st.integers(0, 500), max_size=8), st.sampled_from(["length", "chunks", "close"]))
def test_any_body_comes_through_any_framing(first, rest, places, framing):
    """Bytes are bytes: what is sent is received, in every framing, cut at every place."""
    parts = [part for part in (first, *rest) if part]
    body = b"".join(parts)
    data = {
        "length": OK + b"Content-Length: %d\r\n\r\n%b" % (len(body), body),
        "chunks": CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n",
        "close": OK + b"\r\n" + body,
    }[framing]
    cuts = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    for take in (True, False):
        found = heard([data[start:end] for start, end in itertools.pairwise(cuts)], take=take)
        assert found[2:] == (body, None, framing != "close")


@given(st.sampled_from(ANSWERS), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4))
def test_no_bytes_are_too_strange(data, changes):
    """Any bytes end in an answer or in one of httpx's errors, never in another exception."""
    strange = bytearray(data)
    for place, value in changes:
        if strange:
            strange[place % len(strange)] = value
    *_, error, _ = heard([bytes(strange)])
    assert error is None or isinstance(error, httpx.RemoteProtocolError)
