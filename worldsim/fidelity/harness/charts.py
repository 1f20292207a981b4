"""Charts as SVG: intervals below each other, and a curve with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

__all__ = ["curve", "intervals"]

COLOURS = ("#1f6fb4", "#d9730d", "#2a8f4a", "#8e44ad", "#b03a48")
LEFT, WIDE, ROW = 190, 430, 26
AXIS = (-0.5, 1.2)
Estimate = Mapping[str, float]


def intervals(rows: Mapping[str, Sequence[Estimate | None]]) -> str:
    """For each name one interval per candidate, on an axis with lines at 0, 0.5 and 1."""
    most = max((len(row) for row in rows.values()), default=1)
    height = ROW * most
    parts = []
    for number, (name, row) in enumerate(rows.items()):
        top = 14 + number * (height + 6)
        parts.append(f'<text x="{LEFT - 8}" y="{top + height / 2 + 4}" text-anchor="end">{escape(name)}</text>')
        for place, estimate in enumerate(row):
            if estimate is None:
                continue
            y, colour = top + ROW * place + ROW / 2, COLOURS[place % len(COLOURS)]
            x, a, b = (_x(estimate.get(key, estimate["value"])) for key in ("value", "low", "high"))
            parts.append(f'<line x1="{a:.1f}" x2="{b:.1f}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="3"/>'
                         f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="{colour}"/>')  # fmt: skip
    bottom = 14 + len(rows) * (height + 6)
    for value in (0.0, 0.5, 1.0):
        x = _x(value)
        parts.insert(0, f'<line x1="{x}" x2="{x}" y1="8" y2="{bottom}" stroke="#ccc"/>'
                        f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{value:g}</text>')  # fmt: skip
    return f'<svg width="{LEFT + WIDE + 20}" height="{bottom + 24}" role="img">{"".join(parts)}</svg>'


def curve(points: Mapping[float, Estimate | None], label: str, chance: float | None = None) -> str:
    """Shares over steps, 0 to 1, with their interval; a dashed line at chance."""
    known = {step: estimate for step, estimate in sorted(points.items()) if estimate is not None}
    if not known:
        return ""
    steps, height = list(known), 150
    first, last = min(steps), max(steps)

    def x(step: float) -> float:
        return LEFT / 3 + (step - first) / max(last - first, 1e-9) * WIDE

    def y(value: float) -> float:
        return 10 + (1.0 - min(1.0, max(0.0, value))) * height

    def path(key: str) -> str:
        return " ".join(f"{x(step):.1f},{y(one[key]):.1f}" for step, one in known.items())

    band = path("high") + " " + " ".join(reversed(path("low").split()))
    ticks = "".join(f'<text x="{x(step):.1f}" y="{height + 28}" text-anchor="middle">{step:g}</text>' for step in steps)
    ends = f'x1="{x(first)}" x2="{x(last)}"'
    dashed = "" if chance is None else f'<line {ends} y1="{y(chance)}" y2="{y(chance)}" class="chance"/>'
    scale = "".join(f'<text x="{LEFT / 3 - 8}" y="{y(v) + 4}" text-anchor="end">{v:g}</text>' for v in (0.0, 0.5, 1.0))
    return (f'<svg width="{LEFT + WIDE}" height="{height + 50}" role="img">{dashed}{scale}{ticks}'
            f'<polygon points="{band}" fill="{COLOURS[0]}" opacity=".2"/>'
            f'<polyline points="{path("value")}" fill="none" stroke="{COLOURS[0]}" stroke-width="2"/>'
            f'<text x="{LEFT / 3}" y="{height + 46}">{escape(label)}</text></svg>')  # fmt: skip


def _x(value: float) -> float:
    low, high = AXIS
    return round(LEFT + (min(high, max(low, value)) - low) / (high - low) * WIDE, 1)
