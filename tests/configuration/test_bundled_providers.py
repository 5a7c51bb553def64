"""The providers.yaml that is shipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from handlers.engine.configuration import Configuration, load_configuration
from handlers.engine.errors import ConfigurationError

KEYS = {
    f"{name}_API_KEY": f"key-of-{name.lower()}"
    for name in ("OPENAI", "ANTHROPIC", "AZURE_OPENAI", "OPENROUTER", "DEEPSEEK", "GROQ", "MISTRAL", "XAI", "TOGETHER", "GEMINI",
                 "COHERE")
}
PLACES = {
    "AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com", "AZURE_OPENAI_API_VERSION": "2025-01-01-preview",
    "VLLM_URL": "http://127.0.0.1:8000", "LLAMACPP_URL": "http://127.0.0.1:8080",
    "GOOGLE_CLOUD_PROJECT": "mine", "GOOGLE_CLOUD_LOCATION": "us-east5", "VERTEX_ACCESS_TOKEN": "key-of-vertex-anthropic",
    "AWS_REGION": "us-east-1", "AWS_BEARER_TOKEN_BEDROCK": "key-of-bedrock", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret-of-bedrock-iam",
}  # fmt: skip


@pytest.fixture(scope="module")
def configuration(tmp_path_factory) -> Configuration:
    return load_configuration(tmp_path_factory.mktemp("home"), {**KEYS, **PLACES})


def test_with_its_keys_set_everybody_is_on(configuration: Configuration) -> None:
    assert list(configuration.on) == list(configuration.providers)
    assert {"demo", "openai", "anthropic", "azure", "azure-classic", "vertex-anthropic", "ollama", "lmstudio", "vllm", "llamacpp",
            "openrouter", "deepseek", "groq", "mistral", "xai", "together", "gemini", "cohere", "bedrock", "bedrock-iam"} == set(configuration.providers)  # fmt: skip


def test_keys_go_to_their_own_provider_only_and_encrypted(configuration: Configuration) -> None:
    """One key in one header, over https; who is on this machine gets none."""
    for provider in configuration.providers.values():
        door = provider.main
        parts = urlsplit(door.url(model="m", stream=False))
        sent = [value for _, value in door.headers({"model": "m", "stream": False}) if b"key-of-" in value]
        if parts.hostname in ("127.0.0.1", "inside"):
            assert sent == []
        else:
            assert parts.scheme == "https"
            if provider.auth is not None:
                assert sent == []  # it signs (tests/upstream/test_signing.py)
                continue
            assert len(sent) == 1
            assert provider.id.removesuffix("-classic") in sent[0].decode()


@pytest.mark.parametrize(
    ("provider", "url"),
    [
        ("openai", "https://api.openai.com/v1/chat/completions"),
        ("anthropic", "https://api.anthropic.com/v1/messages"),
        ("azure", "https://mine.openai.azure.com/openai/v1/chat/completions"),
        ("ollama", "http://127.0.0.1:11434/api/chat"),
        ("azure-classic", "https://mine.openai.azure.com/openai/deployments/m/chat/completions?api-version=2025-01-01-preview"),
        ("vertex-anthropic", ("https://us-east5-aiplatform.googleapis.com/v1/projects/mine/locations/us-east5"
                              "/publishers/anthropic/models/m:streamRawPredict")),
        ("groq", "https://api.groq.com/openai/v1/chat/completions"),
        ("bedrock", "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse-stream"),
        ("cohere", "https://api.cohere.com/v2/chat"),
        ("gemini", "https://generativelanguage.googleapis.com/v1beta/models/m:streamGenerateContent?alt=sse"),
    ],
)
def test_urls_are_the_documented_ones_defect_173(configuration: Configuration, provider: str, url: str) -> None:
    assert configuration.providers[provider].main.url(model="m", stream=True) == url


@pytest.mark.parametrize(
    ("provider", "url"),
    [
        ("ollama", "http://127.0.0.1:11434/v1/chat/completions"),
        ("bedrock", "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse-stream"),
        ("cohere", "https://api.cohere.com/v2/chat"),
        ("gemini", "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"),
    ],
)
def test_who_has_a_door_for_a_family_takes_its_callers_there(configuration: Configuration, provider: str, url: str) -> None:
    """What such a caller sends passes through, though the provider has words of its own."""
    assert configuration.providers[provider].door("openai").url(model="m", stream=True) == url


def test_a_closed_schema_gets_nothing_it_does_not_know_defect_208(configuration: Configuration) -> None:
    """What such a server refuses is renamed or taken out."""
    body: dict[str, Any] = {"model": "m", "messages": [], "seed": 1, "max_completion_tokens": 2, "user": "u",
                            "logit_bias": {}, "stream_options": {"include_usage": True}, "store": False, "unheard_of": 1}  # fmt: skip
    patch = configuration.providers["mistral"].main.patch
    assert patch.apply(body, "m") == {"model": "m", "messages": [], "random_seed": 1, "max_tokens": 2}


def test_declared_models_have_dates_that_do_not_move(configuration: Configuration) -> None:
    for provider in configuration.providers.values():
        assert all(model.created for model in provider.models.values())


def test_a_near_copy_of_a_dialect_needs_no_folder(configuration: Configuration) -> None:
    """It shares its parent's functions, passes through with its family, and differs in what it says."""
    parent, child = configuration.dialects["openai"], configuration.dialects["groq"]
    assert (child.family, child.passes_through, child.read_event) == ("openai", True, parent.read_event)
    assert child.tool_names == parent.tool_names


def test_a_near_copy_that_needs_more_than_that_does_not_pass_through(configuration: Configuration) -> None:
    """Where ids must be mended, its own family is translated, too."""
    child = configuration.dialects["mistral"]
    assert (child.family, child.passes_through) == ("openai", False)
    assert (child.usage_option, child.tool_ids is not None and child.tool_ids.max) == (None, 9)


def test_a_half_written_file_is_refused_whole_defect_177(tmp_path: Path) -> None:
    """A file that is read while it is being written makes no configuration at all."""
    text = (Path(__file__).parents[2] / "providers.yaml").read_text()
    (tmp_path / "providers.yaml").write_text(text[: text.index("\nproviders:")] + "\nproviders:\n  p: {type: openai, base_")
    with pytest.raises(ConfigurationError, match=r"^providers\.yaml:\d+: "):
        load_configuration(tmp_path, {})
