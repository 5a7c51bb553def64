"""The services of the providers.yaml that is shipped: where they are, and that the contract and it speak of the same."""

from __future__ import annotations

from typing import Any

import pytest
from contract.contract_specimens import contract

from handlers.engine.configuration import load_configuration
from handlers.engine.contract.document import follow
from handlers.engine.resolving import resolve

KEYS = {f"{name}_API_KEY": "sk-x" for name in
        ("OPENAI", "ANTHROPIC", "OPENROUTER", "DEEPSEEK", "GROQ", "MISTRAL", "XAI", "TOGETHER", "GEMINI", "AZURE_OPENAI")}  # fmt: skip
SERVICES = {
    path: operation["x-pass-through"]["service"]
    for path, item in contract()["paths"].items()
    for operation in item.values()
    if "x-pass-through" in operation and "else" not in operation["x-pass-through"]
}


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Any:
    environment = {**KEYS, "AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com"}
    return load_configuration(tmp_path_factory.mktemp("home"), environment)


@pytest.mark.parametrize(
    ("provider", "service", "url"),
    [
        ("openai", "embeddings", "https://api.openai.com/v1/embeddings"),
        ("openai", "transcriptions", "https://api.openai.com/v1/audio/transcriptions"),
        ("azure", "embeddings", "https://mine.openai.azure.com/openai/v1/embeddings"),
        ("gemini", "embeddings", "https://generativelanguage.googleapis.com/v1beta/openai/embeddings"),
        ("groq", "speech", "https://api.groq.com/openai/v1/audio/speech"),
        ("groq", "embeddings", None),
        ("deepseek", "embeddings", None),
        ("together", "rerank", "https://api.together.xyz/v1/rerank"),
        ("ollama", "completions", "http://127.0.0.1:11434/v1/completions"),
        ("openai", "completions", None),
        ("anthropic", "count_tokens", "https://api.anthropic.com/v1/messages/count_tokens"),
        ("openai", "count_tokens", "https://api.openai.com/v1/responses/input_tokens"),
        ("azure", "count_tokens", "https://mine.openai.azure.com/openai/v1/responses/input_tokens"),
        ("xai", "count_tokens", None),
        ("demo", "embeddings", None),
    ],
)
def test_where_a_service_is(configuration: Any, provider: str, service: str, url: str | None) -> None:
    """The addresses of the vendors' own documentation."""
    door = configuration.providers[provider].serving(service, "openai")
    assert (None if door is None else door.service_url(service, "m")) == url


@pytest.mark.parametrize("path", SERVICES)
def test_an_example_names_a_provider_that_has_the_service(configuration: Any, path: str) -> None:
    """Who has the account can run it as it stands."""
    for media in contract()["paths"][path]["post"]["requestBody"]["content"].values():
        shown = [media["example"]] if "example" in media else [follow(contract(), one)["value"] for one in media["examples"].values()]
        for body in shown:
            target = resolve(configuration, body["model"])
            assert target.provider.serving(SERVICES[path], "openai") is not None, body["model"]
