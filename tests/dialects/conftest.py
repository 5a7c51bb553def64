"""Official packages as clients, a gateway, and vendors' servers behind it, all on real sockets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import anthropic
import ollama
import openai
import pytest
from google import genai
from google.genai import types
from providers import anthropic_server, cohere_server, converse_server, gemini_server, ollama_server, openai_server
from serving import KEY, gateway, served

PROVIDERS = """
providers:
  up-openai: {{type: openai, base_url: "{openai}/v1", key: {openai_key}, models: any}}
  up-anthropic: {{type: anthropic, base_url: "{anthropic}", key: {anthropic_key}, models: any}}
  up-gemini: {{type: gemini, base_url: "{gemini}", key: {gemini_key}, models: any}}
  up-ollama: {{type: ollama, base_url: "{ollama}", models: any}}
  up-cohere: {{type: cohere, base_url: "{cohere}", key: {cohere_key}, models: any}}
  up-bedrock: {{type: bedrock, base_url: "{bedrock}", key: {bedrock_key}, models: any}}
  up-signed:
    type: bedrock
    base_url: "{bedrock}"
    auth: {{scheme: sigv4, service: bedrock, region: {region}, access_key: {access_key}, secret_key: {secret_key}, session_token: {token}}}
"""


@dataclass
class World:
    """The clients, the gateway's address, and the servers by name."""

    openai: openai.OpenAI
    anthropic: anthropic.Anthropic
    genai: genai.Client
    ollama: ollama.Client
    servers: dict[str, Any]
    url: str


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    servers: dict[str, Any] = {
        "openai": openai_server.OpenAIServer(), "anthropic": anthropic_server.AnthropicServer(),
        "gemini": gemini_server.GeminiServer(), "ollama": ollama_server.OllamaServer(),
        "cohere": cohere_server.CohereServer(), "bedrock": converse_server.ConverseServer(),
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        urls = {name: stack.enter_context(served(server)) for name, server in servers.items()}
        servers["signed"] = servers["bedrock"]
        declared = PROVIDERS.format(
            **urls, openai_key=openai_server.KEY, anthropic_key=anthropic_server.KEY, gemini_key=gemini_server.KEY,
            cohere_key=cohere_server.KEY, bedrock_key=converse_server.KEY, region=converse_server.REGION,
            access_key=converse_server.ACCESS_KEY, secret_key=converse_server.SECRET_KEY, token=converse_server.TOKEN,
        )  # fmt: skip
        with gateway(tmp_path_factory.mktemp("dialects"), declared) as url:
            world = World(
                openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0),
                anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0),
                genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=url, timeout=20_000)),
                ollama.Client(host=url, headers={"authorization": f"Bearer {KEY}"}, timeout=20),
                servers, url,
            )  # fmt: skip
            yield world
            for client in (world.openai, world.anthropic, world.genai, world.ollama._client):
                client.close()
