"""How long others wait while the gateway works hard: the latency of /health during a flood.

    python tests/bench/health.py                four callers with 4 MB bodies, 500 paced streams, a reader that does not read
    python tests/bench/health.py --seconds 20

The bodies are of both kinds that hurt, one image and 28,000 messages, and they go both ways, through and translated.
Everything runs on loopback and ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench import HERE, KEY, PROVIDERS, Load, Scenario, conversation, free_port, running

CHAT = "/v1/chat/completions"
SETTLE = 2.0
"""Seconds after which 500 connections, made in one moment, have been taken."""


def bodies() -> list[Scenario]:
    """4 MB each: one image, and many messages; passed through and translated."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBORw0K" * 520_000}}
    turns = [{"role": "user" if n % 2 == 0 else "assistant", "content": f"message {n} " + "word " * 20} for n in range(28_000)]
    kinds = {"one image": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}], "many messages": turns}
    found = []
    for what, messages in kinds.items():
        for how, model in (("through", "o:m"), ("translated", "a:m")):
            body = json.dumps({"model": model, "messages": messages, "max_tokens": 100}).encode()
            found.append(Scenario(f"{what}, {how}", CHAT, body, b"}"))
    return found


def request_of(scenario: Scenario) -> bytes:
    head = (f"POST {scenario.path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(scenario.body)}\r\n\r\n")  # fmt: skip
    return head.encode() + scenario.body


class Unread(asyncio.Protocol):
    """Asks for a stream and never reads it."""

    def __init__(self, request: bytes) -> None:
        self.request = request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self.request)  # type: ignore[attr-defined]
        transport.pause_reading()  # type: ignore[attr-defined]


async def watched(port: int, seconds: float) -> list[float]:
    """What `health` finds, from a process of its own: this one is busy with the load."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--probe", str(port), "--seconds", str(seconds), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    found: list[float] = json.loads(said)
    return found


async def health(port: int, until: float) -> list[float]:
    """The latency of /health in ms, asked fifty times a second over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = []
    while time.monotonic() < until:
        began = time.perf_counter()
        writer.write(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
        found.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(max(0.0, 0.02 - (time.perf_counter() - began)))
    writer.close()
    return found


def told(name: str, latencies: list[float]) -> str:
    cuts = statistics.quantiles(latencies, n=100)
    return f"| {name} | {len(latencies)} | {cuts[49]:.1f} | {cuts[98]:.1f} | {max(latencies):.1f} |"


async def flooded(port: int, scenarios: list[Scenario], seconds: float, streams: int) -> tuple[list[float], int]:
    loop = asyncio.get_running_loop()
    loads = [(await loop.create_connection(lambda one=one: Load(request_of(one), one.ends), "127.0.0.1", port))[1]
             for one in scenarios]  # fmt: skip
    paced = Scenario("paced", CHAT, conversation("o:calm", stream=True, anthropic=False), b"data: [DONE]\n\n")
    for _ in range(streams):
        loads.append((await loop.create_connection(lambda: Load(request_of(paced), paced.ends), "127.0.0.1", port))[1])
    transport, _ = await loop.create_connection(lambda: Unread(request_of(paced)), "127.0.0.1", port)
    await asyncio.sleep(SETTLE)
    latencies = await watched(port, seconds)
    for load in loads:
        load.stopped = True
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*(load.finished for load in loads)), 60)
    transport.abort()
    return latencies, sum(load.count for load in loads[: len(scenarios)])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=8.0)
    options.add_argument("--probe", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.probe:
        print(json.dumps(asyncio.run(health(given.probe, time.monotonic() + given.seconds))))
        return
    ports = [free_port() for _ in range(2)]
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "providers.yaml").write_text(PROVIDERS.format(port=ports[0]))
        with (
            running(ports[0], str(HERE / "mock_provider.py"), str(ports[0])),
            running(ports[1], "-m", "handlers", "serve", "--home", home, "--port", str(ports[1]), MORELLO_API_KEY=KEY),
        ):
            time.sleep(2.0)
            print("| while | asked | p50 ms | p99 ms | longest ms |\n|---|---|---|---|---|")
            print(told("nothing else happens", asyncio.run(watched(ports[1], given.seconds / 2))))
            for scenario in bodies():
                latencies, count = asyncio.run(flooded(ports[1], [scenario], given.seconds, 0))
                print(told(f"4 MB bodies: {scenario.name} ({count} done)", latencies), flush=True)
            latencies, _ = asyncio.run(flooded(ports[1], [], given.seconds, 500))
            print(told("500 streams and a reader that does not read", latencies), flush=True)
            latencies, count = asyncio.run(flooded(ports[1], bodies(), given.seconds, 500))
            print(told(f"all of it at once ({count} bodies done)", latencies))


if __name__ == "__main__":
    main()
