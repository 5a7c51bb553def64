"""Forms: the model is found wherever it stands and replaced, and the file is never held whole."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from providers.service_server import Pieces
from providers.vendor_server import Reply
from serving import KEY, gateway

from handlers.engine.errors import InvalidRequest
from handlers.engine.forms import FormScanner, boundary_of, field_of

PATH = "/v1/audio/transcriptions"
BOUNDARY = b"----xyz"
TRICKY = b"\r\n--\r\n------xy\r\n\r\nname=\"model\"\r\n\r\nmodel\r\n----xyz not at a line's start\x00\xff"


def part(name: bytes, value: bytes, *more: bytes) -> bytes:
    lines = [b'Content-Disposition: form-data; name="%b"' % name + (b"" if not more else more[0]), *more[1:]]
    return b"--" + BOUNDARY + b"\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + value + b"\r\n"


END = b"--" + BOUNDARY + b"--\r\n"
FILE = part(b"file", TRICKY, b'; filename="a; name=\\"model\\".mp3"', b"Content-Type: audio/mpeg")
FORMS = {
    "model first": (part(b"model", b"all:whisper"), FILE + part(b"language", b"en") + END),
    "file first, as curl's users write it": (FILE + part(b"empty", b"") + part(b"model", b"all:whisper"), END),
    "a preamble": (b"look here\r\n" + FILE + part(b"model", b"all:whisper"), END + b"an epilogue"),
    "spaces behind a delimiter": (
        b"--" + BOUNDARY + b" \t\r\n" + part(b"model", b"all:whisper").split(b"\r\n", 1)[1], FILE + END[:-2] + b"  "),
    "no parts but the model": (part(b"model", b"all:whisper"), END),
    "headers in another spelling": (
        b"--" + BOUNDARY + b"\r\nX-A: b\r\ncontent-disposition:form-data;  filename=x; NAME=model\r\n\r\nall:whisper\r\n",
        FILE + END,
    ),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("size", [1, 2, 7, 64, 100_000])
def test_the_model_is_found_however_the_bytes_come(form: tuple[bytes, bytes], size: int) -> None:
    """All other bytes stay what and where they are, a file that looks like a form included."""
    raw = b"".join(form)
    scanner = FormScanner(BOUNDARY)
    pieces = [piece for at in range(0, len(raw), size) for piece in scanner.feed(raw[at : at + size])]
    scanner.finish()
    assert [piece for ours, piece in pieces if ours] == [b"all:whisper"]
    assert b"".join(piece for _, piece in pieces) == raw


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (part(b"model", b"a") + FILE + part(b"model", b"b") + END, "twice"),
        (part(b"model", b"a" * 2000) + END, "too long"),
        (b"--" + BOUNDARY + b"\r\n" + b"x" * 20_000, "no end of its headers"),
        (part(b"model", b"a"), "ends too early"),
        (FILE[:-9], "ends too early"),
        (b"no form at all", "ends too early"),
    ],
)
def test_what_is_no_form_is_refused(raw: bytes, message: str) -> None:
    scanner = FormScanner(BOUNDARY)
    with pytest.raises(InvalidRequest, match=message):
        for at in range(0, len(raw), 100):
            scanner.feed(raw[at : at + 100])
        scanner.finish()


def test_names_and_boundaries_are_read_as_they_are_written() -> None:
    assert boundary_of('multipart/form-data; charset=utf-8; Boundary="a b;c"') == b"a b;c"
    assert boundary_of("multipart/form-data;boundary=abc") == b"abc"
    for missing in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "x" * 71):
        with pytest.raises(InvalidRequest):
            boundary_of(missing)
    assert field_of(b'Content-Disposition: form-data; filename="x; name=model"; name="file"') == b"file"
    assert field_of(b"Content-Type: text/plain") == b""


# ---- over sockets ---------------------------------------------------------------------------------------------------


def post(bench: Any, raw: bytes | Iterator[bytes], reply: Reply) -> Any:
    bench.provider.next_replies = [reply]
    kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}
    return bench.client.post(PATH, content=raw, headers=kind)


TEXT = Reply(200, {"text": "hello"})


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("announced", [True, False], ids=["with a length", "in chunks"])
def test_a_form_passes_through_but_for_the_model(bench: Any, form: tuple[bytes, bytes], announced: bool) -> None:
    raw = b"".join(form)
    pieces = (raw[at : at + 50] for at in range(0, len(raw), 50))
    answer = post(bench, raw if announced else pieces, TEXT)
    assert (answer.status_code, answer.json()) == (200, {"text": "hello"})
    assert answer.headers["gateway-model"] == "all:whisper"
    seen = bench.provider.last
    assert seen.raw == raw.replace(b"all:whisper", b"whisper")
    assert seen.headers["content-type"] == f"multipart/form-data; boundary={BOUNDARY.decode()}"
    assert seen.headers.get("content-length") == (str(len(seen.raw)) if announced else None)
    assert seen.headers["authorization"] == "Bearer sk-secret-of-all"


def test_a_large_file_before_the_model_is_put_away_and_sent_whole(bench: Any) -> None:
    file = bytes(range(251)) * 40_000
    raw = part(b"file", file, b'; filename="x"') + part(b"model", b"all:whisper") + END
    assert post(bench, raw, TEXT).status_code == 200
    assert bench.provider.last.raw == raw.replace(b"all:whisper", b"whisper")


def test_a_full_disk_is_told_with_a_way_out(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends the model first needs no room here."""

    def full(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    file = part(b"file", b"x" * 3_000_000, b'; filename="x"')
    model = part(b"model", b"all:whisper")
    refused = post(bench, file + model + END, TEXT)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "no_room")
    assert "No space left on device" in refused.json()["error"]["message"]
    assert post(bench, model + file + END, TEXT).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "text/vtt"])
