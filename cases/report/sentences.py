"""The sentences of the report: headline, how it was computed, what was checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cases.base.numbers import DASH, duration, factor, fixed, grouped, number, with_interval
from cases.contracts.summary import Discretisation
from cases.figures.rundata import RunData
from cases.results.accuracy import within
from cases.results.check_text import title, verdict
from cases.results.summary_rows import Row, baseline, directions, goal, rows
from cases.stages.catalogue import STAGES
from cases.stages.floor.text import floor_sentences
from cases.stages.law.text import law_sentences

_STRENGTH = {
    "trace": "of the same strength (equal trace of A at the starting attractor)",
    "det": "of the same strength (equal determinant of A at the starting attractor)",
    "none": "as given (the noises are not normalised to equal strength)",
}

#: Of a summary that says nothing of it.
NO_SIZE: Discretisation = {"cells": None, "degree": 0, "unknowns": None}
_TOO_SHORT = 0.05  # seconds: a stage that did nothing


@dataclass(frozen=True)
class Finding:
    """What a check found for one noise: the value as text, and "good", "failed", "recorded" or "missing"."""

    value: str
    verdict: str


@dataclass(frozen=True)
class Check:
    """One check of the run: its name, what was checked, what is allowed, what was found per noise."""

    name: str
    text: str
    threshold: str
    findings: tuple[Finding, ...]


def headline(run: RunData) -> list[str]:
    """The answer in a few plain sentences."""
    found = directions(run.summary)
    if not found:
        return _without_escapes(run)
    start = found[0][0]
    base, table = baseline(run.summary), rows(run.summary, found[0])
    levels = [row.epsilon for row in table if row.epsilon is not None]
    where = f"attractor {start} (for {goal(found[0])})"
    if base is None or not levels:
        barriers = {row.noise: row for row in table}
        heights = ", ".join(
            f"{noise} {number(row.barrier, 5)} {row.bounds()}" for noise, row in barriers.items()
        )
        return [
            f"Barrier to leave {where}: {heights}.",
            *law_sentences(run.summary),
            *floor_sentences(run.summary),
        ]
    smallest = min(levels)
    strength = _STRENGTH.get(run.case.get("compare", {}).get("normalise", "trace"), "")
    sentences = [
        _comparison(row, base, where, strength if i == 0 else "")
        for i, row in enumerate(r for r in table if r.epsilon == smallest and r.noise != base)
    ]
    sentences += [_simulation(row) for row in table if row.simulated is not None and row.noise != base][:1]
    sentences += [*law_sentences(run.summary), *floor_sentences(run.summary)]
    return sentences or [f"Only one noise was computed, {base}: there is nothing to compare it with."]


def _without_escapes(run: RunData) -> list[str]:
    """What there is to say where no attractor is left for another one."""
    sentences = [text for stage in STAGES for text in stage.headline(run.summary)]
    return sentences or ["No escape was computed: fewer than two attractors were compared."]


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
        findings = tuple(_finding(entry.get(name), limit) for entry in entries)
        result.append(Check(name, title(name), number(limit, 2), findings))
    return sorted(result, key=lambda check: all(finding.verdict != "failed" for finding in check.findings))


def count(found: list[Check]) -> str:
    """How many of the values passed, in one sentence."""
    verdicts = [finding.verdict for check in found for finding in check.findings]
    number_of = {word: verdicts.count(word) for word in ("good", "failed", "recorded")}
    decided = number_of["good"] + number_of["failed"]
    if not decided:
        return ""
    text = f"{number_of['good']} of {decided} values are within what is allowed"
    return text + (f"; {number_of['recorded']} are only recorded." if number_of["recorded"] else ".")


def _finding(value: object, limit: float | None) -> Finding:
    if not isinstance(value, int | float):
        return Finding(DASH, "missing")
    return Finding(number(value, 2), verdict(value, limit))


def method(run: RunData) -> list[str]:
    """What was solved, for this run, in a few sentences."""
    entries = list(run.summary["noises"].values())
    degree = (run.summary.get("discretisation") or NO_SIZE)["degree"]
    on = f" on continuous elements of degree {degree}" if degree else ""
    sentences = []
    if any(entry.get("barriers") for entry in entries):
        sentences += [
            f"Quasi-potential: Newton's method (policy iteration) for b·∇V + ½ ∇VᵀA∇V = 0{on}, in the "
            "sublevel set of each attractor.",
            "Barrier: action of the most probable escape path, refined until it no longer changes. The "
            "bracket beside it: below, from a function that is a subsolution at all points where it was "
            "checked; above, the action of an explicit path, so that the exact barrier cannot be higher.",
        ]
    if any(entry.get("stationary") for entry in entries):
        sentences.append(
            "Densities: stationary Fokker–Planck equation as p = q exp(−W/ε) with q of order one, so that "
            "nothing underflows however small ε is."
        )
    if any(entry.get("rates") for entry in entries):
        sentences.append(
            "Rates: flux of this density through a narrow window between the wells, over the mass of the "
            "well that is left; passage times from the chain with these rates."
        )
    return sentences


def facts(run: RunData) -> list[tuple[str, str]]:
    """How it was computed, as pairs of name and value; only what the run recorded."""
    record, summary = run.record, run.summary
    grid, mesh = summary.get("discretisation") or NO_SIZE, run.case.get("mesh", {})
    command = record.get("command")
    pairs = [
        ("Equation", summary.get("convention")),
        ("Coordinates", ", ".join(run.coordinates[: run.dim])),
        ("Domain", _domain(run)),
        ("Mesh", _mesh(grid, mesh)),
        ("Degree of the elements", grid["degree"] or mesh.get("degree")),
        ("Unknowns of V", _integer(grid.get("unknowns"))),
        ("Accuracy", within(summary)),
        ("MPI ranks", record.get("ranks")),
        ("Commit", record.get("git_commit")),
        ("Date", record.get("date")),
        ("Command", " ".join(["quasipot", *command[1:]]) if isinstance(command, list) else command),
    ]
    return [(name, str(value)) for name, value in pairs if value not in (None, "")]


def timings(run: RunData) -> list[tuple[str, str]]:
    """Wall-clock time of each stage that took any, and of all together."""
    seconds = run.record.get("timings") or run.summary.get("timings") or {}
    steps = [
        (name.replace("_", " "), duration(value)) for name, value in seconds.items() if value > _TOO_SHORT
    ]
    return [*steps, ("together", duration(sum(seconds.values())))] if steps else []


def parts(run: RunData) -> list[list[str]]:
    """Lines of the table of what was spent where: part, time, CPU time, share of waiting, memory.

    The share is that of the ranks' time which they spent waiting for one of them that worked alone.
    """
    found = run.record.get("parts") or {}
    ranks = max(run.record.get("ranks") or 1, 1)
    return [
        [
            name,
            duration(one["seconds"]),
            duration(one["cpu"]),
            f"{one['waited'] / (ranks * one['seconds']):.0%}",
            f"{grouped(one['megabytes'])} MB",
        ]
        for name, one in found.items()
        if one["seconds"] > _TOO_SHORT
    ]


def versions(run: RunData) -> str:
    """Program and libraries with their versions."""
    return versions_text(run.record.get("versions", {}))


def versions_text(found: Mapping[str, str | None]) -> str:
    """Names with their versions, of those that were there."""
    return ", ".join(f"{name} {version}" for name, version in found.items() if version)


def _domain(run: RunData) -> str | None:
    domain = run.case.get("domain", {})
    bounds = domain.get("bounds")
    if not bounds:
        return domain.get("mesh")
    return " × ".join(f"[{number(low, 4)}, {number(high, 4)}]" for low, high in bounds)


def _mesh(grid: Discretisation, mesh: Mapping[str, object]) -> str | None:
    cells, resolution = _integer(grid.get("cells")), mesh.get("resolution")
    parts = [
        f"{cells} cells" if cells else "",
        f"{resolution} asked for along the longest side" if resolution else "",
    ]
    return ", ".join(part for part in parts if part) or None


def _integer(value: object) -> str | None:
    return grouped(value) if isinstance(value, int) else None
