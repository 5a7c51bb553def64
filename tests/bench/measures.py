"""The measurements: CPU for each request, added latency, streams side by side, memory, the start.

Rounds are interleaved over the targets, so that what else the machine does hits them alike; medians are taken.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from load import Outcome, run_closed, run_open
from processes import usage_of
from scenarios import Scenario, concurrent
from targets import Server, Target, serving

Row = dict[str, Any]
Tell = Callable[[Row], None]


def percentile(values: Sequence[float], per_cent: float) -> float:
    """In the unit of the values; of no values, not a number."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * per_cent / 100))]


def once(server: Server, scenario: Scenario, seconds: float, at_least: int = 1) -> tuple[Row, Outcome]:
    """One round of a closed loop."""
    before = usage_of(server.process)
    request = server.request(scenario)
    outcome = run_closed(server.port, request, scenario.check, scenario.callers, seconds, at_least)
    after = usage_of(server.process)
    count = len(outcome.latencies)
    found = {"cpu_us": (after.cpu - before.cpu) / max(1, count) * 1e6, "per_second": count / outcome.took,
             "busy": (after.cpu - before.cpu) / outcome.took, "count": count, "failed": len(outcome.failures),
             "median_ms": percentile(outcome.latencies, 50) * 1e3}  # fmt: skip
    return found, outcome


def median_of(rounds: Sequence[Row]) -> Row:
    return {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}


def warm(servers: Sequence[Server], scenarios: Iterable[Scenario], seconds: float = 4.0) -> None:
    """Have every server (and each of its workers) meet each kind of request, and finish what that starts beside it."""
    for scenario in scenarios:
        for server in servers:
            if server.target.able(scenario):
                once(server, scenario, 0.1 * server.target.workers)
    time.sleep(seconds)


def cost(servers: Sequence[Server], scenarios: Iterable[Scenario], seconds: float, rounds: int, tell: Tell) -> list[Row]:
    """CPU µs for each request and each event, and how many a second, with every caller asking again at once."""
    rows = []
    for scenario in scenarios:
        able = [server for server in servers if server.target.able(scenario)]
        taken: dict[str, list[Row]] = {server.name: [] for server in able}
        said: dict[str, list[str]] = {server.name: [] for server in able}
        for server in able:  # what is done once (compiling, connecting) is no part of it
            said[server.name] += once(server, scenario, 0.2)[1].failures
        for _ in range(rounds):
            for server in able:
                found, outcome = once(server, scenario, seconds)
                taken[server.name].append(found)
                said[server.name] += outcome.failures
        for server in able:
            row = {"scenario": scenario.name, "target": server.name, **median_of(taken[server.name])}
            row["failed"] = len(said[server.name])
            row["failure"] = said[server.name][0] if said[server.name] else None
            row["request_bytes"] = len(scenario.body(server.target.model(scenario)))
            if scenario.check.events:
                row["event_us"] = row["cpu_us"] / scenario.check.events
            rows.append(row)
            tell(row)
    return rows


def latency(
    servers: Sequence[Server], scenarios: Iterable[Scenario], rate: float, seconds: float, rounds: int, tell: Tell
) -> list[Row]:  # fmt: skip
    """What a target adds to the provider's own latency at a fixed load, ms; and how much later the first word comes.

    The first of `servers` is the provider itself. A target that cannot keep up gets less, and its row says how much.
    """
    rows = []
    for scenario in scenarios:
        able = [server for server in servers if server.target.able(scenario)]
        rates = {}
        for server in able:
            capacity = once(server, scenario, 0.4)[0]["per_second"]
            rates[server.name] = min(rate, round(capacity / 2)) or 1
        every = {server.name: Outcome() for server in able}
        for _ in range(rounds):
            for server in able:
                request = server.request(scenario)
                every[server.name].add(run_open(server.port, request, scenario.check, rates[server.name], seconds))
        base = every[able[0].name]
        for server in able:
            seen = every[server.name]
            row: Row = {"scenario": scenario.name, "target": server.name, "per_second": rates[server.name],
                        "count": len(seen.latencies), "failed": len(seen.failures)}  # fmt: skip
            for per_cent in (50, 99, 99.9):
                row[f"p{per_cent:g}_ms"] = percentile(seen.latencies, per_cent) * 1e3
                row[f"added_p{per_cent:g}_ms"] = row[f"p{per_cent:g}_ms"] - percentile(base.latencies, per_cent) * 1e3
            row["first_word_ms"] = percentile(seen.first_words, 50) * 1e3
            row["first_word_later_ms"] = row["first_word_ms"] - percentile(base.first_words, 50) * 1e3
            rows.append(row)
            tell(row)
    return rows


def streams(servers: Sequence[Server], counts: Iterable[int], tell: Tell, provider: str = "openai") -> list[Row]:
    """So many streams at once, each as fast as models speak: CPU for each event, lateness of the events, memory."""
    rows = []
    for count in counts:
        scenario = concurrent(count, provider)
        for server in servers:
            if not server.target.able(scenario):
                continue
            found, seen = once(server, scenario, 0.0)
            row = {"streams": count, "scenario": scenario.name, "target": server.name, "served": found["count"],
                   "failed": found["failed"], "event_us": found["cpu_us"] / scenario.check.events or float("nan"), "busy": found["busy"],
                   "first_word_ms": percentile(seen.first_words, 50) * 1e3,
                   "first_word_p99_ms": percentile(seen.first_words, 99) * 1e3,
                   "delay_p50_ms": percentile(seen.delays, 50) * 1e3, "delay_p99_ms": percentile(seen.delays, 99) * 1e3,
                   "gap_p50_ms": percentile(seen.gaps, 50) * 1e3, "gap_p99_ms": percentile(seen.gaps, 99) * 1e3,
                   "memory_mb": usage_of(server.process).memory}  # fmt: skip
            rows.append(row)
            tell(row)
    return rows


def memory(servers: Sequence[Server], scenario: Scenario, requests: int, tell: Tell) -> list[Row]:
    """MB at rest, after `requests` requests, and the slope of the second half, MB for each 100,000 requests."""
    rows = []
    for server in servers:
        rest = usage_of(server.process).memory
        points: list[tuple[int, float]] = []
        done = 0
        while done < requests:
            found, _ = once(server, scenario, 0.0, at_least=max(1, requests // 10 // scenario.callers))
            if not found["count"]:
                break
            done += int(found["count"])
            points.append((done, usage_of(server.process).memory))
        later = points[len(points) // 2 :]
        slope = statistics.linear_regression(*zip(*later, strict=True)).slope * 100_000 if len(later) > 1 else float("nan")
        row = {"target": server.name, "requests": done, "rest_mb": rest, "after_mb": points[-1][1] if points else rest, "slope_mb": slope}
        rows.append(row)
        tell(row)
    return rows


def start(targets: Iterable[Target], provider_port: int, scenario: Scenario, folder: Path, tell: Tell) -> list[Row]:
    """Seconds from the command to the first whole answer, and the CPU seconds in them."""
    rows = []
    for target in targets:
        began = time.monotonic()
        with contextlib.suppress(RuntimeError), serving(target, provider_port, folder / "start") as server:
            until = began + 60
            while time.monotonic() < until:
                outcome = run_closed(server.port, server.request(scenario), scenario.check, 1, 0)
                if outcome.latencies:
                    row = {"target": target.name, "start_s": time.monotonic() - began, "cpu_s": usage_of(server.process).cpu}
                    rows.append(row)
                    tell(row)
                    break
                time.sleep(0.02)
    return rows
