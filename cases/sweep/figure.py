"""The overview figure of a sweep: barrier and log T (or what ``show`` names) against the first varied key."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from cases.base.numbers import is_number
from cases.contracts.sweep import SweepRow
from cases.figures.style import colour, logarithmic, marker, tick_words, to_svg
from cases.sweep.columns import ABSCISSA, Columns, closed_curve
from cases.sweep.plan import describe, printable, short_names
from cases.sweep.rows import compared

Rows = Sequence[SweepRow]
MOST_CURVES = 16
LABELS = {"barrier": "barrier", "log_mfpt": "log of mean first passage time"}


def figure(
    table: Rows, vary: Sequence[str], show: Sequence[str], kind: str, columns: Columns | None = None
) -> str:
    """The figure as SVG text; to be called inside :func:`cases.figures.style.style`.

    Args:
        table: The rows of the sweep.
        vary: The varied keys; the first is the abscissa, the others tell curves apart.
        show: Further columns; where there are any they are drawn instead.
        kind: "lines", "loglog", "together" or "polar".
        columns: Derived columns; where there are any they alone are drawn, with their closed forms.
    """
    if columns is not None and columns.columns:
        return _derived(table, vary, kind, columns)
    wanted = list(show) or ["barrier", "log_mfpt"]
    wanted = [name for name in wanted if any(is_number(row[name]) for row in table)] or wanted[:1]
    page = Canvas(figsize=(4.6 * len(wanted), 4.3), layout="constrained")
    curves: dict[str, Line2D] = {}
    for k, name in enumerate(wanted, start=1):
        axes = page.add_subplot(1, len(wanted), k, projection="polar" if kind == "polar" else None)
        curves |= _panel(axes, list(table) if show else compared(table), vary, name, kind)
    if len(curves) > 1 or not show:
        page.legend(curves.values(), curves.keys(), loc="outside lower center", ncols=4, fontsize=8)
    return to_svg(page, f"Sweep over {', '.join(short_names(vary))}: {', '.join(wanted)}")


def _derived(table: Rows, vary: Sequence[str], kind: str, columns: Columns) -> str:
    """Derived columns against the abscissa; dashed: the closed form."""
    key = ABSCISSA if columns.abscissa is not None else vary[0]
    label = columns.abscissa if columns.abscissa is not None else short_names(vary)[0]
    members = list({row["folder"]: row for row in table}.values())
    if kind == "together":
        return _together(members, key, str(label), list(columns.columns))
    page = Canvas(figsize=(4.8 * len(columns.columns), 4.0), layout="constrained")
    for k, name in enumerate(columns.columns, start=1):
        axes = page.add_subplot(1, len(columns.columns), k)
        curve = closed_curve(columns, name, members, vary) if name in columns.exact else []
        known = sorted(
            (row[key], row[name]) for row in members if is_number(row[key]) and is_number(row[name])
        )
        if curve:
            line = zip(*curve, strict=True)
            axes.plot(*line, color="black", ls=(0, (4, 2)), lw=1.2, label="closed form")
        if known:
            points = zip(*known, strict=True)
            axes.plot(*points, marker(0), color=colour(0), ls="none", ms=6, label="computed")
        if kind == "loglog":
            logarithmic(axes)
        axes.set_xlabel(str(label).replace("**2", "²"))
        axes.set_ylabel(name)
        axes.grid(True)
        axes.legend(loc="best")
    return to_svg(page, f"Sweep: {', '.join(columns.columns)} against {label}")


def _together(members: Rows, key: str, label: str, names: Sequence[str]) -> str:
    """All columns against the abscissa in one picture on logarithmic axes, the first of them as points."""
    page = Canvas(figsize=(6.0, 4.4), layout="constrained")
    axes = page.add_subplot()
    for k, name in enumerate(names):
        known = sorted(
            (row[key], row[name]) for row in members if is_number(row[key]) and is_number(row[name])
        )
        if known:
            (line,) = axes.plot(*zip(*known, strict=True), ms=6, lw=1.4, color=colour(k), label=name)
            line.set_marker(marker(0) if k == 0 else "")
            line.set_linestyle("none" if k == 0 else ("-", (0, (4, 2)), (0, (1, 1.5)))[(k - 1) % 3])
    logarithmic(axes)
    axes.set_xlabel(label)
    axes.grid(True)
    axes.legend(loc="best")
    return to_svg(page, f"Sweep: {', '.join(names)} against {label}")


def _panel(axes: Axes, rows: Rows, vary: Sequence[str], name: str, kind: str) -> dict[str, Line2D]:
    """Draw one quantity; returns the lines for the legend by name."""
    levels = sorted({row["epsilon"] for row in rows if is_number(row["epsilon"])})
    levels = levels if name == "log_mfpt" and "compare.epsilon" not in vary else []
    abscissae = [row[vary[0]] for row in rows]
    numeric = all(is_number(x) for x in abscissae)
    categories = list(dict.fromkeys(map(str, abscissae)))
    curves: dict[str, dict[float | None, dict[float, float]]] = {}
    for row in rows:
        if is_number(row[name]):
            x = row[vary[0]] if numeric else categories.index(str(row[vary[0]]))
            lines = curves.setdefault(_title(row, vary, name), {})
            lines.setdefault(row["epsilon"] if levels else None, {})[x] = row[name]
    drawn: dict[str, Line2D] = {}
    for index, (title, lines) in enumerate(list(curves.items())[:MOST_CURVES]):
        for level, pairs in lines.items():
            x = sorted(pairs)
            places = [math.radians(value) for value in x] if kind == "polar" else x
            least = not levels or level == levels[0]
            (line,) = axes.plot(
                places, [pairs[v] for v in x], color=colour(index), marker=marker(index), ms=4.5, lw=1.4,
                alpha=1.0 if least else 0.4,
            )  # fmt: skip
            if least:
                drawn[title] = line
    label = {"barrier": "barrier", "log_mfpt": "log of mean first passage time"}.get(
        name, name.split(".", 1)[-1]
    )
    paler = f"full: ε = {levels[0]:g}; pale: larger ε" if len(levels) > 1 else ""
    axes.set_title("\n".join(part for part in (label if kind == "polar" else "", paler) if part))
    if kind == "polar":
        angles = [x for x in abscissae if is_number(x)]
        if angles and max(angles) - min(angles) <= 180:  # only the sector that was asked for
            axes.set_thetalim(math.radians(min(angles)), math.radians(max(angles)))  # type: ignore[attr-defined]
        if all(row[name] >= 0 for row in rows if is_number(row[name])):
            axes.set_rlim(bottom=0)  # type: ignore[attr-defined]
    else:
        if kind == "loglog" and numeric:
            logarithmic(axes)
        if not numeric:
            axes.set_xticks(range(len(categories)), tick_words([printable(name) for name in categories]))
        axes.set_xlabel(short_names(vary)[0])
        axes.set_ylabel(label)
        axes.grid(True)
    return drawn


def _title(row: SweepRow, vary: Sequence[str], name: str) -> str:
    """What tells the curve of a row from others, but for ε."""
    others = {key: row[key] for key in vary[1:]}
    parts = [str(row["noise"])] if name in ("barrier", "log_mfpt") else []
    return ", ".join([*parts, *([describe(others)] if others else [])]) or name
