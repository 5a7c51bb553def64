"""Bodies: what is taken, what is refused, and with which status."""

from __future__ import annotations

import gzip
import random
import timeit
import zlib
from functools import partial

import orjson
import pytest
from backports import zstd
from contract.asgi import BEARER, JSON, ask_now, post, small_app

from handlers.engine.contract.bodies import decode

TALK = {"model": "m", "messages": [{"role": "user", "content": "hi ✓"}]}
RAW = orjson.dumps(TALK)


def bare_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


WIDE_WINDOW = bytes.fromhex("28b52ffd00a0010000")
"""A frame of zstd whose header asks for a window of a gigabyte, and an empty last block."""


@pytest.mark.parametrize(
    ("written", "status"),
    [
        (b"application/json", 200),
        (b"application/json; charset=utf-8", 200),
        (b"application/json;charset=UTF8", 200),
        (b"application/json; charset=bogus", 200),
        (b"Application/JSON", 200),
        (b"application/json ; a=b", 200),
        (b"", 200),
        (None, 200),
        (b"text/plain", 415),
        (b"application/x-www-form-urlencoded", 415),
        (b"application/jsonp", 415),
        (b";", 415),
    ],
)
def test_content_types(app, written, status):
    """JSON in any spelling; a missing type counts as JSON; anything else is a 415 that says what is accepted."""
    headers = (BEARER,) if written is None else (BEARER, (b"content-type", written))
    reply = post(app, "/v1/talk", headers=headers, body=RAW)
    assert reply.status == status
    if status == 415:
        assert "application/json" in reply.json["message"]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param(b"gzip", gzip.compress(RAW, mtime=0), id="defect_58 gzip"),
        pytest.param(b"GZIP", gzip.compress(RAW, mtime=0), id="defect_58 gzip in capitals"),
        pytest.param(b"x-gzip", gzip.compress(RAW, mtime=0), id="defect_58 x-gzip"),
        pytest.param(b"gzip", gzip.compress(RAW, mtime=0) + bytes(9000), id="defect_58 gzip filled up with zeros"),
        pytest.param(b"gzip", gzip.compress(RAW[:20], mtime=0) + gzip.compress(RAW[20:]), id="defect_58 gzip in two members"),
        pytest.param(b"deflate", zlib.compress(RAW), id="defect_58 deflate"),
        pytest.param(b"deflate", bare_deflate(RAW), id="defect_58 deflate without a frame"),
        pytest.param(b"zstd", zstd.compress(RAW), id="defect_58 zstd"),
        pytest.param(b"zstd", zstd.compress(RAW[:20]) + zstd.compress(RAW[20:]), id="defect_58 zstd in two frames"),
        pytest.param(b"zstd", zstd.compress(RAW, level=19), id="defect_58 zstd with a large window"),
        pytest.param(b"identity", RAW, id="identity"),
        pytest.param(b"identity, gzip", gzip.compress(RAW, mtime=0), id="identity beside gzip"),
        pytest.param(b"", RAW, id="empty"),
    ],
)
def test_compressed_bodies_are_understood_defect_58(app, encoding, body):
    reply = post(app, "/v1/talk", headers=(BEARER, JSON, (b"content-encoding", encoding)), body=body)
    assert reply.status == 200
    assert reply.json["body"] == TALK
    assert reply.json["size"] == len(RAW), "the handler sees the body's own bytes"


def test_many_members_cost_no_more_than_their_bytes():
    """Each member of a gzip body is unpacked without a look at all that follows it: 8 MB of them took a minute."""
    member = gzip.compress(b"", mtime=0)
    few, many = (
        min(timeit.repeat(partial(decode, member * count, b"gzip", 1 << 20), number=1, repeat=3))
        for count in (2_000, 32_000)
    )
    assert many < 16 * few * 4


@pytest.mark.parametrize("cut", [4095, 4096, 4097])
def test_members_end_anywhere(cut):
    first = gzip.compress(random.Random(cut).randbytes(cut - 23), compresslevel=0, mtime=0)
    raw = first + gzip.compress(b"rest", mtime=0)
    assert decode(raw, b"gzip", 1 << 20) == gzip.decompress(raw)


@pytest.mark.parametrize("encoding", [b"br", b"compress", b"gzip, gzip"])
def test_other_encodings_are_a_415_that_names_ours_defect_58(app, encoding):
    reply = post(app, "/v1/talk", headers=(BEARER, (b"content-encoding", encoding)), body=RAW)
    assert reply.status == 415
    assert "gzip, deflate, zstd" in reply.json["message"]
    assert reply.header("accept-encoding") == "gzip, deflate, zstd, identity"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (b"gzip", RAW),
        (b"gzip", gzip.compress(RAW, mtime=0)[:-9]),
        (b"gzip", gzip.compress(RAW, mtime=0) + b"rest"),
        (b"gzip", gzip.compress(RAW, mtime=0) + b"\0\0\0rest"),
        (b"gzip", bytes(20)),
        (b"deflate", zlib.compress(RAW) + bytes(20)),
        (b"deflate", zlib.compress(RAW)[:-3]),
        (b"deflate", b"\xff\xff\xff"),
        (b"zstd", RAW),
        (b"zstd", zstd.compress(RAW)[:-3]),
        (b"zstd", zstd.compress(RAW) + b"rest"),
        pytest.param(b"zstd", WIDE_WINDOW, id="zstd that asks for a window of a gigabyte"),
    ],
)
def test_damaged_compression_is_a_400(app, encoding, body):
    reply = post(app, "/v1/talk", headers=(BEARER, (b"content-encoding", encoding)), body=body)
    assert (reply.status, reply.json["code"]) == (400, "invalid_content_encoding")


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"zstd"])
def test_the_limit_counts_after_decompression_defect_197_defect_211(encoding):
    """A small body that unpacks to a large one is refused, and never held whole."""
    limited = small_app(most_bytes=100_000)
    compress = {b"gzip": gzip.compress, b"deflate": zlib.compress, b"zstd": zstd.compress}[encoding]
    bomb = compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    reply = post(limited, "/v1/talk", headers=(BEARER, (b"content-encoding", encoding)), body=bomb)
    assert reply.status == 413


