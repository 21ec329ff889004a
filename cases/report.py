"""The self-contained page about a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from cases import report_text
from cases.figures import all_figures
from cases.numbers import bracket, factor, fixed, number, point, with_interval
from cases.rundata import RunData, load_run
from cases.summary_rows import Direction, baseline, directions, goal, rows

REPORT = "report.html"


def write_report(directory: Path) -> Path:
    """Write report.html for a finished run.

    The page needs no network: figures are inline SVG, the style is in the page.  Not collective.

    Args:
        directory: Folder of the run; it holds summary.json and whatever else was written.

    Returns:
        The file.
    """
    run = load_run(Path(directory))
    page = _environment().get_template(REPORT).render(_context(run))
    path = Path(directory) / REPORT
    path.write_text(page, encoding="utf-8")
    return path


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("cases", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _context(run: RunData) -> dict[str, Any]:
    summary = run.summary
    return {
        "title": run.case.get("title") or summary.get("case", "quasipot"),
        "paper": run.case.get("paper", ""),
        "headline": report_text.headline(run),
        "ok": bool(summary.get("ok", False)),
        "problems": summary.get("problems", []),
        "baseline": baseline(summary),
        "tables": [_table(run, direction) for direction in directions(summary)],
        "figures": [
            {
                "title": figure.title,
                "panels": [Markup(svg) for svg in figure.panels],
                "caption": figure.caption,
            }
            for figure in all_figures(run)
        ],
        "places": _places(run),
        "noises": list(summary["noises"]),
        "facts": report_text.facts(run),
        "checks": report_text.checks(run),
        "files": summary.get("files", []),
        "case_text": run.case_text,
    }


def _table(run: RunData, direction: Direction) -> dict[str, Any]:
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
                "bracket": bracket(row.lower, row.upper, 6),
                "epsilon": f"{row.epsilon:g}" if row.epsilon is not None else number(None),
                "pde": fixed(row.log_mfpt, 3),
                "kramers": fixed(row.kramers, 3),
                "direct": fixed(row.direct, 3),
                "simulated": with_interval(row.simulated, row.interval, 3),
                "sgd": with_interval(row.sgd, row.sgd_interval, 3),
                "log_ratio": fixed(row.log_ratio, 3),
                "factor": factor(row.log_ratio),
            }
        )
        last = row.noise
    return {
        "start": direction[0],
        "goal": goal(direction),
        "lines": lines,
        "direct": any(row.direct is not None for row in found),
        "sgd": any(row.sgd is not None for row in found),
    }


def _places(run: RunData) -> list[dict[str, Any]]:
    """Attractors and saddles with the noise there."""
    result = []
    for kind, word in (("attractors", "attractor"), ("saddles", "saddle")):
        for index, entry in enumerate(run.summary.get(kind, [])):
            noise = [_noise_at(run, name, kind, index) for name in run.summary["noises"]]
            result.append(
                {"name": f"{word} {entry['index']}", "point": point(entry["point"], 5), "noise": noise}
            )
    return result


def _noise_at(run: RunData, noise: str, kind: str, index: int) -> dict[str, str]:
    places = run.summary["noises"][noise].get("anisotropy", {}).get(kind, [])
    here = places[index] if index < len(places) and places[index] else {}
    values = ", ".join(number(value, 3) for value in here.get("eigenvalues") or [])
    return {"trace": number(here.get("trace"), 4), "eigenvalues": values or number(None)}
