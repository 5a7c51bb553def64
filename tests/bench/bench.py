"""What the gateway costs, beside floors and other gateways, in one run on this machine's loopback.

    make bench                                       the quick run, a few minutes
    make bench ARGS="--full"                         every scenario, size and number of streams; about twelve minutes
    make bench ARGS="--peers rolter,litellm"         beside other gateways, which are installed into a cache first
    make bench ARGS="--only cost,streams --targets relay,morello --match pass-through --rounds 5"
    make bench ARGS="--full --readme"                ends with the section of the README; keeps its plots and figures

The measured server has one core, the load and the mock provider have the others. Every answer is checked to the end.
Rounds alternate between the targets, medians are taken; absolute figures are the machine's, the ratios are what counts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import growth
import measures
import report
from peers import CACHE, PEERS, peer_target
from processes import MEASURED, REST, pin_self
from scenarios import STREAMS, Scenario, core, few, large
from targets import FLOORS, Server, Target, morello, nginx_command, provider, serving, start_nginx

HERE = Path(__file__).parent
SECTIONS = ("cost", "latency", "streams", "memory", "start", "growth")
DEFAULT_TARGETS = "relay,transport,nginx,morello"
LEFT_OUT = {FLOORS["answering"].name, FLOORS["transport"].name, "morello, 2 workers"}
"""Who is left out of the full run's long sections."""
PLACES = {"cache", "json", "plots"}
"""Options that name folders of this machine: nobody else's business."""
DIRECT = Target("provider itself", lambda _provider, _port, _folder: ([], {}))


def options_of(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="every scenario, size and number of streams")
    parser.add_argument("--only", default="", help=f"sections, by commas: {','.join(SECTIONS)}")
    parser.add_argument("--targets", default="", help=f"{','.join(FLOORS)},nginx,morello,workers; else {DEFAULT_TARGETS}")
    parser.add_argument("--peers", default="", help=f"other gateways, by commas: {','.join(PEERS)}")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"where peers are installed ({CACHE})")
    parser.add_argument("--match", default="", help="only scenarios whose name holds this")
    parser.add_argument("--rounds", type=int, default=3, help="of each scenario and target (3)")
    parser.add_argument("--seconds", type=float, default=0.7, help="of each round (0.7)")
    parser.add_argument("--rate", type=float, default=500, help="requests a second while latency is measured")
    parser.add_argument("--streams", default="", help=f"numbers of streams at once; all are {','.join(map(str, STREAMS))}")
    parser.add_argument("--requests", type=int, help="while memory is watched (10,000; 100,000 with --full)")
    parser.add_argument("--json", type=Path, help="where to write every figure")
    parser.add_argument("--plots", type=Path, help="a folder for the plots")
    parser.add_argument("--readme", action="store_true", help="end with the README's section; plots go to tests/bench/plots")
    given = parser.parse_args(arguments)
    given.requests = given.requests or (100_000 if given.full else 10_000)
    given.plots = given.plots or (HERE / "plots" if given.readme else None)
    given.json = given.json or (HERE / "plots" / "figures.json" if given.readme else None)
    given.only = [one for one in given.only.split(",") if one] or [*(SECTIONS if given.full or given.readme else SECTIONS[:-1])]
    given.streams = [int(one) for one in given.streams.split(",") if one] or (list(STREAMS) if given.full or given.readme else [16, 500])
    if unknown := set(given.only) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    return given


def chosen(given: argparse.Namespace) -> list[Target]:
    """The targets of the command line; what is not here is said, and left out."""
    found = []
    for name in (given.targets or DEFAULT_TARGETS + (",answering,workers" if given.full else "")).split(","):
        if name in FLOORS:
            found.append(FLOORS[name])
        elif name == "nginx":
            if nginx_command():
                found.append(Target("nginx", start_nginx))
            else:
                say("nginx is not installed here, so its rows are missing")
        elif name in ("morello", "workers"):
            found.append(morello(2 if name == "workers" else 1))
        else:
            raise SystemExit(f"no such target: {name}")
    for name in filter(None, given.peers.split(",")):
        try:
            found.append(peer_target(name, given.cache))
        except RuntimeError as error:
            say(str(error))
    return found


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