def test_the_limit_holds_with_and_without_an_announced_length():
    limited = small_app(most_bytes=1000)
    length = (b"content-length", b"1001")
    assert post(limited, "/v1/talk", headers=(BEARER, length), pieces=[]).status == 413
    assert post(limited, "/v1/talk", pieces=[b"x" * 600, b"x" * 600]).status == 413
    assert post(limited, "/v1/talk", body=b" " * 1001).status == 413
    assert post(limited, "/v1/talk", body=RAW + b" " * (1000 - len(RAW))).status == 200
    reply = post(limited, "/v1/talk", headers=(BEARER, length), pieces=[])
    assert reply.header("connection") == "close"
    assert reply.json["code"] == "request_too_large"


def test_a_body_may_come_in_pieces(app):
    """Also without any length, as chunked bodies do."""
    pieces = [RAW[index : index + 1] for index in range(len(RAW))]
    assert post(app, "/v1/talk", pieces=pieces).json["body"] == TALK


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"", "missing_body", id="empty"),
        pytest.param(b" \n", "missing_body", id="blank"),
        pytest.param(b"{", "invalid_json", id="cut off"),
        pytest.param(RAW + b"}", "invalid_json", id="more behind"),
        pytest.param(b"model=m", "invalid_json", id="a form"),
        pytest.param(b'{"model":NaN}', "invalid_json", id="NaN"),
        pytest.param(b'{"model":Infinity}', "invalid_json", id="Infinity"),
        pytest.param(b'{"model":1e999}', "invalid_json", id="a number beyond floats"),
        pytest.param(b'{"model":"\\ud800"}', "invalid_json", id="a lone surrogate"),
        pytest.param(b'{"\\udc00":1}', "invalid_json", id="a lone surrogate in a name"),
        pytest.param(b'{"model":"a\nb"}', "invalid_json", id="a control character"),
        pytest.param(b"\xef\xbb\xbf" + RAW, "invalid_json", id="a byte order mark"),
        pytest.param(b'{"model":"\xff"}', "invalid_utf8", id="not UTF-8"),
        pytest.param('{"model":"é"}'.encode("latin-1"), "invalid_utf8", id="Latin-1"),
        pytest.param("{}".encode("utf-16"), "invalid_utf8", id="UTF-16"),
    ],
)
@pytest.mark.parametrize("size", [0, 300_000], ids=["small", "large"])
def test_what_is_no_json_is_a_400(app, body, code, size):
    """The same verdict for all sizes; the parser's place is told, the content is not."""
    padded = body + b" " * size if body.strip() else b" " * size
    reply = post(app, "/v1/talk", body=padded)
    assert reply.status == 400
    assert reply.json["code"] == code


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("size", [0, 300_000], ids=["small", "large"])
def test_nesting_ends_at_128_levels(app, opening, size):
    """The body is a level, the messages and the message are two more: 125 remain for what stands in it."""
    closing = b"]" if opening == b"[" else b"}"

    def nested(levels: int) -> bytes:
        inner = opening * levels + b"1" + closing * levels
        return b'{"model":"m","messages":[{"role":"new","x":' + inner + b'}],"pad":"' + b"x" * size + b'"}'

    assert post(app, "/v1/talk", body=nested(125)).status == 200
    for levels in (126, 500, 1000, 5000):
        reply = post(app, "/v1/talk", body=nested(levels))
        assert (reply.status, reply.json["code"]) == (400, "too_deep")


def test_brackets_in_strings_are_no_nesting(app):
    talk = {"model": "m", "messages": [{"role": "user", "content": "[{" * 1000}]}
    assert post(app, "/v1/talk", talk).status == 200


def test_a_body_that_is_not_required_may_be_missing(app):
    assert post(app, "/v1/note", body=b"").json["body"] is None
    assert post(app, "/v1/note", {"text": "x"}).json["body"] == {"text": "x"}
    assert post(app, "/v1/note", {}).status == 400


def test_a_caller_who_leaves_is_not_answered(app):
    assert post(app, "/v1/talk", pieces=[RAW[:10]], leave=True).status == 0
    assert post(app, "/v1/talk", pieces=[], leave=True).status == 0


def test_failures_inside_tell_nothing_of_the_inside_defect_202(app, caplog):
    talk = {**TALK, "model": "fails"}
    reply = post(app, "/v1/talk", talk)
    assert reply.status == 500
    assert "secret" not in reply.body.decode()
    assert "a secret of the inside" in caplog.text
    assert "hi ✓" not in caplog.text


def test_refusals_by_handlers_keep_their_words(app):
    reply = post(app, "/v1/messages", {**TALK, "model": "refuses"})
    assert (reply.status, reply.json["code"], reply.json["dialect"]) == (404, "model_not_found", "second")


def test_routing_never_comes_from_the_body_defect_183(app):
    """Members that name addresses or keys are data like any other."""
    talk = {**TALK, "base_url": "https://evil.example", "api_key": "x", "provider_id": "other"}
    assert ask_now(app, "POST", "/own/v1/talk", headers=(BEARER, JSON), body=orjson.dumps(talk)).json[
        "provider_id"
    ] == "own"
