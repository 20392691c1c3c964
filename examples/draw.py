"""Draws a forecast as a picture: `python examples/draw.py` writes docs/passengers.svg from examples/passengers.cq.

    python examples/draw.py [--query FILE] [--value FIELD] [--to FILE]

The result needs the columns `_time`, the value, `_future`, `_lower` and `_upper`. Times are in the session's zone. Nothing but cortado is needed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
from pathlib import Path
from typing import Any

import cortado

ROOT = Path(__file__).parent.parent
WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM = 900, 400, 56, 24, 44, 36
INK, BLUE, GREY = "#1a1a1a", "#1f5fa8", "#d9d9d9"
STYLE = f"""<style>
  text {{ font: 13px system-ui, sans-serif; fill: {INK} }}
  .title {{ font-size: 16px; font-weight: 600 }}
  .grid {{ stroke: {GREY}; stroke-width: 1 }}
  .past {{ stroke: {INK}; stroke-width: 1.6; fill: none }}
  .ahead {{ stroke: {BLUE}; stroke-width: 2; fill: none }}
  .band {{ fill: {BLUE}; fill-opacity: 0.18 }}
</style>"""


def ticks(high: float) -> list[float]:
    """Round numbers from 0 on, four to eight of them."""
    step = 10 ** math.floor(math.log10(high))
    step = next(s for s in (step, step / 2, step / 4, step / 5) if high / s >= 4)
    return [i * step for i in range(math.ceil(high / step) + 1)]


def picture(rows: list[dict[str, Any]], value: str, title: str) -> str:
    """The value as a line, its forecast as another that goes on from the last value, the interval as a band."""
    times = [r["_time"].timestamp() for r in rows]
    largest = max(v for r in rows for v in (r[value], r["_upper"]) if v is not None)
    marks = ticks(largest)

    def x(t: float) -> float:
        return LEFT + (t - times[0]) / (times[-1] - times[0]) * (WIDE - LEFT - RIGHT)

    def y(v: float) -> float:
        return HIGH - BOTTOM - v / marks[-1] * (HIGH - TOP - BOTTOM)

    def line(points: list[tuple[float, float]]) -> str:
        return " ".join(f"{x(t):.1f},{y(v):.1f}" for t, v in points)

    past = [(t, r[value]) for t, r in zip(times, rows, strict=True) if r[value] is not None]
    ahead = [(t, r["_future"]) for t, r in zip(times, rows, strict=True) if r["_future"] is not None]
    low, high = (
        [(t, r[side]) for t, r in zip(times, rows, strict=True) if r[side] is not None] for side in ("_lower", "_upper")
    )
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{title}">',
        STYLE, f'<rect width="{WIDE}" height="{HIGH}" fill="white"/>', f'<text class="title" x="{LEFT}" y="26">{title}</text>',
    ]  # fmt: skip
    for mark in marks:
        out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDE - RIGHT}" y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(mark) + 4:.1f}" text-anchor="end">{mark:g}</text>')
    for year in range(rows[0]["_time"].year, rows[-1]["_time"].year + 1, 2):
        at = dt.datetime(year, 1, 1, tzinfo=rows[0]["_time"].tzinfo).timestamp()
        if times[0] <= at <= times[-1]:
            out.append(f'<text x="{x(at):.1f}" y="{HIGH - 12}" text-anchor="middle">{year}</text>')
    out.append(f'<polygon class="band" points="{line([past[-1], *high])} {line([*reversed(low), past[-1]])}"/>')
    out.append(f'<polyline class="past" points="{line(past)}"/>')
    out.append(f'<polyline class="ahead" points="{line([past[-1], *ahead])}"/>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--query", default=str(ROOT / "examples/passengers.cq"))
    asked.add_argument("--value", default="passengers")
    asked.add_argument("--title", default="Airline passengers a month (thousands), forecast and 95 % interval")
    asked.add_argument("--to", type=Path, default=ROOT / "docs/passengers.svg")
    given = asked.parse_args()
    with cortado.connect(timezone="UTC") as session:
        rows = session.run_file(given.query).to_pylist()
    given.to.write_text(picture(rows, given.value, given.title), encoding="utf-8")


if __name__ == "__main__":
    main()
