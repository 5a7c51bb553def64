"""The example that the gateway's users know already, unchanged but for key, address and model."""

from __future__ import annotations

import json

import pytest
from documentation.conftest import Newcomer
from providers import anthropic_server, openai_server
from serving import KEY, gateway, served

EXAMPLE = '''
from openai import OpenAI

client = OpenAI(
    base_url="http://localhost:23333/v1",
    api_key="your-cherry-studio-api-key"
)

# List models
models = client.models.list()
for model in models:
    print(model.id)

# Chat completion
response = client.chat.completions.create(
    model="my-openai:gpt-4",
    messages=[{"role": "user", "content": "Hello!"}]
)
print(response.choices[0].message.content)

# Streaming
stream = client.chat.completions.create(
    model="my-openai:gpt-4",
    messages=[{"role": "user", "content": "Tell me a story"}],
    stream=True
)
for chunk in stream:
    if chunk.choices[0].delta.content:
        print(chunk.choices[0].delta.content, end="")
'''
PROVIDERS = """
providers:
  my-openai: {{type: openai, base_url: "{openai}/v1", key: "{openai_key}", models: {{gpt-4: {{}}}}}}
  my-anthropic: {{type: anthropic, base_url: "{anthropic}", key: "{anthropic_key}", models: {{claude: {{}}}}}}
"""


def ported(url: str, key: str, model: str) -> str:
    text = EXAMPLE
    for old, new in (("http://localhost:23333", url), ("your-cherry-studio-api-key", key), ("my-openai:gpt-4", model)):
        assert old in text
        text = text.replace(old, new)
    return text


def test_with_the_demo(newcomer: Newcomer) -> None:
    ended = newcomer.python(ported(newcomer.url, newcomer.environment["KEY"], "demo:echo"))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "demo:echo\nHello!\nTell me a story"


@pytest.mark.parametrize("model", ["my-openai:gpt-4", "my-anthropic:claude"])
def test_with_servers_that_speak_the_vendors_formats(model: str, newcomer: Newcomer, tmp_path_factory: pytest.TempPathFactory) -> None:
    """An OpenAI-type and an Anthropic-type provider give the same program the same words."""
    first, second = openai_server.OpenAIServer(), anthropic_server.AnthropicServer()
    with served(first) as one, served(second) as other:
        declared = PROVIDERS.format(
            openai=one, openai_key=openai_server.KEY, anthropic=other, anthropic_key=anthropic_server.KEY
        )
        with gateway(tmp_path_factory.mktemp("seed"), declared) as url:
            ended = newcomer.python(ported(url, KEY, model))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "my-openai:gpt-4\nmy-anthropic:claude\nHello!\nTell me a story", json.dumps(ended.stdout)
