"""The server's own protocol: to the letter of HTTP/1.1 and of ASGI, with one write where two would do."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from serving import served
from uvicorn.server import ServerState

from handlers.engine.cycle import WHOLE
from handlers.engine.guard import GuardedProtocol

PATIENCE = 20.0
START = {"type": "http.response.start", "status": 200}
Handler = Callable[[Any, Any, Any], Any]
handlers: dict[str, Handler] = {}


def handler(function: Handler) -> Handler:
    handlers[f"/{function.__name__}"] = function
    return function


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for done in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{done}.complete"})
        return
    await handlers[scope["path"]](scope, receive, send)


async def body_of(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


@handler
async def chunks(_scope: Any, receive: Any, send: Any) -> None:
    await body_of(receive)
    await send({**START, "headers": [(b"x-own", b"1")]})
    for piece in (b"one", b"", b"two"):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


@handler
async def measured(_scope: Any, receive: Any, send: Any) -> None:
    await body_of(receive)
    await send({**START, "headers": [(b"Content-Length", b"6")]})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    await send({"type": "http.response.body", "body": b"two"})


@handler
async def whole(scope: Any, receive: Any, send: Any) -> None:
    assert WHOLE in scope["extensions"]
    body = await body_of(receive)
    await send({"type": WHOLE, "status": 200, "headers": [(b"x-own", b"1")], "body": b"got " + body})


@handler
async def large(_scope: Any, receive: Any, send: Any) -> None:
    await body_of(receive)
    await send({"type": WHOLE, "status": 200, "headers": [], "body": b"x" * 3_000_000})


@handler
async def nothing(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@handler
async def parting(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": WHOLE, "status": 200, "headers": [(b"connection", b"close")], "body": b"bye"})


@handler
async def late(_scope: Any, _receive: Any, send: Any) -> None:
    """The head is out, and the body waits for what never comes."""
    await send({**START, "headers": [(b"x-own", b"1")]})
    await asyncio.Event().wait()


@handler
async def raises(_scope: Any, _receive: Any, _send: Any) -> None:
    raise ValueError


@handler
async def raises_later(_scope: Any, _receive: Any, send: Any) -> None:
    await send({**START, "headers": []})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    raise ValueError


@handler
async def silent(_scope: Any, _receive: Any, _send: Any) -> None:
    return


@handler
async def injecting(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": WHOLE, "status": 200, "headers": [(b"x-own", b"1\r\nx-evil: 2")], "body": b""})


@handler
async def misnamed(_scope: Any, _receive: Any, send: Any) -> None:
    await send({**START, "headers": [(b"x own", b"1")]})


@handler
async def too_long(_scope: Any, _receive: Any, send: Any) -> None:
    await send({**START, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"three"})


@handler
async def too_short(_scope: Any, _receive: Any, send: Any) -> None:
    await send({**START, "headers": [(b"content-length", b"9")]})
    await send({"type": "http.response.body", "body": b"three"})


@handler
async def echo(scope: Any, receive: Any, send: Any) -> None:
    told = {name: scope[name] for name in ("path", "raw_path", "query_string", "http_version", "method", "root_path")}
    await send({"type": WHOLE, "status": 200, "headers": [], "body": repr((told, len(await body_of(receive)))).encode()})


handlers["/echo/a b/é"] = echo


class ShortLived(GuardedProtocol):
    """Keeps no idle connection for long."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.timeout_keep_alive = 0.3  # type: ignore[assignment]


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with served(app) as url:
        yield urlsplit(url).hostname, urlsplit(url).port  # type: ignore[misc]


