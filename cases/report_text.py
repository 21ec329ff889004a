"""The sentences of the report: headline, how it was computed, what was checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cases.checks import CHECKS
from cases.numbers import DASH, duration, factor, fixed, number, with_interval
from cases.rundata import RunData
from cases.summary_rows import Row, baseline, directions, goal, rows

_STRENGTH = {
    "trace": "of the same strength (equal trace of A at the starting attractor)",
    "det": "of the same strength (equal determinant of A at the starting attractor)",
    "none": "as given (the noises are not normalised to equal strength)",
}

_TOO_SHORT = 0.05  # seconds: a stage that did nothing


@dataclass(frozen=True)
class Finding:
    """What a check found for one noise: the value as text, and "good", "failed", "recorded" or "missing"."""

    value: str
    verdict: str


@dataclass(frozen=True)
class Check:
    """One check of the run in words: what was checked, what is allowed, what was found per noise."""

    text: str
    threshold: str
    findings: tuple[Finding, ...]


def headline(run: RunData) -> list[str]:
    """The answer in a few plain sentences."""
    found = directions(run.summary)
    if not found:
        return ["No escape was computed: fewer than two attractors were compared."]
    start = found[0][0]
    base, table = baseline(run.summary), rows(run.summary, found[0])
    levels = [row.epsilon for row in table if row.epsilon is not None]
    where = f"attractor {start} (for {goal(found[0])})"
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
    sentences += [_simulation(row) for row in table if row.simulated is not None and row.noise != base][:1]
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


def _simulation(row: Row) -> str:
    computed = fixed(row.log_mfpt if row.direct is None else row.direct)
    text = (
        f"Check at ε = {row.epsilon:g}, {row.noise} noise: the logarithm of the mean first passage time is "
        f"{computed} computed, {with_interval(row.simulated, row.interval)} simulated"
    )
    if row.sgd is not None:
        text += f", {with_interval(row.sgd, row.sgd_interval)} for minibatch SGD on the data"
    return text + "."


def _power(log_ratio: float) -> str:
    mantissa, _, exponent = factor(log_ratio).partition("e")
    if not exponent:
        return mantissa
    raised = exponent.translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))
    return f"{mantissa}·10{raised}"


def checks(run: RunData) -> list[Check]:
    """Every check of the run, those that failed first; one finding per noise, in their order."""
    thresholds = run.summary.get("check_thresholds", {})
    entries = [noise.get("checks", {}) for noise in run.summary["noises"].values()]
    result = []
    for name in dict.fromkeys(name for entry in entries for name in entry):
        limit = thresholds.get(name)
        text = CHECKS[name][1] if name in CHECKS else name.replace("_", " ")
        findings = tuple(_finding(entry.get(name), limit) for entry in entries)
        result.append(Check(text, number(limit, 2), findings))
    return sorted(result, key=lambda check: all(finding.verdict != "failed" for finding in check.findings))


def _finding(value: object, limit: float | None) -> Finding:
    if not isinstance(value, int | float):
        return Finding(DASH, "missing")
    verdict = "recorded" if limit is None else "good" if value <= limit else "failed"
    return Finding(number(value, 2), verdict)


def facts(run: RunData) -> list[tuple[str, str]]:
    """How it was computed, as pairs of name and value; only what the run recorded."""
    record, summary = run.record, run.summary
    grid, mesh = summary.get("discretisation", {}), run.case.get("mesh", {})
    versions = record.get("versions", {})
    libraries = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    timings = record.get("timings") or summary.get("timings") or {}
    steps = ", ".join(
        f"{name.replace('_', ' ')} {duration(seconds)}"
        for name, seconds in timings.items()
        if seconds > _TOO_SHORT
    )
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
        ("Command", " ".join(["quasipot", *command[1:]]) if isinstance(command, list) else command),
    ]
    return [(name, str(value)) for name, value in pairs if value not in (None, "")]


def _integer(value: object) -> str | None:
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else None
