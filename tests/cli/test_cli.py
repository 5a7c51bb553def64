"""The command line: one clear line for what is wrong, and the right exit status."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from handlers.cli import main

ROOT = Path(__file__).parents[2]
PROVIDER = "providers:\n  p: {type: openai, base_url: 'http://127.0.0.1:9/v1', key: '${P_KEY}'}\n"


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own configuration counts, and nothing is written outside the test's folder."""
    for name in ("MORELLO_HOME", "MORELLO_HOST", "MORELLO_PORT", "MORELLO_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        status = main(arguments)
    except SystemExit as end:
        status = int(end.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def write(text: str) -> None:
    Path("providers.yaml").write_text(text)


def test_version(capsys) -> None:
    status, out, _ = run(capsys, "--version")
    assert status == 0
    assert out.startswith("morello ")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 2, "the following arguments are required"),
        (["bake"], 2, "invalid choice: 'bake'"),
        (["serve", "--port", "abc"], 1, "'abc' is not a port. A port is a number from 0 to 65535."),
        (["serve", "--port", "70000"], 1, "'70000' is not a port."),
        (["serve", "--home", "nowhere"], 1, "does not exist"),
        (["serve", "--host", "0.0.0.0", "--no-auth"], 1, "on this machine only"),
        (["serve", "--host", "0.0.0.0", "--open-paths", "/api/*"], 1, "on this machine only"),
        (["serve", "--tls-cert", "x"], 1, "--tls-cert and --tls-key go together."),
        (["serve", "--tls-cert", "x", "--tls-key", "y"], 1, "x: There is no such file."),
        (["serve", "--tls-cert", __file__, "--tls-key", __file__], 1, "test_cli.py: This certificate and the key"),
        (["serve", "--root-path", "api"], 1, "does not begin with a slash"),
        (["serve", "--cors-origin", "chat.example.com"], 1, "Such as https://chat.example.com, or * for all."),
        (["serve", "--cors-origin", "https://chat.example.com/page"], 1, "is not an origin"),
        (["serve", "--api-key-file", "nowhere"], 1, "nowhere: The file of the key cannot be read."),
        (["serve", "--log-level", "loud"], 2, "invalid choice: 'loud'"),
        (["explain", "nowhere.json"], 1, "nowhere.json"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line(capsys, arguments, status, words) -> None:
    """No traceback, and exit status 2 for the command line itself."""
    got, out, err = run(capsys, *arguments)
    assert got == status
    assert words in err
    assert out == ""
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("body", "more", "words"),
    [
        ('{"model": 7}', [], "`model` must be a text"),
        ('{"messages": []}', [], "`model` must be a text"),
        ('{"model": "nobody:x"}', [], "there is no provider 'nobody'"),
        ('{"model": "demo:echo"', [], "This is not JSON"),
        ("[]", [], "A JSON object is expected."),
        ('{"model": "demo:echo"}', ["--as", "bedrock"], "Name one with --as: openai, anthropic, "),
        ('{"model": "demo:echo", "messages": "hi"}', ["--neutral"], "has a form that cannot be translated"),
    ],
)
def test_a_question_that_cannot_be_explained_is_told_in_one_line(capsys, tmp_path, body, more, words) -> None:
    file = tmp_path / "question.json"
    file.write_text(body)
    status, out, err = run(capsys, "explain", str(file), *more)
    assert (status, out) == (1, "")
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["serve", "lint", "test", "config"])
def test_a_broken_file_is_told_with_its_line(capsys, command) -> None:
    write("providers:\n  p: {type: openai, base_url: http://127.0.0.1:9/v1, key: ${KEY}}\n")
    status, out, err = run(capsys, command)
    assert status == 1
    assert "providers.yaml:2" in out + err
    assert "without quotes" in out + err
    assert "Traceback" not in err


def test_a_port_in_use_is_one_line_and_no_other_port_defect_172(capsys) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, _, err = run(capsys, "serve", "--port", str(port))
    assert status == 1
    assert f"morello: Port {port} on 127.0.0.1 is in use." in err
    assert "Traceback" not in err


def test_lint_fails_on_errors_and_strictly_on_warnings(capsys) -> None:
    write(PROVIDER)
    assert run(capsys, "lint")[0] == 0
    status, out, _ = run(capsys, "lint", "--strict")
    assert status == 1
    assert "providers.yaml:2  P002 warning  providers.p.key: P_KEY is not set, so p is off." in out
    write(PROVIDER.replace("openai", "opneai"))
    status, out, _ = run(capsys, "lint")
    assert status == 1
    assert "P005 error" in out
    assert "Did you mean 'openai'?" in out


