"""`morello test` and `morello explain` for dialects whose paths, not bodies, say which model and whether to stream."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handlers.cli import main

HOME = """
providers:
  o: {type: openai, base_url: "http://x.test/v1", models: {m: {}}}
tests:
  - it: speaks
    given: &given
      dialect: gemini
      body: {model: "o:m", contents: [{role: user, parts: [{text: hi}]}]}
      upstream: &upstream
        body:
          id: c1
          object: chat.completion
          created: 1
          model: m
          choices: [{index: 0, message: {role: assistant, content: hello}, finish_reason: stop}]
    expect:
      url: http://x.test/v1/chat/completions
      body: {model: m, stream: false, messages: [{role: user, content: hi}]}
      status: 200
      contains: {candidates: [{content: {parts: [{text: hello}]}}]}
  - it: names the provider in the path
    given:
      dialect: gemini
      provider: o
      body: {model: m, stream: true, contents: [{role: user, parts: [{text: hi}]}]}
      upstream: *upstream
    expect:
      status: 200
      body: {model: m, stream: true, stream_options: {include_usage: true}, messages: [{role: user, content: hi}]}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "providers.yaml").write_text(HOME)
    return tmp_path


def test_cases_may_be_told_in_a_dialect_whose_model_stands_in_the_path(home, capsys):
    """`model` and `stream` of the body go where the contract has them."""
    assert main(["test", "--home", str(home)]) == 0, capsys.readouterr().out
    assert "2 tests, 0 failed" in capsys.readouterr().out


@pytest.mark.parametrize(("stream", "verb"), [(False, "generateContent"), (True, "streamGenerateContent")])
def test_explain_shows_the_path_with_the_model_in_it(home, capsys, stream, verb):
    question = home / "question.json"
    question.write_text(json.dumps({"model": "o:m", "stream": stream, "contents": [{"role": "user", "parts": [{"text": "hi"}]}]}))
    assert main(["explain", str(question), "--as", "gemini", "--home", str(home)]) == 0
    shown = capsys.readouterr().out
    assert f"o:m:{verb}" in shown
    assert "request    POST http://x.test/v1/chat/completions" in shown