@pytest.fixture
def opened(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        yield connection


def request(path: str, *, method: str = "GET", version: str = "1.1", headers: str = "", body: bytes = b"") -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/{version}\r\nHost: x\r\n{headers}{length}\r\n".encode() + body


def until(connection: socket.socket, end: bytes) -> bytes:
    found = b""
    while not found.endswith(end):
        piece = connection.recv(65536)
        assert piece, f"the connection ended after {found!r}"
        found += piece
    return found


def rest(connection: socket.socket) -> bytes:
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            found += piece
    return found


def without_date(answer: bytes) -> bytes:
    return re.sub(rb"(?:date|server): [^\r]+\r\n", b"", answer)


def test_a_body_of_unknown_length_is_chunked(opened: socket.socket) -> None:
    opened.sendall(request("/chunks"))
    answer = without_date(until(opened, b"0\r\n\r\n"))
    assert answer == b"HTTP/1.1 200 OK\r\nx-own: 1\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


def test_a_body_of_known_length_is_sent_as_it_is(opened: socket.socket) -> None:
    opened.sendall(request("/measured"))
    assert without_date(until(opened, b"two")) == b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nonetwo"


def test_a_whole_answer_has_its_length_and_one_date(opened: socket.socket) -> None:
    opened.sendall(request("/whole", method="POST", body=b"this"))
    answer = until(opened, b"got this")
    assert answer.count(b"\r\ndate: ") == 1
    assert without_date(answer) == b"HTTP/1.1 200 OK\r\nx-own: 1\r\ncontent-length: 8\r\n\r\ngot this"


def test_a_large_answer_arrives_whole(opened: socket.socket) -> None:
    opened.sendall(request("/large"))
    head = until(opened, b"x" * 1)
    found = len(head.partition(b"\r\n\r\n")[2])
    while found < 3_000_000:
        found += len(opened.recv(1 << 20))
    assert found == 3_000_000


@pytest.mark.parametrize("path", ["/whole", "/chunks", "/measured"])
def test_head_has_the_headers_and_no_body(opened: socket.socket, path: str) -> None:
    opened.sendall(request(path, method="HEAD") + request("/nothing", headers="Connection: close\r\n"))
    answers = without_date(rest(opened))
    assert answers.count(b"\r\n\r\n") == 2
    assert answers.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answers.endswith(b"\r\n\r\nHTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")


@pytest.mark.parametrize(
    ("version", "headers"), [("1.0", ""), ("1.1", "Connection: close\r\n"), ("1.0", "Connection: keep-alive\r\n")]
)
def test_who_wants_no_more_is_told_that_the_connection_ends(opened: socket.socket, version: str, headers: str) -> None:
    opened.sendall(request("/whole", version=version, headers=headers))
    assert b"\r\nconnection: close\r\n" in rest(opened)


def test_an_answer_may_end_the_connection(opened: socket.socket) -> None:
    opened.sendall(request("/parting"))
    answer = rest(opened)
    assert answer.count(b"connection: close") == 1
    assert answer.endswith(b"bye")


def test_requests_sent_ahead_are_answered_in_order(opened: socket.socket) -> None:
    """Also those whose bodies come in pieces, and whatever the answers look like."""
    opened.sendall(request("/chunks") + request("/whole", method="POST", body=b"1") + request("/nothing") + request("/measured"))
    answers = without_date(until(opened, b"onetwo"))
    assert re.findall(rb"HTTP/1.1 (\d+)|(got 1)|(onetwo)|(\r\n0\r\n)", answers) == [
        (b"200", b"", b"", b""), (b"", b"", b"", b"\r\n0\r\n"), (b"200", b"", b"", b""), (b"", b"got 1", b"", b""),
        (b"204", b"", b"", b""), (b"200", b"", b"", b""), (b"", b"", b"onetwo", b""),
    ]  # fmt: skip


def test_a_head_does_not_wait_for_its_body(opened: socket.socket) -> None:
    """Only for the end of the loop's round: a provider's first word may take minutes."""
    opened.sendall(request("/late"))
    assert b"x-own: 1" in until(opened, b"\r\n\r\n")


@pytest.mark.parametrize("path", ["/raises", "/silent", "/injecting", "/misnamed"])
def test_an_app_that_fails_before_its_answer_is_a_500(opened: socket.socket, path: str) -> None:
    opened.sendall(request(path))
    answer = rest(opened)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"x-evil" not in answer
    assert answer.endswith(b"\r\n\r\nInternal Server Error")


@pytest.mark.parametrize("path", ["/raises_later", "/too_long", "/too_short"])
def test_an_app_that_fails_in_its_answer_cuts_the_connection(opened: socket.socket, path: str) -> None:
    """The caller must see that something is missing."""
    opened.sendall(request(path))
    answer = rest(opened)
    assert not answer.endswith(b"0\r\n\r\n")
    assert b"500" not in answer.split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("url", "path", "query"),
    [
        ("/echo", "/echo", b""), ("/echo?a=%20b&c", "/echo", b"a=%20b&c"), ("/echo?", "/echo", b""),
        ("/echo/a%20b/%C3%A9", "/echo/a b/é", b""), ("http://elsewhere/echo?x=1", "/echo", b"x=1"),
    ],
)  # fmt: skip
def test_what_the_app_is_told_of_the_url(opened: socket.socket, url: str, path: str, query: bytes) -> None:
    """Twice, because the second time it is known."""
    for _ in range(2):
        opened.sendall(request(url, headers="Connection: x\r\n"))
        told, length = eval(until(opened, b")").partition(b"\r\n\r\n")[2])
        assert (told["path"], told["query_string"], length) == (path, query, 0)
        assert told["raw_path"] == url.partition("?")[0].removeprefix("http://elsewhere").encode()