def test_config_shows_where_calls_go_and_no_secret_defect_195_defect_199_defect_215(capsys, monkeypatch) -> None:
    """The final URL of each provider, what is off and why; a key nowhere, not even in part."""
    monkeypatch.setenv("P_KEY", "sk-very-secret")
    more = "    headers: {x-a: '${P_KEY}'}\n  q: {type: anthropic, base_url: 'https://h', key: '${Q}'}\n"
    write("providers:\n  p:\n    type: openai\n    base_url: http://127.0.0.1:9/v1\n    key: ${P_KEY}\n" + more)
    status, out, _ = run(capsys, "config")
    assert status == 0
    assert "POST http://127.0.0.1:9/v1/chat/completions" in out
    assert "q (anthropic) off: Q is not set; providers.yaml:7" in out
    assert "very-secret" not in out


def test_key_says_where_it_is_and_shows_it_only_when_asked(capsys, monkeypatch) -> None:
    status, out, _ = run(capsys, "key")
    assert status == 0
    kept = Path(os.environ["XDG_STATE_HOME"]) / "morello" / "key"
    assert str(kept) in out
    key = kept.read_text().strip()
    assert key not in out
    assert run(capsys, "key", "--show")[1].strip() == key
    monkeypatch.setenv("MORELLO_API_KEY", "from-the-variable")
    assert run(capsys, "key", "--show")[1].strip() == "from-the-variable"
    assert "MORELLO_API_KEY" in run(capsys, "key")[1]


def test_key_of_the_file_is_not_shown_unasked(capsys, monkeypatch) -> None:
    monkeypatch.setenv("LAPTOP", "laptop-key-123")
    write(PROVIDER + "keys: {laptop: '${LAPTOP}'}\n")
    assert "laptop-key-123" not in run(capsys, "key")[1]
    assert run(capsys, "key", "--show")[1].strip() == "laptop-key-123"


CASE = """\
tests:
  - it: passes what a caller says
    given:
      dialect: openai
      body: {model: "p:m", messages: [{role: user, content: hi}]}
      upstream: {body: {id: c, object: chat.completion, created: 1, model: m, choices: []}}
    expect:
      url: http://127.0.0.1:9/v1/chat/completions
      headers: {authorization: Bearer sk-test}
      body: {model: m, messages: [{role: user, content: hi}]}
      status: 200
      contains: {model: "p:m"}
    overrides: {env: {P_KEY: sk-test}}
"""


def test_test_runs_the_cases_of_the_file(capsys) -> None:
    write(PROVIDER + CASE)
    status, out, _ = run(capsys, "test")
    assert (status, out.splitlines()) == (0, ["providers.yaml", "  ✓ passes what a caller says", "1 test, 0 failed"])


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("body: {model: m,", "body: {model: n,", '/body/model   expected "n"   got "m"'),
        ("Bearer sk-test}", "Bearer other}", "headers.authorization   expected Bearer other   got Bearer sk-test"),
        ("v1/chat/completions", "v2/chat", "url   expected http://127.0.0.1:9/v2/chat"),
        ("status: 200", "status: 201", "status   expected 201   got 200"),
        ('contains: {model: "p:m"}', 'contains: {object: x}', '/object   expected "x"   got "chat.completion"'),
        ('contains: {model: "p:m"}', 'warnings: [unsupported seed]', 'warnings   expected ["unsupported seed"]   got []'),
    ],
)
def test_a_case_that_fails_shows_where(capsys, old, new, line) -> None:
    """The first differing place by JSON pointer, what was expected and what there was."""
    assert old in CASE
    write(PROVIDER + CASE.replace(old, new))
    status, out, _ = run(capsys, "test")
    assert status == 1
    assert line in out
    assert "(providers.yaml:4)" in out
    assert out.endswith("1 test, 1 failed\n")


