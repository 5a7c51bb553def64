"""`serve --workers N` over real processes: one socket, one start, one end, and always N who serve."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest
from server.test_process import KEY, Running, home_of, running, streaming, trickle
from upstream.sockets import Provider

from handlers.cli import main

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="who the workers are is read from /proc")
WORKERS = 2
CERTIFICATES = Path(__file__).parent.parent / "upstream" / "certificates"


def workers_of(gateway: Running) -> set[int]:
    """The processes that serve: the parent's children, but for the one that Python itself keeps."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent, command = int(file.read_text().rpartition(")")[2].split()[1]), (file.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == gateway.process.pid and b"spawn_main" in command:
            found.add(int(file.parent.name))
    return found


def ask(url: str, **named: object) -> httpx.Response:
    return httpx.get(f"{url}/health", trust_env=False, timeout=30, **named)  # type: ignore[arg-type]


def refused(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0


def until(condition: object, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_one_start_for_all_and_one_key(tmp_path: Path) -> None:
    """The table and the new key are shown once, when all serve; every connection is answered, with the key, by someone."""
    with running(home_of(tmp_path), "--workers", str(WORKERS)) as gateway:
        gateway.wait_for(rf"workers +{WORKERS}", 60)
        key = gateway.wait_for(r"key +(morello-\S+)")[1]
        url = gateway.wait_for(r"address +(http\S+)")[1]
        assert len(workers_of(gateway)) == WORKERS
        for _ in range(10):
            assert httpx.get(f"{url}/v1/models", headers={"x-api-key": key}, trust_env=False, timeout=30).status_code == 200
            assert ask(url).json()["uptime"] > 0
        assert sum("address" in line for line in gateway.said) == 1
        assert sum(key in line for line in gateway.said) == 1
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(30) == 0
        assert refused(url)
        assert not any("Traceback" in line for line in gateway.said), gateway.said


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    """The log tells; meanwhile the others serve; then there are as many as before, and the end is as orderly."""
    with running(home_of(tmp_path), "--workers", str(WORKERS), MORELLO_API_KEY=KEY) as gateway:
        gateway.wait_for(rf"workers +{WORKERS}", 60)
        url = gateway.wait_for(r"address +(http\S+)")[1]
        victim, *others = workers_of(gateway)
        uptime = ask(url).json()["uptime"]
        os.kill(victim, signal.SIGKILL)
        gateway.wait_for(rf"Worker {victim} ended \(SIGKILL\); another takes its place")
        assert ask(url).status_code == 200
        until(lambda: len(workers_of(gateway)) == WORKERS)
        assert set(others) < workers_of(gateway)
        os.kill(others[0], signal.SIGTERM)  # this one finishes what it has, and is replaced as well
        gateway.wait_for(rf"Worker {others[0]} ended \(status 0\)")
        assert ask(url).json()["uptime"] > uptime  # the gateway's, whichever worker tells
        gateway.process.send_signal(signal.SIGINT)
        assert gateway.process.wait(30) == 0


def test_streams_are_drained_and_the_door_is_closed(tmp_path: Path) -> None:
    """SIGTERM: nobody new comes in; who is being answered has his five seconds, and then an error of his own kind."""
    with Provider(trickle) as provider, running(
        home_of(tmp_path, provider.port), "--workers", str(WORKERS), MORELLO_API_KEY=KEY
    ) as gateway:  # fmt: skip
        gateway.wait_for(rf"workers +{WORKERS}", 60)
        url = gateway.wait_for(r"address +(http\S+)")[1]
        with streaming(url) as pieces:
            gateway.process.send_signal(signal.SIGTERM)
            until(lambda: refused(url))
            rest = b"".join(pieces)
        assert b"event: error" in rest
        assert b"shutting down" in rest
        assert gateway.process.wait(30) == 0
        assert not any("Traceback" in line for line in gateway.said), gateway.said


def test_ctrl_c_in_a_terminal_is_one_ctrl_c_and_a_second_ends_at_once(tmp_path: Path) -> None:
    """A terminal sends it to every process: that drains; the second one ends, streams or not."""
    with Provider(trickle) as provider, running(
        home_of(tmp_path, provider.port), "--workers", str(WORKERS), MORELLO_API_KEY=KEY
    ) as gateway:  # fmt: skip
        gateway.wait_for(rf"workers +{WORKERS}", 60)
        url = gateway.wait_for(r"address +(http\S+)")[1]

        def ctrl_c() -> None:
            for process in (gateway.process.pid, *workers_of(gateway)):
                os.kill(process, signal.SIGINT)

        with streaming(url):
            ctrl_c()
            until(lambda: refused(url))
            assert workers_of(gateway)  # the one with the stream is there still
            began = time.monotonic()
            ctrl_c()
            assert gateway.process.wait(30) == 0
            assert time.monotonic() - began < 5  # it did not wait for the stream's five seconds
        assert not any("Traceback" in line for line in gateway.said), gateway.said


def test_workers_end_when_their_parent_has_died(tmp_path: Path) -> None:
    """Nothing is left behind that would hold the port."""
    with running(home_of(tmp_path), "--workers", str(WORKERS), MORELLO_API_KEY=KEY) as gateway:
        gateway.wait_for(rf"workers +{WORKERS}", 60)
        url = gateway.wait_for(r"address +(http\S+)")[1]
        gateway.process.kill()
        until(lambda: refused(url))


def test_workers_serve_with_tls(tmp_path: Path) -> None:
    """The certificate is read by each."""
    options = ("--workers", str(WORKERS), "--tls-cert", str(CERTIFICATES / "server.pem"), "--tls-key", str(CERTIFICATES / "server.key"))
    with running(home_of(tmp_path), *options, MORELLO_API_KEY=KEY) as gateway:
        gateway.wait_for(rf"workers +{WORKERS}", 60)
        url = gateway.wait_for(r"address +(https\S+)")[1]
        for _ in range(4):
            assert ask(url, verify=False).status_code == 200


@pytest.mark.parametrize("count", ["0", "-1", "300"])
def test_a_number_that_makes_no_sense_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], count: str
) -> None:  # fmt: skip
    monkeypatch.setenv("MORELLO_API_KEY", KEY)
    assert main(["serve", "--home", str(home_of(tmp_path)), f"--workers={count}"]) == 1
    assert capsys.readouterr().err.startswith(f"morello: --workers {count} is not a number of processes")


def test_a_worker_that_cannot_begin_ends_the_start(tmp_path: Path) -> None:
    """Nobody restarts for ever what cannot work: a home that has gone wrong between parent and worker is such a case."""
    home = home_of(tmp_path)
    with running(home, "--workers", "1", MORELLO_API_KEY=KEY) as alone:  # one worker is a single process
        alone.wait_for(r"address +(http\S+)", 60)
        assert not workers_of(alone)
    with running(home, "--workers", str(WORKERS), MORELLO_API_KEY=KEY) as gateway:
        until(lambda: len(workers_of(gateway)) == WORKERS)
        for process in workers_of(gateway):
            os.kill(process, signal.SIGKILL)
        gateway.wait_for(r"Worker \d+ ended \(SIGKILL\) before it served")
        assert gateway.process.wait(30) == 1
