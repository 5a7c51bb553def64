"""A stream of which nothing has been sent can still fail by its status."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from matrix.stage import CLIENTS, MEDIA, Stage, dialects
from matrix.test_matrix_answers import ASKS
from rosetta.oracles import check_contract
from rosetta.stories import WIRES

from handlers.engine.event_stream import write_event

ERRORS: dict[str, tuple[str, Any, set[int]]] = {
    "openai": ("", {"error": {"message": "busy today", "type": "server_error", "code": "server_is_overloaded"}}, {502, 503, 529}),
    "anthropic": ("error", {"type": "error", "error": {"type": "overloaded_error", "message": "busy today"}}, {503, 529}),
    "responses": ("error", {"type": "error", "code": "server_error", "message": "busy today", "sequence_number": 0}, {502}),
    "gemini": ("", {"error": {"code": 503, "status": "UNAVAILABLE", "message": "busy today"}}, {503, 529}),
    "ollama": ("", {"error": "busy today"}, {502}),
    "cohere": ("", {"message": "busy today"}, {502}),
    "bedrock": ("throttlingException", {"message": "busy today"}, {429}),
}  # fmt: skip
"""An event that is an error, and what its status comes to."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("unbegun"))
    yield stage
    stage.close()


def framed(provider: str, name: str, event: Any) -> tuple[str, bytes]:
    framing, raw = dialects()[provider].stream.name, orjson.dumps(event)
    if framing == "aws-event-stream":
        return "application/vnd.amazon.eventstream", write_event(name, raw)
    if framing == "ndjson":
        return MEDIA[framing], raw + b"\n"
    return MEDIA[framing], (b"event: " + name.encode() + b"\n" if name else b"") + b"data: " + raw + b"\n\n"


@pytest.mark.parametrize("media_type", [None, "application/json"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("provider", WIRES)
def test_a_stream_that_holds_only_an_error_is_told_by_its_status(
    stage: Stage, provider: str, client: str, media_type: str | None
) -> None:
    """Whatever the framing: a client's own recovery (waiting, trying again) begins at the status."""
    name, event, statuses = ERRORS[provider]
    said = framed(provider, name, event)
    if client == provider or (media_type and dialects()[provider].stream.name != "ndjson"):
        return
    heard, _ = stage.ask(client, provider, ASKS[client], stream=True, says=(media_type or said[0], said[1]))
    if client == "responses" and heard.status == 200:  # its agents read these in a stream
        assert b"response.failed" in heard.body
        return
    assert heard.status in statuses, heard.body
    assert "json" in heard.headers["content-type"]
    check_contract(client, "error", heard.json())
    assert "busy today" in heard.body.decode()
    assert heard.headers["gateway-model"] == f"up-{provider}:m"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("provider", WIRES)
def test_a_stream_that_says_nothing_at_all_is_told_by_its_status(stage: Stage, provider: str, client: str) -> None:
    """It broke off before it began."""
    media = framed(provider, "x", {})[0]
    heard, _ = stage.ask(client, provider, ASKS[client], stream=True, says=(media, b""))
    assert heard.status == 502
    check_contract(client, "error", heard.json())
