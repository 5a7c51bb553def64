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
        if "post" in item and "else" in item["post"].get("x-pass-through", {"else": "converse"})
        for name, example in item["post"]["requestBody"]["content"]["application/json"]["examples"].items()
    ]


def counts(path: str) -> bool:
    """Whether what is asked for there is a number, which does not stream."""
    return path.endswith("/count_tokens")


def declared(path: str) -> dict[str, Any]:
    """The media types of the answer 200 of a path."""
    return follow(contract(), operation_at(path)["responses"]["200"])["content"]


def operation_at(path: str) -> dict[str, Any]:
    """The operation under a path whose parameters are filled in."""
    return next(item["post"] for each, item in contract()["paths"].items() if each.format(**PROVIDER) == path)


def element_of(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of one element of an array; of anything else, the schema itself."""
    return follow(contract(), schema).get("items", schema)


def data_of(response: httpx.Response) -> list[tuple[str | None, str]]:
    """Name and data of what a stream consists of, however it is framed."""
    kind = response.headers["content-type"].split(";")[0]
    if kind == "application/x-ndjson":
        return [(None, line) for line in response.text.splitlines()]
    if kind == "application/json":
        return [(None, orjson.dumps(element).decode()) for element in response.json()]
    return events(response.text)


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
    declared_stream = False if counts(path) else operation_at(path).get("x-stream")
    if declared_stream is (not stream):
        pytest.skip("this operation does the other")
    response = client.post(path, json=body if declared_stream is stream else {**body, "stream": stream})
    assert response.status_code == 200, response.text
    media = declared(path)[response.headers["content-type"].split(";")[0]]
    schemas = Schemas(CLOSED)
    if not stream:
        schemas.compile(media["schema"]).validate(response.json())
        return
    found = data_of(response)
    if "x-event-end" in media:
        assert found.pop()[1] == media["x-event-end"]
    for event, data in found:
        if "x-event-data" in media:
            envelope = {"data": data} if event is None else {"event": event, "data": data}
            schemas.compile(media["schema"]).validate(envelope)
        schemas.compile(media.get("x-event-data", element_of(media["schema"]))).validate(orjson.loads(data))


@pytest.mark.parametrize("path", ["/v1beta/models/demo:echo:streamGenerateContent", "/v1beta/models/demo:echo:generateContent"])
def test_a_stream_is_framed_as_its_query_says(client: httpx.Client, path: str) -> None:
    """One path gives server-sent events or a JSON array; the other knows no stream."""
    body = next(body for each, name, body in posts() if each == path and name == "plain")
    media = declared(path)
    response = client.post(path, params={"alt": "sse"}, json=body)
    kind = response.headers["content-type"].split(";")[0]
    assert kind == ("text/event-stream" if "text/event-stream" in media else "application/json")
    if kind == "application/json":
        Schemas(CLOSED).compile(media[kind]["schema"]).validate(response.json())
        return
    for _, data in events(response.text):
        Schemas(CLOSED).compile(media[kind]["x-event-data"]).validate(orjson.loads(data))


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
        ("/api/hello", "Hello"),
        ("/v1/models", "ModelList"),
        ("/v1/models?limit=1&offset=1000", "ModelList"),
        ("/demo/v1/models", "ModelList"),
        ("/v1/models/demo:echo", "Model"),
        ("/v1beta/models", "GeminiModelList"),
        ("/v1beta/models/demo:echo", "GeminiModel"),
        ("/api/tags", "OllamaModelList"),
        ("/api/version", "OllamaVersion"),
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
