"""A picture that only has an address, for a provider that takes nothing but the picture itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from handlers.cli import main

HOME = """
providers:
  l: {type: ollama, base_url: "http://x.test", models: {m: {}}}
  b: {type: bedrock, base_url: "http://x.test", models: {m: {}}}
"""
ADDRESS, PICTURE = "https://example.com/a.png", "data:image/png;base64,iVBORw0KGgo="


def chat(url: str) -> tuple[str, Any]:
    return "openai", {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": url}}]}]}  # fmt: skip


def bare(url: str) -> tuple[str, Any]:
    return "openai", {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "see"}, {"type": "image_url", "image_url": url}]}]}  # fmt: skip


def response(url: str) -> tuple[str, Any]:
    return "responses", {"input": [{"role": "user", "content": [
        {"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": url}]}]}  # fmt: skip


@pytest.mark.parametrize("provider", ["l", "b"])
@pytest.mark.parametrize("spelt", [chat, bare, response])
def test_an_address_that_is_not_carried_is_refused_and_the_picture_itself_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], provider: str, spelt: Any
) -> None:
    """A question about a picture that the model never sees has no honest answer."""
    (tmp_path / "providers.yaml").write_text(HOME)
    said = {}
    for url in (ADDRESS, PICTURE):
        dialect, body = spelt(url)
        (tmp_path / "question.json").write_text(json.dumps({"model": f"{provider}:m", **body}))
        main(["explain", str(tmp_path / "question.json"), "--as", dialect, "--home", str(tmp_path)])
        said[url] = capsys.readouterr().out
    assert "unsupported_loss" in said[ADDRESS]
    assert "unsupported_loss" not in said[PICTURE]
    assert "iVBORw0KGgo=" in said[PICTURE]
