"""The next endpoint that passes through is a path in the contract and a line in providers.yaml: no Python."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from contract.contract_specimens import contract
from providers.service_server import Pieces, ServiceServer
from providers.vendor_server import Reply
from serving import KEY, gateway, served

PROVIDERS = """
providers:
  p:
    type: openai
    base_url: {url}/v1
    key: sk-secret
    models: any
    services: {{edits: {{path: /images/edits}}, music: {{path: "/music/{{{{ model }}}}"}},
                remix: {{path: /remix}}}}
"""


def operation(name: str, service: str, media_type: str, answer: str) -> dict[str, Any]:
    """What somebody would write into openapi.yaml."""
    model = {"type": "object", "required": ["model"], "properties": {"model": {"type": "string"}}}
    return {"post": {
        "operationId": name, "tags": ["images"], "x-dialect": "openai", "x-pass-through": {"service": service},
        "requestBody": {"required": True, "content": {media_type: {"schema": model}}},
        "responses": {"200": {"description": "Done.", "content": {answer: {"schema": {"type": "object"}}}}},
    }}  # fmt: skip


@pytest.fixture(scope="module")
def gateway_of_tomorrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServiceServer, httpx.Client]]:
    document = copy.deepcopy(contract())
    document["paths"]["/v1/images/edits"] = operation("createImageEdit", "edits", "multipart/form-data", "application/json")
    document["paths"]["/v1/audio/remix"] = operation("createRemix", "remix", "multipart/form-data", "audio/*")
    document["paths"]["/v1/music"] = operation("createMusic", "music", "application/json", "audio/flac")
    provider = ServiceServer()
    with (
        served(provider) as upstream,
        gateway(tmp_path_factory.mktemp("home"), PROVIDERS.format(url=upstream), document=document) as url,
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}, trust_env=False) as client,
    ):
        yield provider, client


def test_a_form_of_tomorrow(gateway_of_tomorrow: tuple[ServiceServer, httpx.Client]) -> None:
    provider, client = gateway_of_tomorrow
    provider.next_replies = [Reply(200, {"created": 1})]
    answer = client.post("/v1/images/edits", data={"model": "p:gpt-image-2"}, files={"image": ("a.png", b"\x89PNG")})
    assert answer.json() == {"created": 1}
    assert provider.last.path == "/v1/images/edits"
    assert b'name="model"\r\n\r\ngpt-image-2\r\n' in provider.last.raw


def test_a_sound_of_tomorrow(gateway_of_tomorrow: tuple[ServiceServer, httpx.Client]) -> None:
    provider, client = gateway_of_tomorrow
    provider.next_replies = [Pieces(200, headers={"content-type": "audio/flac"}, pieces=[b"fLaC"])]
    answer = client.post("/v1/music", json={"model": "p:lyra", "mood": "sad"})
    assert (answer.headers["content-type"], answer.content) == ("audio/flac", b"fLaC")
    assert (provider.last.path, provider.last.body) == ("/v1/music/lyra", {"model": "lyra", "mood": "sad"})
    assert client.post("/v1/music", json={}).status_code == 400
    assert client.post("/v1/music", json={"model": "p:x"}, headers={"authorization": "Bearer no"}).status_code == 401


def test_a_form_that_is_answered_with_a_sound(gateway_of_tomorrow: tuple[ServiceServer, httpx.Client]) -> None:
    """A path in the contract and a line in providers.yaml: a file goes out as it comes in, and so do the bytes that answer."""
    provider, client = gateway_of_tomorrow
    sound = [bytes(range(256)) * 40, b"\0\xff" * 900]
    provider.next_replies = [Pieces(200, headers={"content-type": "audio/wav"}, pieces=sound)]
    song = bytes(range(256)) * 20_000
    answer = client.post("/v1/audio/remix", data={"model": "p:tape", "speed": "2"}, files={"song": ("a.wav", song, "audio/wav")})
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "audio/wav", b"".join(sound))
    assert answer.headers["gateway-model"] == "p:tape"
    seen = provider.last
    assert (seen.path, seen.headers["authorization"]) == ("/v1/remix", "Bearer sk-secret")
    assert song in seen.raw
    assert b'name="model"\r\n\r\ntape\r\n' in seen.raw
    assert int(seen.headers["content-length"]) == len(seen.raw)
    failure = {"error": {"message": "too long a song", "type": "invalid_request_error"}}
    provider.next_replies = [Reply(400, failure)]
    refused = client.post("/v1/audio/remix", data={"model": "p:tape"}, files={"song": b"x"})
    assert (refused.status_code, refused.json()) == (400, failure)
    assert client.post("/v1/audio/remix", data={"speed": "2"}, files={"song": b"x"}).json()["error"]["code"] == "missing_field"
    assert client.post("/v1/audio/remix", json={"model": "p:tape"}).status_code == 415
