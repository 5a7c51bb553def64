"""The command itself: what it prints at the start, how it ends, what it says when it cannot begin."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from server.scripts import BLOCK_START, MESSAGE_START, STREAM_HEAD, text_delta
from upstream.sockets import Connection, Provider

ROOT = Path(__file__).parent.parent.parent
KEY = "a-key-for-this-test"
HOME = """
providers:
  demo: {{type: demo, transport: demo, models: {{echo: {{}}}}}}
  a: {{type: anthropic, base_url: "http://127.0.0.1:{port}", key: "${{A_KEY}}", models: {{m: {{}}}}}}
  off: {{type: openai, base_url: "https://example.com/v1", key: "${{NOT_SET}}"}}
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


class Running:
    """The command as a process; `said` gathers what it prints on stderr."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        self.grew = threading.Condition()
        self.gathering = threading.Thread(target=self.gather, daemon=True)
        self.gathering.start()

    def gather(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self.grew:
                self.said.append(line.rstrip("\n"))
                self.grew.notify_all()

    def wait_for(self, pattern: str, seconds: float = 20.0) -> re.Match[str]:
        deadline = time.monotonic() + seconds
        with self.grew:
            while True:
                found = next((one for line in self.said if (one := re.search(pattern, line))), None)
                if found:
                    return found
                assert self.grew.wait(max(0.0, deadline - time.monotonic())), f"{pattern!r} was not said: {self.said}"


@contextlib.contextmanager
def running(home: Path, *options: str, **environment: str) -> Iterator[Running]:
    state = {"XDG_STATE_HOME": str(home / "state"), "A_KEY": "sk-a-secret-key", "PATH": os.environ["PATH"], **environment}
    process = subprocess.Popen(
        [sys.executable, "-m", "handlers", "serve", "--home", str(home), "--port", "0", *options],
        cwd=ROOT, env=state, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    started = Running(process)
    try:
        yield started
    finally:
        process.kill()
        process.wait(10)
        started.gathering.join(20)  # what it started may hold the pipe a moment longer
        assert process.stderr is not None
        process.stderr.close()


def home_of(folder: Path, port: int = 1) -> Path:
    (folder / "providers.yaml").write_text(HOME.format(port=port))
    return folder


def test_the_table_at_the_start_says_who_is_on_and_who_is_off(tmp_path: Path) -> None:
    """Each provider on, or off and why; the address; the documentation; where the key is."""
    with running(home_of(tmp_path), MORELLO_API_KEY=KEY) as gateway:
        gateway.wait_for(r"demo +on")
        gateway.wait_for(r"off +off +NOT_SET is not set")
        gateway.wait_for(r"docs +http://127\.0\.0\.1:\d+/api-docs")
        gateway.wait_for(r"key +from MORELLO_API_KEY")
        assert not any(KEY in line or "sk-a-secret" in line for line in gateway.said)


def test_a_generated_key_is_shown_once_and_kept_defect_195(tmp_path: Path) -> None:
    """The first start shows it, the second says where it is; the file is the owner's alone."""
    home = home_of(tmp_path)
    with running(home) as gateway:
        key = gateway.wait_for(r"key +(morello-\S+)")[1]
        url = gateway.wait_for(r"address +(http\S+)")[1]
        models = httpx.get(f"{url}/v1/models", headers={"x-api-key": key}, trust_env=False)
        assert models.status_code == 200
    kept = home / "state" / "morello" / "key"
    assert kept.read_text().strip() == key
    assert kept.stat().st_mode & 0o777 == 0o600
    with running(home) as gateway:
        gateway.wait_for(r"key +in .*morello key --show")
        assert not any(key in line for line in gateway.said)


def test_a_request_leaves_one_line(tmp_path: Path) -> None:
    """Id, caller, route, provider and model, status, time, tokens."""
    with running(home_of(tmp_path), MORELLO_API_KEY=KEY) as gateway:
        url = gateway.wait_for(r"address +(http\S+)")[1]
        answer = httpx.post(f"{url}/v1/chat/completions", headers={"x-api-key": KEY}, trust_env=False, json={
            "model": "demo:echo", "messages": [{"role": "user", "content": "a private text"}]})  # fmt: skip
        name = answer.headers["request-id"]
        gateway.wait_for(rf"{name} \S+ POST /v1/chat/completions demo:echo 200 \d+ms in=3 out=3")
        assert not any("private" in line or KEY in line for line in gateway.said)


async def trickle(connection: Connection) -> None:
    """A stream that has begun and does not end."""
    await connection.request()
    await connection.say(STREAM_HEAD + MESSAGE_START + BLOCK_START + text_delta("one"))
    await connection.gone()


