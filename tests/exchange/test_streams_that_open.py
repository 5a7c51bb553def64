"""Streams of a dialect that opens each with its start (`stream: {opens: true}`): silent providers, early failures."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from providers import responses_server
from providers.vendor_server import Received, Reply, VendorServer
from rosetta.responses_grammar import check_responses
from rosetta.stream_journey import frames_of
from serving import KEY, gateway, served

PROVIDERS = """
providers:
  chat: {{type: openai, base_url: "{url}/v1", models: any}}
  own: {{type: responses, base_url: "{url}/v1", key: {key}, models: any}}
"""
CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "m"}
CHAT = [
    {**CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": None}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
]
WITHIN = 20.0


class Slow:
    """A provider that waits for `go`: before its headers, or (`early`) behind its first event."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.early = False
        self.fails = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await VendorServer.lifespan(receive, send)
            return
        request = await VendorServer.read(scope, receive)
        first, *rest = self.events(request)
        if not self.early:
            await asyncio.to_thread(self.go.wait, WITHIN)
        if self.fails:
            await VendorServer.send(Reply(500, {"error": {"message": "Broken.", "type": "server_error"}}), send)
            return
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": first, "more_body": True})
        if self.early:
            await asyncio.to_thread(self.go.wait, WITHIN)
        await send({"type": "http.response.body", "body": b"".join(rest)})

    @staticmethod
    def events(request: Received) -> list[bytes]:
        if request.path.endswith("/responses"):
            server = responses_server.ResponsesServer()
            return responses_server.numbered(responses_server.events_of(server.answer(request.body), False))
        return [f"data: {json.dumps(each)}\n\n".encode() for each in CHAT] + [b"data: [DONE]\n\n"]


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def url(tmp_path: Path, slow: Slow) -> Iterator[str]:
    with served(slow) as upstream:
        declared = PROVIDERS.format(url=upstream, key=responses_server.KEY)
        with gateway(tmp_path, declared, ping_after=0.1) as address:
            yield address


def heard(url: str, slow: Slow, model: str, sign: bytes) -> bytes:
    """A whole stream; the provider goes on once the caller has heard `sign`."""
    body = {"model": model, "input": "Hello", "stream": True}
    said = b""
    with httpx.stream("POST", f"{url}/v1/responses", headers={"authorization": f"Bearer {KEY}"}, json=body, timeout=WITHIN) as answer:
        for piece in answer.iter_raw():
            said += piece
            if sign in said:
                slow.go.set()
    return said


SECOND = b'"sequence_number":2'


def test_a_silent_provider_is_covered_from_the_beginning_defect_254(url: str, slow: Slow) -> None:
    """The start comes before the provider says anything, once; it is one answer throughout."""
    frames = frames_of(heard(url, slow, "chat:m", SECOND))
    check_responses(frames)
    assert [name for name, _ in frames].count("response.in_progress") > 1
    assert frames[-1][1]["response"]["output"][0]["content"][0]["text"] == "Hi"


def test_a_provider_that_falls_silent_is_covered_defect_254(url: str, slow: Slow) -> None:
    """The sign of life names the answer that has begun."""
    slow.early = True
    said = heard(url, slow, "chat:m", b'"delta":"Hi"')
    check_responses(frames_of(said))


def test_a_stream_that_only_fails_opens_first_defect_252(url: str, slow: Slow) -> None:
    """The headers were out when the provider refused: created, then failed."""
    slow.fails = True
    frames = frames_of(heard(url, slow, "chat:m", SECOND))
    check_responses(frames)
    assert frames[-1][0] == "response.failed"
    assert frames[-1][1]["response"]["error"] == {"code": "server_error", "message": "Broken."}


def test_what_passes_through_has_one_start(url: str, slow: Slow) -> None:
    """Before the provider's own start nothing is said that looks like one."""
    said = heard(url, slow, "own:m", b": ping")
    assert said.startswith(b": ping")
    assert [name for name, _ in frames_of(said)].count("response.created") == 1


def test_a_sign_of_life_in_what_passes_through_names_the_providers_answer_defect_254(url: str, slow: Slow) -> None:
    """The first event told which answer it is; the official package refuses a stream of two answers."""
    slow.early = True
    said = heard(url, slow, "own:m", b"response.in_progress")
    lifecycle = [data["response"] for _, data in frames_of(said) if "response" in data]
    assert len(lifecycle) > 3
    assert {(each["id"], each["model"]) for each in lifecycle} == {("resp_test", "own:m")}
