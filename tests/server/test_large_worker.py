"""Large bodies are answered by a process of their own, once there is somebody else whom they could hold up."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from server.test_process import KEY, Running, home_of, running, streaming, trickle
from server.test_workers import CERTIFICATES, refused, until, workers_of
from upstream.sockets import Provider

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="who the processes are is read from /proc")
TEXT = "so many words" * 30_000
ORIGIN = "https://page.example"


def begun(gateway: Running, url: str) -> int:
    """The process, once it serves. Somebody has to be answered meanwhile."""
    assert ask(url).status_code == 200
    gateway.wait_for("large bodies have a process of their own", 60)
    (process,) = workers_of(gateway)
    return process


@contextlib.contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[Running, str, Provider]]:
    """A gateway with a stream under way, its address and its provider."""
    with Provider(trickle) as provider, running(home_of(folder, provider.port), *options, MORELLO_API_KEY=KEY) as gateway:
        url = gateway.wait_for(r"address +(http\S+)", 60)[1]
        yield gateway, url, provider


def ask(url: str, text: Any = TEXT, path: str = "/v1/chat/completions", **headers: str) -> httpx.Response:
    body = {"model": "demo:echo", "max_tokens": 99_999, "messages": [{"role": "user", "content": text}]}
    return httpx.post(f"{url}{path}", headers={"x-api-key": KEY, **headers}, trust_env=False, json=body, timeout=60, verify=False)


@contextlib.contextmanager
def large_stream(url: str) -> Iterator[Any]:
    """A stream that was asked for with a large body, its first piece read."""
    body = {"model": "a:m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": TEXT}]}
    with httpx.stream("POST", f"{url}/v1/messages", headers={"x-api-key": KEY}, json=body, timeout=60, trust_env=False) as answer:
        pieces = answer.iter_bytes()
        assert b"one" in next(pieces)
        yield pieces


def test_who_is_alone_is_answered_without_one(tmp_path: Path) -> None:
    """A second process costs memory: nobody needs it where nobody else could be held up."""
    with serving(tmp_path) as (gateway, url, _):
        assert ask(url).json()["choices"][0]["message"]["content"] == TEXT
        assert workers_of(gateway) == set()


@pytest.mark.parametrize("prefix", ["", "/below"])
def test_one_answer_one_line_one_id(tmp_path: Path, prefix: str) -> None:
    """What the caller gets, and what the log says, is as from a single process; so are refusals, and a page's headers."""
    options = ("--cors-origin", ORIGIN, *(("--root-path", prefix) if prefix else ()))
    with serving(tmp_path, *options) as (gateway, url, _), streaming(url):
        begun(gateway, url)
        answer = ask(url, origin=ORIGIN)
        assert answer.status_code == 200
        assert answer.json()["choices"][0]["message"]["content"] == TEXT
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert len(answer.headers.get_list("request-id")) == len(answer.headers.get_list("date")) == 1
        name = answer.headers["request-id"]
        gateway.wait_for(rf"{name} \S+ POST /v1/chat/completions demo:echo 200 \d+ms in=")
        refusal = ask(url, [{"type": "text", "text": TEXT}, {"type": "text"}], "/v1/messages", origin=ORIGIN)
        assert refusal.status_code == 400
        assert refusal.json()["type"] == "error"
        assert "/messages/0/content/1" in refusal.json()["error"]["message"]
        short = ask(url, "short")
        gateway.wait_for(rf"{short.headers['request-id']} \S+ POST /v1/chat/completions demo:echo 200")
        gateway.wait_for(rf"{refusal.headers['request-id']} \S+ POST /v1/messages \S+ 400")
        assert sum("demo:echo 200" in line for line in gateway.said) == 3
        assert len(workers_of(gateway)) == 1


def test_a_packed_body_counts_as_what_it_unpacks_to(tmp_path: Path) -> None:
    """It is handed on unpacked."""
    import gzip  # noqa: PLC0415 - only here
    import json  # noqa: PLC0415

    raw = gzip.compress(json.dumps({"model": "demo:echo", "messages": [{"role": "user", "content": TEXT}]}).encode())
    headers = {"x-api-key": KEY, "content-type": "application/json", "content-encoding": "gzip"}
    with serving(tmp_path) as (gateway, url, _), streaming(url):
        begun(gateway, url)
        answer = httpx.post(f"{url}/v1/chat/completions?beta=true", headers=headers, trust_env=False, content=raw, timeout=60)
        assert answer.json()["choices"][0]["message"]["content"] == TEXT


def test_one_that_dies_is_replaced_when_it_is_needed(tmp_path: Path) -> None:
    """Who was being answered by it is cut off; everybody after that is answered, and the log tells."""
    with serving(tmp_path) as (gateway, url, _), streaming(url):
        process = begun(gateway, url)
        with large_stream(url) as pieces:
            os.kill(process, signal.SIGKILL)
            with pytest.raises(httpx.RemoteProtocolError):
                list(pieces)
        gateway.wait_for(r"The process for large requests ended \(SIGKILL\)")
        assert ask(url).status_code == 200
        until(lambda: sum("of their own" in line for line in gateway.said) == 2)
        assert process not in workers_of(gateway)


def test_a_caller_who_leaves_ends_the_work_for_him(tmp_path: Path) -> None:
    """Through both processes: the provider sees his connection end, and the log has his line."""
    with serving(tmp_path) as (gateway, url, provider), streaming(url):
        begun(gateway, url)
        with large_stream(url):
            assert not provider.wait_for("gone", 0)
        assert provider.wait_for("gone")
        gateway.wait_for(r"POST /v1/messages a:m 499 ")


def test_the_end_is_told_to_its_callers_too(tmp_path: Path) -> None:
    """SIGTERM: five seconds for what runs, then an error of the caller's own kind, and no process is left."""
    with serving(tmp_path) as (gateway, url, _), streaming(url) as small:
        process = begun(gateway, url)
        with large_stream(url) as large:
            gateway.process.send_signal(signal.SIGTERM)
            until(lambda: refused(url))
            for rest in (b"".join(small), b"".join(large)):
                assert b"event: error" in rest
                assert b"shutting down" in rest
        gateway.process.wait(30)
        until(lambda: not Path(f"/proc/{process}").exists())
        assert not any("Traceback" in line for line in gateway.said), gateway.said


def test_it_ends_with_a_gateway_that_was_killed(tmp_path: Path) -> None:
    """Nothing is left behind."""
    with serving(tmp_path) as (gateway, url, _), streaming(url):
        process = begun(gateway, url)
        gateway.process.kill()
        until(lambda: not Path(f"/proc/{process}").exists())


def test_each_of_several_workers_may_have_one_and_tls_changes_nothing(tmp_path: Path) -> None:
    """The way between the two processes is this machine's own."""
    options = ("--workers", "2", "--tls-cert", str(CERTIFICATES / "server.pem"), "--tls-key", str(CERTIFICATES / "server.key"))
    with serving(tmp_path, *options) as (_, url, _provider), contextlib.ExitStack() as held:
        body = {"model": "a:m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "x"}]}
        for _ in range(12):  # some at each
            streamed = httpx.stream("POST", f"{url}/v1/messages", headers={"x-api-key": KEY}, json=body, timeout=30, verify=False)
            assert b"one" in next(held.enter_context(streamed).iter_bytes())
        for _ in range(4):
            assert ask(url).json()["choices"][0]["message"]["content"] == TEXT
