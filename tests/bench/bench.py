"""What the gateway costs: CPU of its whole process for each request and each streamed event, beside the floor's.

    make bench                      the table that stands in the README
    make bench ARGS="--seconds 4"   longer rounds

Everything runs on this machine's loopback and ends by itself: a mock provider, the floor (floor.py), the gateway, and
this process as the load. Rounds of floor and gateway alternate, medians are taken; the absolute figures are the
machine's, the ratios are what counts. CPU is the operating system's account of the server's processes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
KEY = "bench-key-0123456789"
TICK = os.sysconf("SC_CLK_TCK")
CONNECTIONS = 32
ROUNDS = 3
PROVIDERS = """
providers:
  o: {{type: openai, base_url: "http://127.0.0.1:{port}/v1", key: k, models: any}}
  a: {{type: anthropic, base_url: "http://127.0.0.1:{port}", key: k, models: any}}
"""


@dataclass
class Scenario:
    """One line of the table. `path` and `body` are what the load sends; `ends` is how a complete answer ends."""

    name: str
    path: str
    body: bytes
    ends: bytes
    events: int = 0


def conversation(model: str, *, stream: bool, anthropic: bool) -> bytes:
    """A chat body of 1 KB: five messages and a tool."""
    turns = [{"role": "user" if n % 2 == 0 else "assistant", "content": f"message {n} " + "word " * 22} for n in range(5)]
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = ({"name": "weather", "description": "Looks it up.", "input_schema": schema} if anthropic else
            {"type": "function", "function": {"name": "weather", "description": "Looks it up.", "parameters": schema}})
    body = {"model": model, "messages": turns, "tools": [tool], "max_tokens": 1000, "temperature": 0.7}
    return json.dumps({**body, **({"stream": True} if stream else {})}, separators=(",", ":")).encode()


def scenarios() -> list[Scenario]:
    chat, messages = "/v1/chat/completions", "/v1/messages"
    found = []
    for name, path, model in (("pass-through", chat, "o:m"), ("OpenAI client, Anthropic provider", chat, "a:m"),
                              ("Anthropic client, OpenAI provider", messages, "o:m")):  # fmt: skip
        anthropic = path == messages
        ends = b"message_stop\"}\n\n" if anthropic else b"data: [DONE]\n\n"
        found.append(Scenario(name, path, conversation(model, stream=False, anthropic=anthropic), b"}"))
        found.append(Scenario(f"{name}, stream", path, conversation(model, stream=True, anthropic=anthropic), ends, 100))
    return found


# ---- the load -------------------------------------------------------------------------------------------------------


class Load(asyncio.Protocol):
    """One connection that sends the same request again and again, and checks that each answer is complete."""

    def __init__(self, request: bytes, ends: bytes) -> None:
        self.request, self.ends = request, ends
        self.count = 0
        self.stopped = False
        self.latencies: list[float] = []
        self.first_bytes: list[float] = []
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.send()

    def send(self) -> None:
        self.buffer = b""
        self.began = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if not self.buffer:
            self.first_bytes.append(time.perf_counter() - self.began)
        self.buffer += data
        head, blank, body = self.buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.fail(f"answered {self.buffer[:400]!r}")
            return
        if b"content-length:" in head.lower():
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            complete, text = len(body) >= length, body
        else:
            complete, text = body.endswith(b"0\r\n\r\n"), body.removesuffix(b"\r\n0\r\n\r\n")
        if not complete:
            return
        if not text.endswith(self.ends):
            self.fail(f"ends with {text[-80:]!r}")
            return
        self.latencies.append(time.perf_counter() - self.began)
        self.count += 1
        if self.stopped:
            self.transport.close()
        else:
            self.send()

    def fail(self, why: str) -> None:
        if not self.finished.done():
            self.finished.set_exception(AssertionError(why))
        self.transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.finished.done():
            self.finished.set_result(None)


async def loaded(port: int, scenario: Scenario, seconds: float, connections: int) -> list[Load]:
    head = (f"POST {scenario.path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(scenario.body)}\r\n\r\n").encode()  # fmt: skip
    loop = asyncio.get_running_loop()
    loads = [(await loop.create_connection(lambda: Load(head + scenario.body, scenario.ends), "127.0.0.1", port))[1]
             for _ in range(connections)]  # fmt: skip
    await asyncio.wait([load.finished for load in loads], timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for load in loads:
        load.stopped = True
    await asyncio.wait_for(asyncio.gather(*(load.finished for load in loads)), 60)
    return loads


# ---- the servers ----------------------------------------------------------------------------------------------------


def cpu_of(process: int) -> float:
    """Seconds of CPU that a process and its children have used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICK


