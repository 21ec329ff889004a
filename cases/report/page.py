"""The self-contained page about a finished run."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import jinja2
from markupsafe import Markup

from cases.figures.rundata import RunData, load_run
from cases.figures.style import Figure, attempted
from cases.report import sentences as report_text
from cases.report import tables as report_tables
from cases.report.field_figures import all_figures
from cases.report.formula_table import formula_lines
from cases.report.overview_figure import OVERVIEW, overview_figure
from cases.report.overview_table import overview
from cases.results.shortfalls import shortfalls
from cases.results.summary_rows import baseline, directions
from cases.stages.catalogue import STAGES
from solver.output.replacing import write_text

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
    page = environment().get_template(REPORT).render(_context(run))
    path = Path(directory) / REPORT
    write_text(path, page)
    return path


def environment() -> jinja2.Environment:
    """Where the templates of the pages are, and how they are filled in: escaped, nothing undefined."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("cases.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _context(run: RunData) -> dict[str, object]:
    summary = run.summary
    return {
        "title": run.case.get("title") or summary.get("case", "quasipot"),
        "paper": run.case.get("paper", ""),
        "headline": report_text.headline(run),
        "ok": bool(summary.get("ok", False)),
        "problems": summary.get("problems", []),
        "baseline": baseline(summary),
        "shortfalls": shortfalls(summary),
        "disagreements": [entry["text"] for entry in summary.get("disagreements", [])],
        "overview": overview(run),
        "tables": [report_tables.comparison(run, direction) for direction in directions(summary)],
        "formulas": formula_lines(summary),
        "further": [table for stage in STAGES for table in stage.tables(summary)],
        "references": report_tables.references(run),
        "pictures": [_shown(figure) for figure in attempted(OVERVIEW, partial(_overview, run))],
        "figures": [_shown(figure) for figure in all_figures(run)],
        "anisotropy": report_tables.anisotropy(run),
        "noises": list(summary["noises"]),
        "method": report_text.method(run),
        "facts": report_text.facts(run),
        "timings": report_text.timings(run),
        "parts": report_text.parts(run),
        "versions": report_text.versions(run),
        "checks": report_text.checks(run),
        "count": report_text.count(report_text.checks(run)),
        "files": summary.get("files", []),
        "case_text": run.case_text,
    }


def _overview(run: RunData) -> list[Figure]:
    figure = overview_figure(run)
    return [] if figure is None else [figure]


def _shown(figure: Figure) -> dict[str, object]:
    return {
        "title": figure.title,
        "panels": [Markup(svg) for svg in figure.panels],
        "caption": figure.caption,
    }
