"""Figures for people: the lines of the tables, the plots, and the section of the README."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import plots

Row = Mapping[str, Any]
HEADER = ("| scenario | floor µs | nginx µs | Morello µs | ratio | µs an event | requests/s |\n|---|---|---|---|---|---|---|")
OURS, FLOOR = "morello", "uvicorn relay"
def number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:,.{digits}f}"


def failed(row: Row) -> str:
    why = f": {row['failure'][:120]}".replace("|", "¦").replace("\n", " ") if row.get("failure") else ""
    return f"{row['failed']:g}{why}" if row["failed"] else ""


COLUMNS: dict[str, dict[str, Callable[[Row], str]]] = {
    "cost": {
        "scenario": lambda row: row["scenario"], "target": lambda row: row["target"],
        "CPU µs": lambda row: number(row["cpu_us"]), "µs an event": lambda row: number(row.get("event_us"), 1),
        "requests/s": lambda row: number(row["per_second"]), "core busy": lambda row: number(row["busy"], 2),
        "median ms": lambda row: number(row["median_ms"], 2), "failed": failed,
    },
    "latency": {
        "scenario": lambda row: row["scenario"], "target": lambda row: row["target"], "at /s": lambda row: number(row["per_second"]),
        "added p50 ms": lambda row: number(row["added_p50_ms"], 2), "p99": lambda row: number(row["added_p99_ms"], 2),
        "p99.9": lambda row: number(row["added_p99.9_ms"], 2), "first word later by ms": lambda row: number(row["first_word_later_ms"], 2),
        "failed": failed,
    },
    "streams": {
        "streams": lambda row: number(row["streams"]), "target": lambda row: row["target"], "whole": lambda row: number(row["served"]),
        "CPU µs an event": lambda row: number(row["event_us"], 1), "core busy": lambda row: number(row["busy"], 2),
        "first word p50 ms": lambda row: number(row["first_word_ms"], 1), "p99": lambda row: number(row["first_word_p99_ms"], 1),
        "event late p50 ms": lambda row: number(row["delay_p50_ms"], 2), "p99 ": lambda row: number(row["delay_p99_ms"], 2),
        "gap p50 ms": lambda row: number(row["gap_p50_ms"], 1), "p99  ": lambda row: number(row["gap_p99_ms"], 1),
        "MB": lambda row: number(row["memory_mb"]), "failed": failed,
    },
    "memory": {
        "target": lambda row: row["target"], "MB at rest": lambda row: number(row["rest_mb"]),
        "after": lambda row: number(row["after_mb"]), "requests": lambda row: number(row["requests"]),
        "MB for 100,000 more": lambda row: number(row["slope_mb"], 1),
    },
    "start": {
        "target": lambda row: row["target"], "s to the first answer": lambda row: number(row["start_s"], 2),
        "CPU s": lambda row: number(row["cpu_s"], 2),
    },
    "growth": {
        "with": lambda row: row["what"], "how": lambda row: row["how"], "target": lambda row: row["target"],
        "amount": lambda row: number(row["amount"]), "CPU µs": lambda row: number(row["cpu_us"]),
        "µs for one": lambda row: number(row["cpu_us"] / row["amount"], 2), "failed": failed,
    },
}  # fmt: skip


def heading(section: str) -> str:
    columns = COLUMNS[section]
    return f"\n{section}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}"


def line(section: str, row: Row) -> str:
    return f"| {' | '.join(show(row) for show in COLUMNS[section].values())} |"


# ---- the plots ------------------------------------------------------------------------------------------------------


def lines_by(rows: list[Row], name: Callable[[Row], str], x: str, y: str) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        found.setdefault(name(row), []).append((row[x], row[y]))
    return found


def draw(found: Mapping[str, Any], folder: Path) -> None:
    """An SVG for each question that the run has answered."""
    grown = found.get("growth", [])
    how = lambda row: FLOOR if row["target"] == FLOOR else f"Morello, {row['how']}"  # noqa: E731
    for what, file, across in (("KB in many messages", "body-messages", "KB of the body, many messages"),
                               ("KB in one image", "body-image", "KB of the body, one image"), ("tools", "tools", "tools"),
                               ("events of a stream", "stream-length", "events of the stream"),
                               ("KB of an answer", "answer", "KB of the answer"), ("providers", "providers", "providers")):  # fmt: skip
        rows = [row for row in grown if row["what"] == what]
        if rows:
            title = f"CPU of a request against {across}"
            plots.save(folder, file, plots.chart(title, across, "CPU µs", lines_by(rows, how, "amount", "cpu_us")))
    rows = [row for row in found.get("streams", []) if row["target"] != "provider itself"]
    if len({row["streams"] for row in rows}) > 1:
        target = lambda row: row["target"]  # noqa: E731
        for file, title, up, member in (
            ("streams-cpu", "CPU of an event against streams at once", "CPU µs", "event_us"),
            ("streams-late", "How late an event comes (p99) against streams at once", "ms", "delay_p99_ms"),
            ("streams-gap", "Gap between events (p99; 100 ms as sent) against streams at once", "ms", "gap_p99_ms"),
        ):  # fmt: skip
            lines = lines_by(rows, target, "streams", member)
            plots.save(folder, file, plots.chart(title, "streams at once", up, lines, log_y=member != "gap_p99_ms"))


# ---- the README -----------------------------------------------------------------------------------------------------


def readme(found: Mapping[str, Any]) -> str:
    """What stands between the README's `figures` marks, ready to paste."""
    out = [HEADER]
    by_scenario: dict[str, dict[str, Row]] = {}
    for row in found.get("cost", []):
        by_scenario.setdefault(row["scenario"], {})[row["target"]] = row
    for scenario, rows in by_scenario.items():
        if OURS in rows and FLOOR in rows:
            ours, floor = rows[OURS], rows[FLOOR]
            cells = [scenario, number(floor["cpu_us"]), number(rows["nginx"]["cpu_us"]) if "nginx" in rows else "–",
                     number(ours["cpu_us"]), f"{ours['cpu_us'] / floor['cpu_us']:.1f}", number(ours.get("event_us"), 1),
                     number(1e6 / ours["cpu_us"])]  # fmt: skip
            out.append(f"| {' | '.join(cells)} |")
    out += ["", "Requests a second are those that one core's CPU would do.", *_sentences(found)]
    others = {name for rows in by_scenario.values() for name in rows} - {OURS, FLOOR, "nginx"}
    if others:
        names = [OURS, *sorted(others)]
        out += ["", "CPU µs of others in the same run (– where they cannot, or fail):", "",
                f"| scenario | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]  # fmt: skip
        for scenario, rows in by_scenario.items():
            cells = [number(rows[name]["cpu_us"]) if name in rows and not rows[name]["failed"] else "–" for name in names]
            out.append(f"| {scenario} | {' | '.join(cells)} |")
    drawn = [*(["body-messages", "body-image", "providers"] if found.get("growth") else []),
             *(["streams-cpu", "streams-late", "streams-gap"] if found.get("streams") else [])]
    out += ["", *(f"![{name}](tests/bench/plots/{name}.svg)" for name in drawn)]
    return "\n".join(["", "<!-- figures: make bench -->", *out, "<!-- end of figures -->"])


def _sentences(found: Mapping[str, Any]) -> list[str]:
    out = []
    for row in found.get("latency", []):
        if row["target"] == OURS and row["scenario"] == "OpenAI client, pass-through, stream":
            out.append(f"The first word of a stream comes {number(row['first_word_later_ms'], 2)} ms later than from the provider itself.")
    for row in found.get("start", []):
        if row["target"] == OURS:
            out.append(f"The first answer comes {number(row['start_s'], 1)} s after the start.")
    for row in found.get("memory", []):
        if row["target"] == OURS:
            out.append(f"Memory: {number(row['rest_mb'])} MB at rest, {number(row['after_mb'])} MB after {number(row['requests'])} requests.")
    for row in found.get("streams", []):
        if row["target"] == OURS and row["streams"] >= 2000:
            out.append(f"{number(row['streams'])} streams at once: {number(row['served'])} served whole, "
                       f"{number(row['event_us'], 1)} µs an event, {number(row['memory_mb'])} MB.")  # fmt: skip
    return out
