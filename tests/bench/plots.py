"""Line charts as plain SVG: axes linear or logarithmic, a line for each target, a legend. Readable on light and dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 680, 380
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 40, 50
COLOURS = ("#d1495b", "#2e86ab", "#66a182", "#edae49", "#8d6a9f", "#5f7470", "#00798c", "#b56576", "#9a8c98")
INK = "#808080"
Points = Sequence[tuple[float, float]]


class Axis:
    """From values to pixels, with the values that are written at it."""

    def __init__(self, values: Sequence[float], begin: float, end: float, *, logarithmic: bool) -> None:
        self.begin, self.end, self.logarithmic = begin, end, logarithmic
        low, high = min(values), max(values)
        if logarithmic:
            self.low, self.high = math.floor(math.log10(low)), max(math.ceil(math.log10(high)), math.floor(math.log10(low)) + 1)
            self.ticks = [10.0**n for n in range(self.low, self.high + 1)]
        else:
            step = 10 ** math.floor(math.log10(max(high, 1e-9)))
            step = next(step * n for n in (0.2, 0.5, 1, 2) if high / (step * n) <= 6)
            self.low, self.high = 0, math.ceil(high / step) * step
            self.ticks = [step * n for n in range(round(self.high / step) + 1)]

    def at(self, value: float) -> float:
        share = ((math.log10(value) if self.logarithmic else value) - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)


def written(value: float) -> str:
    """2000000 is 2M; 0.1 stays 0.1."""
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:g}"


def chart(
    title: str, across: str, up: str, lines: Mapping[str, Points], *, log_x: bool = True, log_y: bool = True
) -> str:
    """The SVG. `lines` has the points of each line by its name; points that are no numbers are left out."""
    kept = {name: [(x, y) for x, y in points if math.isfinite(x + y) and (y > 0 or not log_y)] for name, points in lines.items()}
    kept = {name: points for name, points in kept.items() if points}
    every = [point for points in kept.values() for point in points]
    x_axis = Axis([x for x, _ in every], LEFT, WIDTH - RIGHT, logarithmic=log_x)
    y_axis = Axis([y for _, y in every], HEIGHT - BOTTOM, TOP, logarithmic=log_y)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<title>{escape(title)}</title>',
        text(LEFT, TOP - 16, title, anchor="start", size=15),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, across),
        f'<g transform="rotate(-90 16 {HEIGHT / 2})">{text(16, HEIGHT / 2, up)}</g>',
    ]  # fmt: skip
    for tick in x_axis.ticks:
        x = x_axis.at(tick)
        out += [rule(x, TOP, x, HEIGHT - BOTTOM), text(x, HEIGHT - BOTTOM + 18, written(tick))]
    for tick in y_axis.ticks:
        y = y_axis.at(tick)
        out += [rule(LEFT, y, WIDTH - RIGHT, y), text(LEFT - 8, y + 4, written(tick), anchor="end")]
    for number, (name, points) in enumerate(kept.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x_axis.at(x):.1f},{y_axis.at(y):.1f}" for x, y in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x_axis.at(x):.1f}" cy="{y_axis.at(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]
        y = TOP + 12 + 20 * number
        out.append(f'<rect x="{WIDTH - RIGHT + 12}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
        out.append(text(WIDTH - RIGHT + 28, y, name, anchor="start"))
    return "\n".join([*out, "</svg>", ""])


def text(x: float, y: float, words: str, *, anchor: str = "middle", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{INK}">{escape(words)}</text>'


def rule(x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="{INK}" stroke-opacity="0.25"/>'


def save(folder: Path, name: str, svg: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.svg").write_text(svg, "utf-8")
