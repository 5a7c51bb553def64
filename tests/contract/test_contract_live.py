"""The examples of the contract, tried out: each runs as it stands, and the answer fits the closed view."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
import serving
from contract.closed_view import closed_view, validator
from contract.contract_specimens import contract

from handlers.engine.contract.document import follow
from handlers.engine.contract.schemas import Schemas

CLOSED = closed_view(contract())
PROVIDER = {"provider_id": "demo", "model": "demo:echo"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a gateway as it comes: nothing but the bundled configuration."""
    morello = serving.morello_of(tmp_path_factory.mktemp("home"))
    headers = {"authorization": f"Bearer {serving.KEY}"}
    with serving.served(morello.asgi) as url, httpx.Client(base_url=url, headers=headers, trust_env=False) as found:
        yield found


def posts() -> list[tuple[str, str, dict[str, Any]]]:
    """Path, name and body of each example of a request, by every path that takes it."""
    return [
        (path.format(**PROVIDER), name, follow(contract(), example)["value"])
        for path, item in contract()["paths"].items()
        if "post" in item
        for name, example in item["post"]["requestBody"]["content"]["application/json"]["examples"].items()
    ]


def declared(path: str) -> dict[str, Any]:
    """The media types of the answer 200 of a path."""
    item = contract()["paths"].get(path) or contract()["paths"]["/{provider_id}" + path.removeprefix("/demo")]
    return follow(contract(), item["post"]["responses"]["200"])["content"]


def events(text: str) -> list[tuple[str | None, str]]:
    """Name and data of each event of a stream."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(re.findall(r"^(event|data): (.*)$", block, re.MULTILINE))
        if "data" in fields:
            found.append((fields.get("event"), fields["data"]))
    return found


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("path", "name", "body"), posts(), ids=[f"{path} {name}" for path, name, _ in posts()])
def test_an_example_runs_as_it_stands(
    client: httpx.Client, path: str, name: str, body: dict[str, Any], stream: bool
) -> None:
    """The answer, or each event of the stream, is what the contract says, and no more than that."""
    response = client.post(path, json={**body, "stream": stream})
    assert response.status_code == 200, response.text
    media = declared(path)[response.headers["content-type"].split(";")[0]]
    schemas = Schemas(CLOSED)
    if not stream:
        schemas.compile(media["schema"]).validate(response.json())
        return
    found = events(response.text)
    if "x-event-end" in media:
        assert found.pop()[1] == media["x-event-end"]
    for event, data in found:
        envelope = {"data": data} if event is None else {"event": event, "data": data}
        schemas.compile(media["schema"]).validate(envelope)
        schemas.compile(media["x-event-data"]).validate(orjson.loads(data))


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_the_example_with_a_tool_calls_it(client: httpx.Client, path: str) -> None:
    """Who tries the tools out sees a call."""
    body = next(body for each, name, body in posts() if each == path and name == "tools")
    answer = client.post(path, json=body).json()
    if path.endswith("messages"):
        assert answer["stop_reason"] == "tool_use"
        assert [block["name"] for block in answer["content"] if block["type"] == "tool_use"] == ["get_weather"]
    else:
        assert answer["choices"][0]["finish_reason"] == "tool_calls"
        assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "get_weather"


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/", "Root"),
        ("/health", "Health"),
        ("/v1/models", "ModelList"),
        ("/v1/models?limit=1&offset=1000", "ModelList"),
        ("/demo/v1/models", "ModelList"),
        ("/v1/models/demo:echo", "Model"),
    ],
)
def test_what_is_asked_for_fits(client: httpx.Client, path: str, schema: str) -> None:
    """Everything that can be had without a body."""
    response = client.get(path)
    assert response.status_code == 200, response.text
    validator(CLOSED, schema).validate(response.json())


@pytest.mark.parametrize(("headers", "schema"), [({}, "OpenAIError"), ({"anthropic-version": "x"}, "AnthropicError")])
@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/models/demo:ecko", 404), ("/v1/models?limit=0", 400), ("/nowhere/v1/models", 404), ("/nowhere", 404)],
)
def test_failures_fit(client: httpx.Client, path: str, status: int, headers: dict[str, str], schema: str) -> None:
    """In the shape that the caller's headers ask for."""
    response = client.get(path, headers=headers)
    assert response.status_code == status
    validator(CLOSED, schema).validate(response.json())
