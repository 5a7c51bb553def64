"""What real clients sent after a tool was used, said again to a provider of each kind.

The bodies were recorded while the clients themselves ran through Morello; long texts are cut to their form. Each file
is a client: of each request its path, the headers that matter, its body, under `loses` what each kind of provider
cannot be told of it, and under `refused` what the stand-in of its own family says to it, being stricter than the
original, or to a thought that another made. MODEL stands for the model. The thoughts in them carry the seal of the provider `up-gemini`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from providers import (
    anthropic_server,
    cohere_server,
    converse_server,
    gemini_server,
    ollama_server,
    openai_server,
    responses_server,
)
from rosetta.oracles import request_validator
from serving import KEY, gateway, served

STAND_INS: dict[str, tuple[Any, str, str, str]] = {
    "openai": (openai_server.OpenAIServer, "/v1", openai_server.KEY, "gpt-4o"),
    "anthropic": (anthropic_server.AnthropicServer, "", anthropic_server.KEY, "claude-test"),
    "responses": (responses_server.ResponsesServer, "/v1", responses_server.KEY, "r-test"),
    "gemini": (gemini_server.GeminiServer, "", gemini_server.KEY, "gemini-test"),
    "ollama": (ollama_server.OllamaServer, "", "none", "qwen3:8b"),
    "cohere": (cohere_server.CohereServer, "", cohere_server.KEY, "command-test"),
    "bedrock": (converse_server.ConverseServer, "", converse_server.KEY, "nova-pro"),
}
"""By dialect: the server, what follows its address, its key, and a model."""

RECORDED = [
    pytest.param(request, id=f"{file.stem} {request['path'].partition('?')[0]} {number}")
    for file in sorted(Path(__file__).parent.glob("*.yaml"))
    for number, request in enumerate(yaml.safe_load(file.read_text("utf-8")), start=1)
]


OWN = {"/v1/chat/completions": "openai", "/v1/messages": "anthropic", "/v1/responses": "responses", "/api/chat": "ollama"}
"""Whose words are spoken at a path; all else is Gemini's."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, Any]]]:
    """The gateway's address, and the servers behind it by dialect."""
    servers = {dialect: server() for dialect, (server, _, _, _) in STAND_INS.items()}
    with ExitStack() as stack:
        lines = ["providers:"]
        for dialect, (_, suffix, key, _) in STAND_INS.items():
            url = stack.enter_context(served(servers[dialect]))
            lines.append(f"  up-{dialect}: {{type: {dialect}, base_url: '{url}{suffix}', key: {key}, models: any}}")
        yield stack.enter_context(gateway(tmp_path_factory.mktemp("clients"), "\n".join(lines))), servers


def said(world: tuple[str, dict[str, Any]], request: dict[str, Any], dialect: str) -> httpx.Response:
    """The answer to a recorded request, whose model is now one of this dialect's provider."""
    model = f"up-{dialect}:{STAND_INS[dialect][3]}"
    headers = {"authorization": f"Bearer {KEY}", **request.get("headers", {})}
    body = {**request["body"], **({"model": model} if "model" in request["body"] else {})}
    return httpx.post(world[0] + request["path"].replace("MODEL", model), json=body, headers=headers, timeout=20, trust_env=False)


@pytest.mark.parametrize("dialect", STAND_INS)
@pytest.mark.parametrize("request_", RECORDED)
def test_a_conversation_with_tools_goes_on(world: tuple[str, dict[str, Any]], request_: dict[str, Any], dialect: str) -> None:
    """The provider takes what it is told, says what the tool gave, and the client hears of all that was lost."""
    answer = said(world, request_, dialect)
    if dialect in request_.get("refused", {}):
        assert OWN.get(request_["path"].partition("?")[0], "gemini") == dialect, "only what passes through is refused"
        assert (answer.status_code, request_["refused"][dialect] in answer.text) == (400, True)
        return
    assert answer.status_code == 200, answer.text
    heard = "".join(answer.text.split())
    assert "Resul" in heard, heard
    assert not any(line.startswith("event: error") for line in answer.text.splitlines())
    expected = request_["loses"].get(dialect, [])
    assert answer.headers.get("gateway-warnings", "") == ", ".join(expected)


@pytest.mark.parametrize("dialect", [dialect for dialect in STAND_INS if dialect != "ollama"])
@pytest.mark.parametrize("request_", RECORDED)
def test_what_is_translated_is_of_the_official_form(
    world: tuple[str, dict[str, Any]], request_: dict[str, Any], dialect: str
) -> None:
    """The types of the vendor's own package take what the provider got, where it was translated."""
    path = request_["path"].partition("?")[0]
    if OWN.get(path, "gemini") == dialect:
        pytest.skip("it passes through")
    assert said(world, request_, dialect).status_code == 200
    got = json.loads(world[1][dialect].last.raw)
    request_validator(dialect).validate(got)
