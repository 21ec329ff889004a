"""The sentences of the report: headline, how it was computed, what was checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cases.numbers import DASH, duration, factor, number
from cases.rundata import RunData
from cases.summary_rows import Row, baseline, directions, rows

_STRENGTH = {
    "trace": "of the same strength (equal trace of A at the starting attractor)",
    "det": "of the same strength (equal determinant of A at the starting attractor)",
    "none": "as given (the noises are not normalised to equal strength)",
}

_CHECKS = {
    "hj_residual": "residual of the Hamilton–Jacobi equation in the valid region",
    "gauge_refresh": "change of log MFPT when the density is solved again in the gauge of its own logarithm",
    "simulation_gap": "difference between computed and simulated log MFPT beyond the 95 % interval",
    "arrhenius_slope": "difference between the Arrhenius slope and the barrier",
    "bracket_width": "relative width of the bracket round the barrier",
}


@dataclass(frozen=True)
class Check:
    """One check of the run in words.

    Attributes:
        noise: The noise it belongs to.
        text: What was checked.
        value: What was found.
        threshold: What is allowed.
        verdict: "good", "failed" or "not computed"; "recorded" without a threshold.
    """

    noise: str
    text: str
    value: str
    threshold: str
    verdict: str


def headline(run: RunData) -> list[str]:
    """The answer in a few plain sentences."""
    found = directions(run.summary)
    if not found:
        return ["No escape was computed: fewer than two attractors were compared."]
    start, stop = found[0]
    base, table = baseline(run.summary), rows(run.summary, found[0])
    levels = [row.epsilon for row in table if row.epsilon is not None]
    where = f"attractor {start} (for attractor {stop})"
    if base is None or not levels:
        barriers = {row.noise: row.barrier for row in table}
        heights = ", ".join(f"{noise} {number(height, 4)}" for noise, height in barriers.items())
        return [f"Barrier to leave {where}: {heights}."]
    smallest = min(levels)
    strength = _STRENGTH.get(run.case.get("compare", {}).get("normalise", "trace"), "")
    sentences = [
        _comparison(row, base, where, strength if i == 0 else "")
        for i, row in enumerate(r for r in table if r.epsilon == smallest and r.noise != base)
    ]
    return sentences or [f"Only one noise was computed, {base}: there is nothing to compare it with."]


def _comparison(row: Row, base: str, where: str, strength: str) -> str:
    against = f"{base} noise {strength}".strip()
    if row.log_ratio is None or not math.isfinite(row.log_ratio):
        return f"At ε = {number(row.epsilon, 2)} no rate under {row.noise} noise was computed."
    quicker, times = ("faster", row.log_ratio) if row.log_ratio >= 0 else ("slower", -row.log_ratio)
    if times < 0.01:
        return f"At ε = {row.epsilon:g}, {row.noise} noise leaves {where} as fast as {against}."
    often = f"{_power(times)} times {quicker}"
    return f"At ε = {row.epsilon:g}, {row.noise} noise leaves {where} {often} than {against}."


def _power(log_ratio: float) -> str:
    mantissa, _, exponent = factor(log_ratio).partition("e")
    if not exponent:
        return mantissa
    raised = exponent.translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))
    return f"{mantissa}·10{raised}"


def checks(run: RunData) -> list[Check]:
    """Every check of every noise, the failed ones first."""
    thresholds = run.summary.get("check_thresholds", {})
    words = _CHECKS | dict(run.summary.get("check_descriptions", {}))
    result = []
    for noise, entry in run.summary["noises"].items():
        for name, value in entry.get("checks", {}).items():
            limit = thresholds.get(name)
            text = words.get(name, name.replace("_", " "))
            shown = number(value, 2) if isinstance(value, int | float) else DASH
            result.append(Check(noise, text, shown, number(limit, 2), _verdict(value, limit)))
    return sorted(result, key=lambda check: check.verdict != "failed")


def _verdict(value: object, limit: float | None) -> str:
    if not isinstance(value, int | float):
        return "not computed"
    if limit is None:
        return "recorded"
    return "good" if value <= limit else "failed"


def facts(run: RunData) -> list[tuple[str, str]]:
    """How it was computed, as pairs of name and value; only what the run recorded."""
    record, summary = run.record, run.summary
    grid, mesh = summary.get("discretisation", {}), run.case.get("mesh", {})
    versions = record.get("versions", {})
    libraries = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    timings = record.get("timings") or summary.get("timings") or {}
    steps = ", ".join(f"{name.replace('_', ' ')} {duration(seconds)}" for name, seconds in timings.items())
    command = record.get("command")
    pairs = [
        ("Equation", summary.get("convention")),
        ("Cells", _integer(grid.get("cells"))),
        ("Degree", grid.get("degree", mesh.get("degree"))),
        ("Unknowns of V", _integer(grid.get("unknowns"))),
        ("Resolution asked for", mesh.get("resolution")),
        ("MPI ranks", record.get("ranks")),
        ("Time", steps),
        ("Versions", libraries),
        ("Commit", record.get("git_commit")),
        ("Date", record.get("date")),
        ("Command", " ".join(command) if isinstance(command, list) else command),
    ]
    return [(name, str(value)) for name, value in pairs if value not in (None, "")]


def _integer(value: object) -> str | None:
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else None