def test_a_case_of_a_stream(capsys) -> None:
    """A list under `stream` is what the frames carry; `events` must come in this order."""
    chunk = "{id: c, object: chat.completion.chunk, created: 1, model: m, choices: [{index: 0, delta: {content: %s}}]}"
    case = CASE.replace("upstream: {body: {id: c, object: chat.completion, created: 1, model: m, choices: []}}",
                        f"upstream: {{stream: [{chunk % 'Hel'}, {chunk % 'lo'}, '[DONE]']}}")  # fmt: skip
    case = case.replace('model: "p:m", messages', 'model: "p:m", stream: true, messages')
    case = case.replace('contains: {model: "p:m"}', "events: [{choices: [{delta: {content: Hel}}]}, {choices: [{delta: {content: lo}}]}]")
    case = case.replace("      body: {model: m, messages: [{role: user, content: hi}]}\n", "")
    write(PROVIDER + case)
    status, out, _ = run(capsys, "test")
    assert status == 0, out
    write(PROVIDER + case.replace("content: lo}}]}]\n", "content: la}}]}]\n"))
    status, out, _ = run(capsys, "test")
    assert status == 1
    assert "events[1]" in out


def test_words_choose_cases(capsys) -> None:
    write(PROVIDER + CASE)
    assert "0 tests, 0 failed" in run(capsys, "test", "nothing like it")[1]
    assert "1 test, 0 failed" in run(capsys, "test", "caller")[1]


def test_the_bundled_cases_pass(capsys) -> None:
    status, out, _ = run(capsys, "test")
    assert status == 0, out


def test_explain_shows_what_is_sent_and_which_line_wrote_it(capsys, monkeypatch) -> None:
    """One translated request, without a network: the way, the request by lines of templates, losses, the answer back."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-very-secret")
    body = {"model": "anthropic:claude-opus-4-5", "seed": 7, "messages": [{"role": "user", "content": "hi"}]}
    answer = {"id": "m", "type": "message", "role": "assistant", "model": "x", "stop_sequence": None,
              "content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn",
              "usage": {"input_tokens": 1, "output_tokens": 2}}  # fmt: skip
    Path("request.json").write_text(json.dumps(body))
    Path("answer.json").write_text(json.dumps(answer))
    status, out, _ = run(capsys, "explain", "request.json", "--response", "answer.json", "--neutral")
    assert status == 0
    assert "anthropic:claude-opus-4-5 → provider anthropic, model claude-opus-4-5" in out
    assert "request    POST https://api.anthropic.com/v1/messages" in out
    assert re.search(r'"max_tokens": 32000,\s+write_request\.j2:\d+   from defaults:', out)
    assert "warnings   unsupported seed, default max_tokens 32000" in out
    assert '"content": "Hello"' in out
    assert "very-secret" not in out


def test_explain_walks_a_stream_back(capsys, monkeypatch) -> None:
    monkeypatch.setenv("P_KEY", "sk-very-secret")
    write(PROVIDER)
    Path("request.json").write_text(json.dumps({"model": "p:m", "stream": True, "max_tokens": 5, "messages": [
        {"role": "user", "content": "hi"}]}))  # fmt: skip
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
        {"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"}]}  # fmt: skip
    Path("stream.sse").write_text(f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n")
    status, out, _ = run(capsys, "explain", "request.json", "--as", "anthropic", "--stream", "stream.sse")
    assert status == 0, out
    assert "event: message_start" in out
    assert "event: message_stop" in out
    assert "Hello" in out


def test_explain_of_a_model_that_leads_nowhere_says_why(capsys) -> None:
    Path("request.json").write_text('{"model": "openai:gpt-5", "messages": []}')
    status, _, err = run(capsys, "explain", "request.json")
    assert (status, err) == (1, "morello: 404 The provider 'openai' is off: OPENAI_API_KEY is not set.\n")


def healthy(address: str) -> bool:
    """Whether the server answers before long; the table is out a moment before the door is open."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=20) as answer:
                return bool(answer.status == 200)
        except urllib.error.URLError:
            time.sleep(0.05)
    return False


def test_serve_starts_says_where_it_is_and_ends_on_a_signal(tmp_path: Path) -> None:
    """In a process of its own, as a person starts it; variables of .env in the home count."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".env").write_text("MORELLO_PORT=0\nMORELLO_API_KEY=key-of-the-test\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "handlers", "serve", "--home", str(tmp_path / "home")],
        env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        address = ""
        for line in process.stderr:
            assert "key-of-the-test" not in line
            if "address" in line:
                address = line.split()[-1]
                break
        for line in process.stderr:
            if "key" in line:
                break
        assert healthy(address)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.stderr.close()
        process.wait()
