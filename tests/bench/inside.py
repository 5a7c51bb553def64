"""What the gateway's own work costs for a request, without sockets: the app is called, and the provider answers at once.

    python tests/bench/inside.py                          CPU µs of each scenario of the bench, the least of some rounds
    python tests/bench/inside.py "to Anthropic"           only scenarios whose name holds this
    python tests/bench/inside.py "to Anthropic" --where   and in which functions they go, found by samples of the stack

For looking at one change after another; what a request costs as a whole tells bench.py.
"""

from __future__ import annotations

import asyncio
import collections
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from mock_provider import kind_of, pieces, whole
from scenarios import PATHS, Scenario, core
from targets import KEY, PROVIDERS

from handlers.app import Morello, create_morello
from handlers.engine.bodies import Exchange, Reply, Timeout
from handlers.engine.contract.large import favour_the_loop
from handlers.engine.request_log import RequestLog
from handlers.engine.upstream import UpstreamAnswer
from handlers.security import open_access

ROUNDS = 12
SHOWN = 60
EVERY = 0.0005


class AtOnce:
    """In place of every provider's Upstream: the scenario's answer, which is there as soon as it is asked for."""

    def __init__(self) -> None:
        self.body, self.kind = b"", b""

    def answer(self, scenario: Scenario) -> None:
        kind = kind_of(scenario.model)
        if scenario.stream:
            self.body, self.kind = b"".join(piece.before for piece in pieces(scenario.provider, kind)), b"text/event-stream"
        else:
            self.body, self.kind = whole(scenario.provider, kind).partition(b"\r\n\r\n")[2], b"application/json"

    async def open(self, *_: Any, **__: Any) -> UpstreamAnswer:
        exchange = Exchange(None, Timeout(), None, bodiless=False, large=False)  # type: ignore[arg-type]
        exchange.status, exchange.pieces, exchange.size, exchange.complete = 200, [self.body], len(self.body), True
        return UpstreamAnswer(self, Reply(200, [(b"content-type", self.kind)], exchange))  # type: ignore[arg-type]


class Asking:
    """Calls the app with one scenario's request."""

    def __init__(self, morello: Morello, scenario: Scenario) -> None:
        self.app = morello.asgi
        self.body = scenario.body(f"{scenario.provider[0]}:{scenario.model}")
        self.path = PATHS[scenario.client]
        self.headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"),
                        (b"content-length", b"%d" % len(self.body)), (b"authorization", b"Bearer " + KEY.encode()),
                        (b"anthropic-version", b"2023-06-01")]  # fmt: skip
        self.extensions: dict[str, Any] = {"morello.leaving": set(), "morello.whole": {}}
        self.said: list[Any] = []

    async def receive(self) -> Any:
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def send(self, message: Any) -> None:
        self.said.append(message)

    async def __call__(self, times: int) -> float:
        """CPU µs for each of so many requests."""
        before = time.process_time()
        for _ in range(times):
            self.said.clear()
            scope = {"type": "http", "asgi": {}, "http_version": "1.1", "method": "POST", "path": self.path,
                     "raw_path": self.path.encode(), "query_string": b"", "root_path": "", "headers": self.headers,
                     "server": ("127.0.0.1", 1), "client": ("127.0.0.1", 2), "scheme": "http", "state": {},
                     "extensions": self.extensions}  # fmt: skip
            await self.app(scope, self.receive, self.send)
        spent = (time.process_time() - before) / times * 1e6
        if self.said[0]["status"] != 200:
            raise SystemExit(f"the gateway answered {self.said}")
        return spent


async def started(morello: Morello) -> asyncio.Task[None]:
    """The app's life, begun; it ends when it is cancelled."""
    begun, messages = asyncio.Event(), [{"type": "lifespan.startup"}]

    async def receive() -> Any:
        return messages.pop() if messages else await asyncio.Event().wait()

    async def send(_: Any) -> None:
        begun.set()

    life = asyncio.ensure_future(morello.asgi({"type": "lifespan", "asgi": {}, "state": {}}, receive, send))
    await begun.wait()
    return life


async def where(ask: Asking, times: int) -> None:
    """Print which functions are on the stack for how many µs of a request."""
    on_stack: collections.Counter[str] = collections.Counter()
    samples = 0

    def sample(_: int, frame: FrameType | None) -> None:
        nonlocal samples
        samples += 1
        names = set()
        while frame is not None:
            names.add(f"{'/'.join(Path(frame.f_code.co_filename).parts[-2:])} {frame.f_code.co_name}")
            frame = frame.f_back
        on_stack.update(names)

    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    spent = await ask(times)
    signal.setitimer(signal.ITIMER_PROF, 0)
    for name, count in on_stack.most_common(SHOWN):
        print(f"    {count / max(1, samples) * spent:8.1f}  {name}")


async def main(match: str, *, look: bool) -> None:
    home = Path(tempfile.mkdtemp(prefix="morello-inside-"))
    (home / "providers.yaml").write_text(PROVIDERS.format(port=1))
    morello = create_morello(home, open_access({}, {"MORELLO_API_KEY": KEY}), {}, log=RequestLog(write=lambda _: None))
    provider = AtOnce()
    morello.engine.upstream = lambda _: provider  # type: ignore[method-assign,assignment,return-value]
    life = await started(morello)
    await morello.engine.losses.probe_all()
    favour_the_loop()
    for scenario in core():
        if match not in scenario.name:
            continue
        provider.answer(scenario)
        ask, times = Asking(morello, scenario), 250 if scenario.stream else 2000
        await ask(times // 2)
        least = min([await ask(times) for _ in range(ROUNDS)])
        events = f"  {least / scenario.check.events:6.2f} an event" if scenario.check.events else ""
        print(f"{scenario.name:<56}{least:8.1f} µs{events}", flush=True)
        if look:
            await where(ask, times * 10)
    life.cancel()


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    uvloop.run(main(words[0] if words else "", look="--where" in sys.argv))
