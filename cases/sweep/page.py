"""The self-contained page about a finished sweep: ``report.html`` beside its table and figure."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from markupsafe import Markup

from cases.base.numbers import duration, grouped
from cases.contracts.summary import Summary
from cases.contracts.sweep import SweepRecord
from cases.figures.style import Figure, attempted, style
from cases.report.page import REPORT, environment
from cases.report.sentences import versions_text
from cases.sweep import tables as sweep_tables
from cases.sweep import text as sweep_text
from cases.sweep.plan import describe
from cases.sweep.section import sweep_section

TEMPLATE = "sweep.html"


def page(folder: Path, record: SweepRecord, overview: Figure) -> str:
    """The page as HTML text.  Not collective.

    The figure is inline and the style is in the page, so that it needs no network and no other file; links
    lead to the members' own pages beside it.

    Args:
        folder: Folder of the sweep; it holds case.toml and the members.
        record: What sweep.json holds.
        overview: The overview figure.
    """
    case_file = folder / "case.toml"
    case_text = case_file.read_text(encoding="utf-8") if case_file.exists() else ""
    case = tomllib.loads(case_text)
    summaries = _summaries(folder, record)
    heads, lines = sweep_tables.table(record)
    with style():
        overlays = attempted("The members' densities along a curve", lambda: sweep_section(summaries))
    context = {
        "title": record["title"] or record["case"],
        "paper": case.get("paper", ""),
        "headline": sweep_text.headline(record),
        "ok": record["ok"],
        "problems": record["problems"],
        "panels": [Markup(svg) for svg in overview.panels],
        "wide": any(map(_is_wide, overview.panels)),
        "caption": overview.caption,
        "figures": [
            {"title": one.title, "panels": [Markup(svg) for svg in one.panels], "caption": one.caption}
            for one in overlays
        ],
        "heads": heads,
        "lines": lines,
        "words": sweep_text.table_note(record),
        "references": sweep_text.references(summaries),
        "checks": sweep_tables.checks(summaries),
        "members": [
            member | {"page": _page_of(folder, member["folder"])} for member in sweep_tables.members(record)
        ],
        "facts": _facts(record, summaries),
        "case_text": case_text,
    }
    return environment().get_template(TEMPLATE).render(context)


def _summaries(folder: Path, record: SweepRecord) -> dict[str, Summary]:
    """The members' summary.json by label, of those that have one."""
    found = {}
    for member in record["members"]:
        file = folder / member["folder"] / "summary.json"
        if file.is_file():
            label = describe(member["values"])
            label = label if label not in found else f"{label} ({member['folder']})"
            found[label] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _page_of(folder: Path, member: str) -> str | None:
    """Address of a member's own page, relative to that of the sweep; None where it has none."""
    return f"{member}/{REPORT}" if (folder / member / REPORT).is_file() else None


def _facts(record: SweepRecord, summaries: Mapping[str, Summary]) -> list[tuple[str, str]]:
    """How it was computed, as pairs of name and value; only what was recorded."""
    origin = record["run"]
    sizes = [one["discretisation"] for one in summaries.values() if "discretisation" in one]
    command = origin.get("command")
    pairs = [
        (
            "Equation",
            ", ".join(dict.fromkeys(s["convention"] for s in summaries.values() if "convention" in s)),
        ),
        ("Degree of the elements", _range(one["degree"] for one in sizes)),
        ("Cells of a member", _range(one["cells"] for one in sizes)),
        ("Unknowns of V of a member", _range(one["unknowns"] for one in sizes)),
        ("MPI ranks", origin.get("ranks")),
        ("Time", _time(record)),
        ("Commit", origin.get("git_commit")),
        ("Date", origin.get("date")),
        ("Command", " ".join(["quasipot", *command[1:]]) if isinstance(command, list) else command),
        ("Versions", versions_text(origin.get("versions", {}))),
    ]
    return [(name, str(value)) for name, value in pairs if value not in (None, "")]


def _is_wide(drawing: str) -> bool:
    """Whether a figure has several panels side by side, and so needs the width of the page."""
    box = re.search(r'viewBox="[^ ]+ [^ ]+ ([^ ]+) ([^"]+)"', drawing)
    return box is not None and float(box[1]) > 1.5 * float(box[2])


def _time(record: SweepRecord) -> str:
    """Seconds of the members that were run, added up, and how many were not run again."""
    spent = [member["seconds"] for member in record["members"] if member["seconds"] is not None]
    kept = len(record["members"]) - len(spent)
    parts = [f"{len(spent)} members {duration(sum(spent))} together"] if spent else []
    return "; ".join([*parts, *([f"{kept} kept from before"] if kept else [])])


def _range(found: Iterable[int | None]) -> str:
    """From the least to the largest number."""
    known = sorted({value for value in found if isinstance(value, int)})
    return " to ".join(grouped(value) for value in dict.fromkeys([known[0], known[-1]])) if known else ""