def memory_of(process: int) -> float:
    """Resident memory in MB."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def running(port: int, *command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                break
            if process.poll() is not None:
                raise SystemExit(f"{command[0]} ended with {process.returncode}")
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        process.wait(15)


@dataclass
class Server:
    name: str
    port: int
    process: int


def measured(server: Server, scenario: Scenario, seconds: float) -> tuple[float, float, float]:
    """CPU µs for each request, requests a second, and the median latency in ms."""
    before, began = cpu_of(server.process), time.perf_counter()
    loads = asyncio.run(loaded(server.port, scenario, seconds, CONNECTIONS))
    took = time.perf_counter() - began
    count = sum(load.count for load in loads)
    latency = statistics.median(one for load in loads for one in load.latencies)
    return (cpu_of(server.process) - before) / count * 1e6, count / took, latency * 1e3


def table(servers: list[Server], seconds: float) -> list[dict[str, object]]:
    floor, gateway = servers
    rows = []
    for scenario in scenarios():
        for server in servers:
            asyncio.run(loaded(server.port, scenario, 0.5, 8))  # warm
        taken: dict[str, list[tuple[float, float, float]]] = {floor.name: [], gateway.name: []}
        for _ in range(ROUNDS):
            for server in servers:
                taken[server.name].append(measured(server, scenario, seconds))
        ours, least = (statistics.median(one[0] for one in taken[server.name]) for server in (gateway, floor))
        row = {"scenario": scenario.name, "floor_us": least, "morello_us": ours, "ratio": ours / least,
               "requests_per_second": statistics.median(one[1] for one in taken[gateway.name]),
               "latency_ms": statistics.median(one[2] for one in taken[gateway.name])}  # fmt: skip
        if scenario.events:
            row["event_us"] = ours / scenario.events
        rows.append(row)
        print(line_of(row), flush=True)
    return rows


HEADER = ("| scenario | floor µs | Morello µs | ratio | µs an event | requests/s |\n|---|---|---|---|---|---|")


def line_of(row: dict[str, object]) -> str:
    event = f"{row['event_us']:.1f}" if "event_us" in row else "–"
    return (f"| {row['scenario']} | {row['floor_us']:.0f} | {row['morello_us']:.0f} | {row['ratio']:.2f} | {event} | "
            f"{row['requests_per_second']:.0f} |")


def many_streams(server: Server, streams: int) -> str:
    """Concurrent paced streams, all of which must be complete."""
    body = conversation("o:paced", stream=True, anthropic=False)
    scenario = Scenario("streams", "/v1/chat/completions", body, b"data: [DONE]\n\n", 100)
    loads = asyncio.run(loaded(server.port, scenario, 0.1, streams))
    first = statistics.median(one for load in loads for one in load.first_bytes)
    served = sum(load.count >= 1 for load in loads)
    return f"{streams} streams at once: {served} served whole, first byte after {first * 1e3:.0f} ms, {memory_of(server.process):.0f} MB"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=2.0, help="of each round")
    options.add_argument("--json", type=Path, help="where to write the figures")
    options.add_argument("--streams", type=int, default=2000)
    given = options.parse_args()
    ports = [free_port() for _ in range(3)]
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "providers.yaml").write_text(PROVIDERS.format(port=ports[0]))
        serve = ("-m", "handlers", "serve", "--home", home, "--port", str(ports[2]))
        with (
            running(ports[0], str(HERE / "mock_provider.py"), str(ports[0])),
            running(ports[1], str(HERE / "floor.py"), str(ports[1]), str(ports[0])) as floor,
            running(ports[2], *serve, MORELLO_API_KEY=KEY) as gateway,
        ):
            time.sleep(1.0)
            servers = [Server("floor", ports[1], floor.pid), Server("morello", ports[2], gateway.pid)]
            print(f"memory after the start: {memory_of(gateway.pid):.0f} MB\n\n{HEADER}")
            rows = table(servers, given.seconds)
            print(f"\n{many_streams(servers[1], given.streams)}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