def test_a_body_in_many_pieces_arrives_whole(opened: socket.socket) -> None:
    opened.sendall(request("/echo", method="POST", headers="Content-Length: 300000\r\n"))
    for _ in range(300):
        opened.sendall(b"y" * 1000)
    assert until(opened, b")").endswith(b", 300000)")


class Held:
    """A transport that only knows whether it reads."""

    reads = True

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, _name: str) -> None:
        return None


@pytest.mark.anyio
async def test_who_has_a_large_body_still_hears_that_its_caller_leaves() -> None:
    """Its last piece came at once, while the app waited for it: reading went on hold, and the app asks for no more."""
    taken: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def taking(_scope: Any, receive: Any, _send: Any) -> None:
        taken.set_result(await body_of(receive))
        await asyncio.Event().wait()

    config = uvicorn.Config(taking, interface="asgi3", log_config=None, ws="none", lifespan="off", proxy_headers=False)
    config.load()
    protocol = GuardedProtocol(config=config, server_state=ServerState(), app_state={}, _loop=asyncio.get_running_loop())
    transport = Held()
    protocol.connection_made(transport)
    body = b"x" * 200_000
    head = request("/", method="POST", body=body).removesuffix(body)
    protocol.data_received(head)
    await asyncio.sleep(0)
    protocol.data_received(body)
    assert not transport.reads
    assert await taken == body
    assert transport.reads
    assert protocol.cycle is not None and protocol.cycle.task is not None
    protocol.cycle.task.cancel()
    protocol.connection_lost(ConnectionResetError())


def test_an_idle_connection_is_closed_in_the_end_and_a_used_one_is_not() -> None:
    """One timer for the life of a connection: it must not end one that was used meanwhile."""
    with served(app, http=ShortLived) as url:
        place = urlsplit(url).hostname, urlsplit(url).port
        with socket.create_connection(place, timeout=PATIENCE) as used, socket.create_connection(place, timeout=PATIENCE) as idle:
            idle.sendall(request("/measured"))
            until(idle, b"two")
            idle.setblocking(False)
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline:
                used.sendall(request("/measured"))
                until(used, b"two")
                with contextlib.suppress(BlockingIOError):
                    assert idle.recv(1) == b""
                    break
            else:
                pytest.fail("the idle connection was not closed")
            used.sendall(request("/measured"))
            until(used, b"two")


def test_one_write_carries_head_and_body(address: tuple[str, int]) -> None:
    """What comes in one round of the loop leaves in one segment: a small answer is read by one `recv`."""
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        for path, end in (("/whole", b"got "), ("/parting", b"bye")):
            connection.sendall(request(path))
            assert connection.recv(65536).endswith(end)