@contextlib.contextmanager
def streaming(url: str) -> Iterator[Any]:
    body = {"model": "a:m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "x"}]}
    with httpx.stream("POST", f"{url}/v1/messages", headers={"x-api-key": KEY}, json=body, timeout=30, trust_env=False) as answer:
        pieces = answer.iter_bytes()
        assert b"one" in next(pieces)
        yield pieces


def test_a_streamed_request_is_counted_like_others_defect_181(tmp_path: Path) -> None:
    """The same line with the same counts, whether or not the answer was streamed."""
    with running(home_of(tmp_path), MORELLO_API_KEY=KEY) as gateway:
        url = gateway.wait_for(r"address +(http\S+)")[1]
        counts = []
        for stream in (False, True):
            body = {"model": "demo:echo", "stream": stream, "messages": [{"role": "user", "content": "some words of mine"}]}
            answer = httpx.post(f"{url}/v1/chat/completions", headers={"x-api-key": KEY}, json=body, trust_env=False)
            counts.append(gateway.wait_for(rf"{answer.headers['request-id']} .* (in=\d+ out=\d+)")[1])
        assert counts[0] == counts[1]


@pytest.mark.parametrize(("path", "model"), [("/v1/messages", "a:m"), ("/v1/chat/completions", "a:m")])
def test_who_leaves_early_is_in_the_log_with_what_it_cost_defect_165(tmp_path: Path, path: str, model: str) -> None:
    """The tokens that the provider had told of by then are counted, on both paths; the status says that the caller left."""
    with Provider(trickle) as provider, running(home_of(tmp_path, provider.port), MORELLO_API_KEY=KEY) as gateway:
        url = gateway.wait_for(r"address +(http\S+)")[1]
        body = {"model": model, "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "x"}]}
        with httpx.stream("POST", url + path, headers={"x-api-key": KEY}, json=body, timeout=30, trust_env=False) as answer:
            read = b""
            for piece in answer.iter_bytes():
                read += piece
                if b"one" in read:
                    break
        gateway.wait_for(rf"POST {path} {model} 499 \d+ms in=1 out=1")


def test_a_start_is_quick_and_small_defect_205(tmp_path: Path) -> None:
    """Seconds to the first answer, and a hundred megabytes or so: bounds that a slow machine keeps, too."""
    began = time.monotonic()
    with running(home_of(tmp_path), MORELLO_API_KEY=KEY) as gateway:
        url = gateway.wait_for(r"address +(http\S+)")[1]
        assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
        assert time.monotonic() - began < 15
        body = {"model": "demo:echo", "messages": [{"role": "user", "content": "x"}]}
        answer = httpx.post(f"{url}/v1/chat/completions", headers={"x-api-key": KEY}, json=body, trust_env=False)
        assert answer.status_code == 200
        status = Path(f"/proc/{gateway.process.pid}/status")
        if status.exists():
            kilobytes = int(re.search(r"VmRSS:\s+(\d+)", status.read_text())[1])
            assert kilobytes < 160_000


def test_ctrl_c_gives_streams_five_seconds_and_then_an_error_event_defect_171(tmp_path: Path) -> None:
    """The caller hears in its own words that the gateway is going; then the process ends by itself, without a fuss."""
    with Provider(trickle) as provider, running(home_of(tmp_path, provider.port), MORELLO_API_KEY=KEY) as gateway:
        url = gateway.wait_for(r"address +(http\S+)")[1]
        with streaming(url) as pieces:
            began = time.monotonic()
            gateway.process.send_signal(signal.SIGINT)
            rest = b"".join(pieces)
            assert 4 < time.monotonic() - began < 9
        assert b"event: error" in rest
        assert b"shutting down" in rest
        assert gateway.process.wait(10) == 0
        assert not any("Traceback" in line for line in gateway.said), gateway.said


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    """Who presses twice does not want to wait."""
    with Provider(trickle) as provider, running(home_of(tmp_path, provider.port), MORELLO_API_KEY=KEY) as gateway:
        url = gateway.wait_for(r"address +(http\S+)")[1]
        with streaming(url):
            began = time.monotonic()
            gateway.process.send_signal(signal.SIGINT)
            refused = False
            while not refused and time.monotonic() - began < 3:  # until the door is closed
                with socket.socket() as probe:
                    refused = probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0
            gateway.process.send_signal(signal.SIGINT)
            gateway.process.wait(3)
            assert time.monotonic() - began < 4
        assert not any("Traceback" in line for line in gateway.said), gateway.said


def test_a_port_in_use_is_one_clear_line_defect_172(tmp_path: Path) -> None:
    """No traceback, no other port: what is wrong, what to do, and a status that is not 0."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "handlers", "serve", "--home", str(home_of(tmp_path)), "--port", str(port)],
            cwd=ROOT, env={"MORELLO_API_KEY": KEY, "PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
    assert ended.returncode != 0
    assert f"Port {port} on 127.0.0.1 is in use." in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("written", "said"), [
    ("providers:\n  a: {type: openai, base_url: http://x\n", "providers.yaml:"),
    ("providers:\n  a: {type: opnai, base_url: 'http://localhost'}\n", "Did you mean 'openai'?"),
])  # fmt: skip
def test_a_wrong_providers_yaml_is_one_clear_line(tmp_path: Path, written: str, said: str) -> None:
    """File and line, a sentence, what to do; no traceback."""
    (tmp_path / "providers.yaml").write_text(written)
    ended = subprocess.run(
        [sys.executable, "-m", "handlers", "serve", "--home", str(tmp_path), "--port", "0"],
        cwd=ROOT, env={"MORELLO_API_KEY": KEY, "PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
