"""Services pass through: the body with another name for the model, the answer as it is, failures in the caller's words."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from providers.service_server import Pieces
from providers.vendor_server import Reply
from serving import KEY

BODIES = {
    "/v1/embeddings": {"input": "a fox"},
    "/v1/images/generations": {"prompt": "a fox"},
    "/v1/audio/speech": {"input": "a fox", "voice": "alloy"},
    "/v1/moderations": {"input": "a fox"},
    "/v1/rerank": {"query": "a fox?", "documents": ["a fox", "a quay"]},
}
JSON_ANSWERS = [path for path in BODIES if path != "/v1/audio/speech"]


@pytest.mark.parametrize("path", BODIES)
def test_a_body_passes_through_but_for_the_model(bench: Any, path: str) -> None:
    """Spaces, order, unknown members and numbers as they were written; address, key and query are the provider's."""
    raw = b'{ "x_unknown": 1.0,\n "model": "all:a/b:c", ' + str(BODIES[path])[1:].replace("'", '"').encode()
    answer = bench.post(f"{path}?beta=true&key=no", raw, Reply(200, {"ok": True}))
    assert answer.status_code == 200, answer.text
    seen = bench.provider.last
    assert seen.raw == raw.replace(b'"all:a/b:c"', b'"a/b:c"')
    if path == "/v1/rerank":
        assert (seen.path, seen.query) == ("/v1/models/a%2Fb%3Ac/rerank", "api-version=v2&beta=true")
    else:
        assert (seen.path, seen.query) == (path, "beta=true")
    assert seen.headers["authorization"] == "Bearer sk-secret-of-all"
    assert KEY not in str(seen)


@pytest.mark.parametrize("path", JSON_ANSWERS)
def test_an_answer_in_json_names_the_model_as_the_caller_did_defect_230(bench: Any, path: str) -> None:
    raw = b'{"object":"list", "model" : "text-embedding-3-small-v2","data":[1.0],"x":{"model":"inner"}}'
    reply = Reply(200, raw, headers={"x-request-id": "up-1", "x-ratelimit-limit-requests": "9", "x-secret": "1"})
    answer = bench.post(path, {"model": "my-embedder", **BODIES[path]}, reply)
    assert answer.content == raw.replace(b"text-embedding-3-small-v2", b"my-embedder")
    assert answer.headers["gateway-model"] == "all:text-embedding-3-small"
    assert answer.headers["gateway-upstream-request-id"] == "up-1"
    assert answer.headers["x-ratelimit-limit-requests"] == "9"
    assert "x-secret" not in answer.headers
    assert answer.headers["request-id"].startswith("req_")
    assert bench.provider.last.body["model"] == "text-embedding-3-small"


@pytest.mark.parametrize("kind", ["audio/mpeg", "image/png", "application/octet-stream", "text/plain; charset=utf-8"])
def test_an_answer_that_is_no_json_is_relayed_as_it_is(bench: Any, kind: str) -> None:
    """Bytes that look like nothing, in several pieces."""
    pieces = [bytes(range(256)) * 40, b"\r\n\r\n", b'{"model":"not mine"}']
    answer = bench.post("/v1/audio/speech", {"model": "all:tts", **BODIES["/v1/audio/speech"]},
                        Pieces(200, headers={"content-type": kind}, pieces=pieces))  # fmt: skip
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.content == b"".join(pieces)
    assert answer.headers["gateway-model"] == "all:tts"


def test_an_answer_that_breaks_off_breaks_off(bench: Any) -> None:
    """A sound has no place for an error: its caller must see that the end is missing."""
    reply = Pieces(200, headers={"content-type": "audio/mpeg"}, pieces=[b"x" * 5000], cut=True)
    with pytest.raises(httpx.RemoteProtocolError):
        bench.post("/v1/audio/speech", {"model": "all:tts", **BODIES["/v1/audio/speech"]}, reply)


def test_a_streamed_answer_is_relayed_event_by_event(bench: Any) -> None:
    events = [b'event: image_generation.partial_image\ndata: {"type":"image_generation.partial_image","b64_json":"aGk="}\n\n',
              b'event: image_generation.completed\ndata: {"type":"image_generation.completed","b64_json":"aGk="}\n\n']  # fmt: skip
    body = {"model": "all:gpt-image-1", "prompt": "a fox", "stream": True}
    answer = bench.post("/v1/images/generations", body, Reply(200, events=events))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.content == b"".join(events)
    assert bench.provider.last.body == {**body, "model": "gpt-image-1"}, "nothing is added for the stream's sake"


