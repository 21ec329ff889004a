"""The tables of the report, as text ready for the page."""

from __future__ import annotations

import math

from cases.base.numbers import DASH, factor, fixed, number, point, with_error, with_interval
from cases.figures.rundata import RunData
from cases.report.anisotropy import Shape, shapes
from cases.results.summary_rows import Direction, goal, rows


def comparison(run: RunData, direction: Direction) -> dict[str, object]:
    """One comparison table; what belongs to a noise as a whole stands in its first line only."""
    lines, last = [], None
    found = rows(run.summary, direction)
    for row in found:
        lines.append(
            {
                "first": row.noise != last,
                "noise": row.noise,
                "trace": number(row.trace, 4),
                "barrier": number(row.barrier, 6),
                "bracket": row.bounds(6),
                "epsilon": f"{row.epsilon:g}" if row.epsilon is not None else number(None),
                "pde": with_error(row.log_mfpt, row.error) + (" ?" if row.doubtful else ""),
                "kramers": fixed(row.kramers, 3),
                "mori": fixed(row.mori, 3),
                "direct": fixed(row.direct, 3),
                "simulated": with_interval(row.simulated, row.interval, 3),
                "sgd": with_interval(row.sgd, row.sgd_interval, 3),
                "trend": fixed(row.trend, 2),
                "factor": factor(row.log_ratio),
            }
        )
        last = row.noise
    return {
        "start": direction[0],
        "goal": goal(direction),
        "lines": lines,
        "mori": any(row.mori is not None for row in found),
        "trend": any(row.trend is not None for row in found),
        "direct": any(row.direct is not None for row in found),
        "sgd": any(row.sgd is not None for row in found),
        "simulated": any(row.simulated is not None for row in found),
        "levels": any(row.epsilon is not None for row in found),
    }


def anisotropy(run: RunData) -> list[dict[str, object]]:
    """Strength and shape of every noise at attractors and saddles; see :mod:`cases.report.anisotropy`."""
    lines, last = [], None
    for shape in shapes(run):
        lines.append(
            {
                "first": shape.place != last,
                "place": shape.place,
                "point": point(shape.point, 5),
                "noise": shape.noise,
                "trace": number(shape.trace, 4),
                "eigenvalues": ", ".join(number(value, 3) for value in shape.eigenvalues) or DASH,
                "orientation": orientation(shape),
                "way": _way(shape),
                "strength": number(shape.strength, 3),
                "angle": DASH if shape.angle is None else f"{shape.angle:.0f}°",
            }
        )
        last = shape.place
    return lines


def orientation(shape: Shape) -> str:
    """The direction in which A is largest: an angle in the plane, a vector in space."""
    if shape.largest is None:
        return DASH if len(shape.eigenvalues) < 2 else "none: a ball"
    if len(shape.largest) == 2:
        # half-turns apart it is the same direction: between −90° and 90°
        x, y = shape.largest
        return _degrees(x, y)
    return point(shape.largest, 2)


def _degrees(x: float, y: float) -> str:
    angle = math.degrees(math.atan2(y, x))
    angle = angle - 180 if angle > 90 else angle + 180 if angle <= -90 else angle
    return fixed(round(angle) + 0.0, 0) + "°"


def _way(shape: Shape) -> str:
    if shape.way is None:
        return DASH
    return f"to saddle {shape.way}" if shape.place.startswith("attractor") else f"from attractor {shape.way}"


def references(run: RunData) -> dict[str, object] | None:
    """The values that the case must reproduce, beside what was computed; None where it names none."""
    found = run.summary.get("references", [])
    if not found:
        return None
    lines = [
        {
            "label": row["label"],
            "computed": _digits(row["computed"]),
            "reference": _digits(row["reference"]),
            "error": DASH if row["error"] is None else number(row["error"], 2),
            "tolerance": f"{row['tolerance']:g}",
            "verdict": {True: "good", False: "failed", None: "missing"}[row["ok"]],
            "word": {True: "agrees", False: "MISSED", None: "not computed"}[row["ok"]],
            "source": row["source"] or DASH,
        }
        for row in sorted(found, key=lambda row: row["ok"] is not False)
    ]
    decided = [row["ok"] for row in found if row["ok"] is not None]
    missing = len(found) - len(decided)
    return {"lines": lines, "good": sum(decided), "known": len(decided), "missing": missing}


def _digits(value: float | None) -> str:
    return DASH if value is None else f"{value:.8g}".replace("-", "−", 1)
