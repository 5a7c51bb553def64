"""The official packages as clients, a gateway, and both vendors' servers behind it, all on real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import anthropic
import openai
import pytest
from providers import anthropic_server, openai_server
from serving import KEY, gateway, served

PROVIDERS = """
providers:
  up-openai:
    type: openai
    base_url: {openai}/v1
    key: {openai_key}
    models: any
  up-anthropic:
    type: anthropic
    base_url: {anthropic}
    key: {anthropic_key}
    models: any
"""


@dataclass
class World:
    """Both clients, both providers, and the gateway between them."""

    openai: openai.OpenAI
    anthropic: anthropic.Anthropic
    openai_server: openai_server.OpenAIServer
    anthropic_server: anthropic_server.AnthropicServer
    url: str


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    first, second = openai_server.OpenAIServer(), anthropic_server.AnthropicServer()
    with served(first) as first_url, served(second) as second_url:
        declared = PROVIDERS.format(
            openai=first_url, openai_key=openai_server.KEY, anthropic=second_url, anthropic_key=anthropic_server.KEY
        )
        with gateway(tmp_path_factory.mktemp("sdk"), declared) as url:
            yield World(
                openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0),
                anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0),
                first, second, url,
            )  # fmt: skip