# ---- failures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", BODIES)
def test_a_provider_without_the_service_is_a_404_that_names_those_with_it(bench: Any, path: str) -> None:
    answer = bench.client.post(path, json={"model": "none:m", **BODIES[path]})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (404, "service_not_found", "model")
    assert "The provider 'none' does not declare the service" in error["message"]
    assert "all" in error["message"]


def test_a_provider_takes_a_service_away_and_puts_another_elsewhere(bench: Any) -> None:
    assert bench.client.post("/v1/rerank", json={"model": "some:m", **BODIES["/v1/rerank"]}).status_code == 404
    reply = Pieces(200, headers={"content-type": "audio/mpeg"}, pieces=[b"x"])
    answer = bench.post("/v1/audio/speech", {"model": "some:m", **BODIES["/v1/audio/speech"]}, reply)
    assert answer.status_code == 200
    assert bench.provider.last.path == "/elsewhere/speak"


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [("some:other", 404, "model_not_found"), ("nobody:m", 404, "model_not_found"), ("m", 400, "model_without_provider"),
     ("all:..", 400, "model_not_found"), ("dead:m", 502, "connect_error")],
)  # fmt: skip
def test_a_model_that_is_not_there_is_told_as_in_a_conversation(bench: Any, model: str, status: int, code: str) -> None:
    answer = bench.client.post("/v1/embeddings", json={"model": model, "input": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_an_error_leaves_in_the_providers_own_words(bench: Any) -> None:
    body = {"error": {"message": "too many", "type": "tokens", "param": None, "code": "rate_limit_exceeded", "x": 1}}
    answer = bench.post("/v1/embeddings", {"model": "all:m", "input": "x"}, Reply(429, body, headers={"retry-after": "7"}))
    assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (429, body, "7")


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(401, {"error": {"message": "bad key sk-secret-of-all"}}), "provider_credential_refused"),
        (Pieces(502, headers={"content-type": "text/html"}, pieces=[b"<html>bad gateway"]), None),
        (Pieces(200, headers={"content-type": "text/html"}, pieces=[b"<html>welcome"]), "not_json"),
        (Pieces(200, headers={"content-type": "application/json"}, pieces=[b'{"a":']), "not_json"),
    ],
)
def test_what_is_no_answer_is_a_502_in_the_callers_words(bench: Any, reply: Reply, code: str | None) -> None:
    answer = bench.post("/v1/embeddings", {"model": "all:m", "input": "x"}, reply)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, code)
    assert "sk-secret" not in answer.text


def test_a_body_is_checked_as_the_contract_says(bench: Any) -> None:
    answer = bench.client.post("/v1/embeddings", json={"model": "all:m"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "/input")


# ---- what a caller must not get at ----------------------------------------------------------------------------------


def test_routing_is_not_taken_from_the_body_defect_183(bench: Any) -> None:
    """What looks like an address is a member like any other: it goes where everything goes."""
    body = {"model": "all:m", "input": "x", "base_url": "http://127.0.0.1:1/", "api_base": "http://127.0.0.1:1/"}
    bench.post("/v1/embeddings", body, Reply(200, {"data": []}))
    assert bench.provider.last.path == "/v1/embeddings"
    assert bench.provider.last.body == {**body, "model": "m"}


def test_a_header_cannot_choose_another_provider_defect_213(bench: Any) -> None:
    headers = {"x-provider": "some", "gateway-model": "some:m", "x-portkey-provider": "some", "host": "elsewhere.example"}
    answer = bench.post("/v1/embeddings", {"model": "all:m", "input": "x"}, Reply(200, {"data": []}), **headers)
    assert answer.headers["gateway-model"] == "all:m"
    assert bench.provider.last.headers["authorization"] == "Bearer sk-secret-of-all"
    assert not {"x-provider", "gateway-model", "x-portkey-provider"} & set(bench.provider.last.headers)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches", "/v1/fine_tuning/jobs", "/v1/organization/users", "/all/v1/files"])
def test_the_operators_account_is_out_of_reach_defect_214(bench: Any, method: str, path: str) -> None:
    """Only what the contract declares passes through: files, batches and accounts are not there."""
    before = len(bench.provider.received)
    answer = bench.client.request(method, path, json={"model": "all:m"} if method == "POST" else None)
    assert answer.status_code == 404
    assert len(bench.provider.received) == before