@contextlib.contextmanager
def all_of(targets: list[Target], provider_port: int, folder: Path) -> Iterator[list[Server]]:
    with contextlib.ExitStack() as stack:
        servers = []
        for target in targets:
            try:
                servers.append(stack.enter_context(serving(target, provider_port, folder)))
            except RuntimeError as error:
                say(f"{target.name} is left out: {error}; see {folder}")
        time.sleep(1.0)
        yield servers


def matching(given: argparse.Namespace, scenarios: Iterator[Scenario]) -> list[Scenario]:
    return [one for one in scenarios if given.match in one.name]


def run(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Every section that was asked for, one after another, on the same servers."""
    found: dict[str, Any] = {"machine": machine(), "options": {name: str(value) for name, value in vars(given).items() if name not in PLACES}}
    plain = Scenario("openai", "openai")
    tell = lambda section: lambda row: print(report.line(section, row), flush=True)  # noqa: E731
    with provider(folder) as port:
        targets = chosen(given)
        if "start" in given.only:
            print(report.heading("start"))
            found["start"] = measures.start(targets, port, plain, folder, tell("start"))
        with all_of(targets, port, folder) as servers:
            if set(given.only) - {"start"}:
                measures.warm(servers, matching(given, core()))
            direct = Server(DIRECT, port, 0, port)
            pick = [*core()] if given.full else [*few()]
            kept = [server for server in servers if not given.full or server.name not in LEFT_OUT]
            sections: dict[str, Callable[[], Any]] = {  # large bodies last: a process for them costs memory for a while
                "memory": lambda: measures.memory([one for one in kept if one.name == "morello" or not given.full], plain, given.requests, tell("memory")),
                "latency": lambda: measures.latency(
                    [direct, *servers], matching(given, (one for one in few() if one.size <= 1 << 10 and not one.label)),
                    given.rate, max(1.0, given.seconds), given.rounds, tell("latency")),
                "streams": lambda: measures.streams([direct, *kept], given.streams, tell("streams")),
                "cost": lambda: [
                    *measures.cost(servers, matching(given, iter(pick)), given.seconds, given.rounds, tell("cost")),
                    *(measures.cost(kept, matching(given, large()), given.seconds, given.rounds, tell("cost")) if given.full else ())],
                "growth": lambda: grown(given, servers, port, folder, tell("growth")),
            }  # fmt: skip
            for section, measure in sections.items():
                if section in given.only:
                    print(report.heading(section))
                    found[section] = measure()
    return found


def grown(given: argparse.Namespace, servers: list[Server], port: int, folder: Path, tell: measures.Tell) -> list[measures.Row]:
    kept = [server for server in servers if server.name in ("morello", FLOORS["relay"].name)]
    rows = growth.growth(kept, given.seconds / 2, min(3, given.rounds), tell)
    with serving(growth.crowded(), port, folder) as crowded:
        both = [*(server for server in kept if server.name == "morello"), crowded]
        pair = [Scenario("openai", "openai"), Scenario("openai", "anthropic")]
        measures.warm([crowded], pair)
        for measured in measures.cost(both, pair, given.seconds, given.rounds, lambda _row: None):
            row = {**measured, "what": "providers", "amount": growth.MANY_PROVIDERS if "providers" in measured["target"] else 2,
                   "how": "translated" if "to Anthropic" in measured["scenario"] else "pass-through", "target": "morello"}  # fmt: skip
            rows.append(row)
            tell(row)
    return rows


def machine() -> dict[str, Any]:
    return {"system": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count(),
            "measured_on": sorted(MEASURED), "load_on": sorted(REST), "load_average": os.getloadavg(), "time": time.ctime()}  # fmt: skip


def main() -> None:
    given = options_of(sys.argv[1:])
    if not pin_self():
        say("servers and load share the same cores here: compare figures within this run only")
    with tempfile.TemporaryDirectory(prefix="morello-bench-") as folder:
        found = run(given, Path(folder))
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(found, indent=1))
    if given.plots:
        report.draw(found, given.plots)
    if given.readme:
        print(report.readme(found))


if __name__ == "__main__":
    main()
