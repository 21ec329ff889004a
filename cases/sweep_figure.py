"""The overview figure of a sweep: barrier and log T (or what ``show`` names) against the first varied key."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from cases.figure_style import colour, marker, to_svg
from cases.sweep_plan import describe, short_names
from cases.sweep_rows import compared

Rows = Sequence[Mapping[str, Any]]
MOST_CURVES = 16


def figure(table: Rows, vary: Sequence[str], show: Sequence[str], kind: str) -> str:
    """The figure as SVG text; to be called inside :func:`cases.figure_style.style`.

    Args:
        table: The rows of the sweep.
        vary: The varied keys; the first is the abscissa, the others tell curves apart.
        show: Further columns; where there are any they are drawn instead.
        kind: "lines", "loglog" or "polar".
    """
    wanted = list(show) or ["barrier", "log_mfpt"]
    wanted = [name for name in wanted if any(_is_number(row[name]) for row in table)] or wanted[:1]
    page = Canvas(figsize=(4.6 * len(wanted), 4.0), layout="constrained")
    for k, name in enumerate(wanted, start=1):
        axes = page.add_subplot(1, len(wanted), k, projection="polar" if kind == "polar" else None)
        rows = list(table) if show else compared(table)
        _panel(axes, rows, vary, name, kind)
        if k == len(wanted) and axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best", fontsize=8)
    return to_svg(page, f"Sweep over {', '.join(short_names(vary))}: {', '.join(wanted)}")


def _panel(axes: Axes, rows: Rows, vary: Sequence[str], name: str, kind: str) -> None:
    label = {"barrier": "barrier", "log_mfpt": "log of mean first passage time"}.get(
        name, name.split(".", 1)[-1]
    )
    curves: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if _is_number(row[name]):
            curves.setdefault(_curve(row, vary, name), []).append(row)
    abscissae = [row[vary[0]] for row in rows]
    numeric = all(_is_number(x) for x in abscissae)
    categories = list(dict.fromkeys(map(str, abscissae)))
    for index, (title, mine) in enumerate(list(curves.items())[:MOST_CURVES]):
        pairs = {row[vary[0]] if numeric else categories.index(str(row[vary[0]])): row[name] for row in mine}
        x = sorted(pairs)
        places = [math.radians(value) for value in x] if kind == "polar" else x
        style: dict[str, Any] = {"color": colour(index), "marker": marker(index), "ms": 5, "lw": 1.4}
        axes.plot(places, [pairs[value] for value in x], label=title, **style)
    if kind == "polar":
        axes.set_title(label)
        return
    if kind == "loglog" and numeric:
        axes.set_xscale("log")
        axes.set_yscale("log")
    if not numeric:
        axes.set_xticks(range(len(categories)), categories)
    axes.set_xlabel(short_names(vary)[0])
    axes.set_ylabel(label)
    axes.grid(True)


def _curve(row: Mapping[str, Any], vary: Sequence[str], name: str) -> str:
    """What tells the curve of a row from others; ε counts only where the quantity depends on it."""
    parts = []
    if name in ("barrier", "log_mfpt"):
        parts.append(str(row["noise"]))
    if name == "log_mfpt" and "compare.epsilon" not in vary:
        parts.append(f"ε={row['epsilon']:g}")
    others = {key: row[key] for key in vary[1:]}
    return ", ".join([*parts, *([describe(others)] if others else [])]) or name


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