def test_a_text_comes_back_as_text(bench: Any, kind: str) -> None:
    reply = Pieces(200, headers={"content-type": kind}, pieces=[b"hello ", b"world\n"])
    answer = post(bench, b"".join(FORMS["model first"]), reply)
    assert (answer.text, answer.headers["content-type"]) == ("hello world\n", kind)


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (FILE + END, 400, "missing_field"),
        (part(b"model", b"") + FILE + END, 400, "missing_field"),
        (b"nothing", 400, "invalid_form"),
        (part(b"model", b"none:m") + FILE + END, 404, "service_not_found"),
        (part(b"model", b"nobody:m") + FILE + END, 404, "model_not_found"),
        (part(b"model", b"dead:m") + FILE + END, 502, "connect_error"),
        (part(b"model", b"all:m") + FILE + part(b"model", b"all:n") + END, 400, "invalid_form"),
    ],
)
def test_a_form_that_cannot_be_sent_is_refused_in_the_callers_words(bench: Any, raw: bytes, status: int, code: str) -> None:
    answer = post(bench, raw, TEXT)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_body_of_another_kind_is_a_415(bench: Any) -> None:
    for kind in ("application/json", "text/plain"):
        answer = bench.client.post(PATH, content=b"{}", headers={"content-type": kind})
        assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")
    packed = {"content-type": "multipart/form-data; boundary=x", "content-encoding": "gzip"}
    assert bench.client.post(PATH, content=b"x", headers=packed).status_code == 415


def test_a_form_that_is_too_large_is_refused_before_it_comes(bench: Any) -> None:
    with opened(bench, (600 << 20)) as connection:
        assert b" 413 " in connection.recv(65536).split(b"\r\n")[0]


SLOW = """
providers:
  slow:
    type: openai
    base_url: http://127.0.0.1:PORT
    models: {whisper: {}}
    services: {transcriptions: {path: /t}}
"""


class Listener:
    """A provider that is a bare socket: what reaches it can be looked at while the caller is still sending."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def accept(self) -> socket.socket:
        self.socket.settimeout(10)
        connection, _ = self.socket.accept()
        connection.settimeout(10)
        return connection


def until(connection: socket.socket, wanted: bytes) -> bytes:
    """Everything up to and with `wanted`."""
    got = b""
    while wanted not in got:
        piece = connection.recv(65536)
        assert piece, got
        got += piece
    return got


def opened(bench: Any, length: int) -> socket.socket:
    """A connection to the gateway on which a form is announced."""
    place = urlsplit(bench.url)
    connection = socket.create_connection((place.hostname, place.port), timeout=10)
    connection.sendall(
        b"POST %b HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\ncontent-length: %d\r\n"
        b"content-type: multipart/form-data; boundary=%b\r\n\r\n" % (PATH.encode(), KEY.encode(), length, BOUNDARY)
    )
    return connection


@pytest.fixture
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Listener]]:
    """A gateway whose one provider is a Listener."""
    listener = Listener()
    text = SLOW.replace("PORT", str(listener.port))
    with gateway(tmp_path_factory.mktemp("slow"), text) as url:
        yield SimpleNamespace(url=url), listener
    listener.socket.close()


def test_the_file_is_passed_on_while_it_comes_in(slow: tuple[Any, Listener]) -> None:
    """The provider has the beginning of the file before the caller has sent its end."""
    bench, listener = slow
    head = part(b"model", b"slow:whisper") + b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
    rest = b"\r\n" + END
    with opened(bench, len(head) + 200_000 + len(rest)) as caller:
        caller.sendall(head + b"a" * 100_000)
        with listener.accept() as provider:
            got = until(provider, b"a" * 50_000)
            assert b"content-length: %d\r\n" % (len(head) - len(b"slow:") + 200_000 + len(rest)) in got
            caller.sendall(b"b" * 100_000 + rest)
            got += until(provider, END)
            provider.sendall(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"text":""}')
            assert until(caller, b'{"text":""}').startswith(b"HTTP/1.1 200")


def test_an_answer_that_comes_early_ends_the_sending(slow: tuple[Any, Listener]) -> None:
    """A provider who refuses a file need not hear all of it, and neither need we."""
    bench, listener = slow
    body = json.dumps({"error": {"message": "too large"}}).encode()
    with opened(bench, 100_000_000) as caller:
        caller.sendall(part(b"model", b"slow:whisper") + FILE[:60])
        with listener.accept() as provider:
            until(provider, b"whisper")
            provider.sendall(b"HTTP/1.1 413 Too Large\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            assert until(caller, b"too large").startswith(b"HTTP/1.1 413")
            provider.settimeout(10)
            assert provider.recv(65536) in (b"", FILE[:60]), "the connection cannot be used again"


def test_a_caller_who_leaves_in_the_middle_cuts_the_upload(slow: tuple[Any, Listener]) -> None:
    bench, listener = slow
    caller = opened(bench, 100_000_000)
    caller.sendall(part(b"model", b"slow:whisper") + FILE[:60])
    with listener.accept() as provider:
        until(provider, b"whisper")
        caller.close()
        ended = threading.Event()

        def drain() -> None:
            try:
                while provider.recv(65536):
                    pass
            except ConnectionError:
                pass
            ended.set()

        threading.Thread(target=drain, daemon=True).start()
        assert ended.wait(10), "the provider still waits for a caller who has gone"
