"""The overview figure of a sweep: barrier and log T (or what ``show`` names) against the first varied key."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from cases.figures.style import colour, logarithmic, marker, to_svg
from cases.sweep.columns import ABSCISSA, Columns, closed_curve
from cases.sweep.plan import describe, short_names
from cases.sweep.rows import compared

Rows = Sequence[Mapping[str, Any]]
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
        kind: "lines", "loglog" or "polar".
        columns: Derived columns; where there are any they alone are drawn, with their closed forms.
    """
    if columns is not None and columns.columns:
        return _derived(table, vary, kind, columns)
    wanted = list(show) or ["barrier", "log_mfpt"]
    wanted = [name for name in wanted if any(_is_number(row[name]) for row in table)] or wanted[:1]
    page = Canvas(figsize=(4.6 * len(wanted), 4.3), layout="constrained")
    curves: dict[str, Any] = {}
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
    page = Canvas(figsize=(4.8 * len(columns.columns), 4.0), layout="constrained")
    for k, name in enumerate(columns.columns, start=1):
        axes = page.add_subplot(1, len(columns.columns), k)
        closed: dict[str, Any] = {"color": "black", "ls": (0, (4, 2)), "lw": 1.2, "label": "closed form"}
        points: dict[str, Any] = {"color": colour(0), "marker": marker(0), "ls": "none", "ms": 6}
        curve = closed_curve(columns, name, members, vary) if name in columns.exact else []
        known = sorted(
            (row[key], row[name]) for row in members if _is_number(row[key]) and _is_number(row[name])
        )
        for line, style in ((curve, closed), (known, points | {"label": "computed"})):
            if line:
                axes.plot(*zip(*line, strict=True), **style)
        if kind == "loglog":
            logarithmic(axes)
        axes.set_xlabel(str(label).replace("**2", "²"))
        axes.set_ylabel(name)
        axes.grid(True)
        axes.legend(loc="best")
    return to_svg(page, f"Sweep: {', '.join(columns.columns)} against {label}")


def _panel(axes: Axes, rows: Rows, vary: Sequence[str], name: str, kind: str) -> dict[str, Any]:
    """Draw one quantity; returns the lines for the legend by name."""
    levels = sorted({row["epsilon"] for row in rows if _is_number(row["epsilon"])})
    levels = levels if name == "log_mfpt" and "compare.epsilon" not in vary else []
    abscissae = [row[vary[0]] for row in rows]
    numeric = all(_is_number(x) for x in abscissae)
    categories = list(dict.fromkeys(map(str, abscissae)))
    curves: dict[str, dict[Any, dict[float, float]]] = {}
    for row in rows:
        if _is_number(row[name]):
            x = row[vary[0]] if numeric else categories.index(str(row[vary[0]]))
            lines = curves.setdefault(_title(row, vary, name), {})
            lines.setdefault(row["epsilon"] if levels else None, {})[x] = row[name]
    drawn: dict[str, Any] = {}
    for index, (title, lines) in enumerate(list(curves.items())[:MOST_CURVES]):
        for level, pairs in lines.items():
            x = sorted(pairs)
            places = [math.radians(value) for value in x] if kind == "polar" else x
            least = not levels or level == levels[0]
            style: dict[str, Any] = {"color": colour(index), "marker": marker(index), "ms": 4.5, "lw": 1.4}
            (line,) = axes.plot(places, [pairs[v] for v in x], alpha=1.0 if least else 0.4, **style)
            if least:
                drawn[title] = line
    label = {"barrier": "barrier", "log_mfpt": "log of mean first passage time"}.get(
        name, name.split(".", 1)[-1]
    )
    paler = f"full: ε = {levels[0]:g}; pale: larger ε" if len(levels) > 1 else ""
    axes.set_title("\n".join(part for part in (label if kind == "polar" else "", paler) if part))
    if kind == "polar":
        angles = [x for x in abscissae if _is_number(x)]
        if angles and max(angles) - min(angles) <= 180:  # only the sector that was asked for
            axes.set_thetalim(math.radians(min(angles)), math.radians(max(angles)))  # type: ignore[attr-defined]
        if all(row[name] >= 0 for row in rows if _is_number(row[name])):
            axes.set_rlim(bottom=0)  # type: ignore[attr-defined]
    else:
        if kind == "loglog" and numeric:
            logarithmic(axes)
        if not numeric:
            axes.set_xticks(range(len(categories)), categories)
        axes.set_xlabel(short_names(vary)[0])
        axes.set_ylabel(label)
        axes.grid(True)
    return drawn


def _title(row: Mapping[str, Any], vary: Sequence[str], name: str) -> str:
    """What tells the curve of a row from others, but for ε."""
    others = {key: row[key] for key in vary[1:]}
    parts = [str(row["noise"])] if name in ("barrier", "log_mfpt") else []
    return ", ".join([*parts, *([describe(others)] if others else [])]) or name


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
