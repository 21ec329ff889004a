"""A run beside its reference values: computed, reference, error, and whether they agree.

A reference that holds for other parameter values than those of the run does not appear.  One whose
quantity the run did not compute (another noise level, a stage that failed, a null) appears without
an error and decides nothing: it is the business of the stage that failed to say so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from cases.base.errors import suggestion
from cases.base.numbers import is_number, whole
from cases.casefile.case import Case
from cases.casefile.reference_table import ReferenceTable
from cases.contracts.comparisons import ReferenceEntry
from cases.contracts.escapes import StationaryEntry
from cases.contracts.further import EvolutionEntry
from cases.contracts.summary import NoiseEntry, Summary
from cases.expressions.parse import ExpressionError, parse, symbols


@dataclass(frozen=True)
class Row:
    """One reference value beside the computed one.

    Attributes:
        name: Name of the reference in the case.
        label: What it is, in words.
        quantity: Kind of quantity.
        computed: The value of the run; None if it has none.
        reference: The reference value.
        error: Relative error; of a logarithm the difference, which is the relative error of the time.
        tolerance: Largest accepted error.
        ok: Whether they agree; None without a computed value.
        source: Where the reference value is from.
    """

    name: str
    label: str
    quantity: str
    computed: float | None
    reference: float
    error: float | None
    tolerance: float
    ok: bool | None
    source: str


def compare(
    references: Mapping[str, ReferenceTable],
    summary: Summary,
    coordinates: Sequence[str] = (),
    settings: Mapping[str, object] | None = None,
) -> list[Row]:
    """The references that apply to a run, beside what it computed.

    Args:
        references: ``[reference.NAME]`` tables.
        summary: The content of summary.json.
        coordinates: Names of the coordinates, for moments.
        settings: Parameters of the case, options of its model, and floors as "noise.NAME.floor".
    """
    rows = []
    for name, reference in references.items():
        if any((settings or {}).get(key) != value for key, value in reference.parameters.items()):
            continue
        computed = _number(_computed(reference, summary, coordinates))
        error = None if computed is None else _error(reference, computed)
        ok = None if error is None else error <= reference.relative
        rows.append(
            Row(
                name, label(reference), reference.quantity, computed, reference.value,
                error, reference.relative, ok, reference.source,
            )
        )  # fmt: skip
    return rows


def compare_case(case: Case, references: Mapping[str, ReferenceTable], summary: Summary) -> list[Row]:
    """The references of a case beside a run of it."""
    settings: dict[str, object] = {**case.system.parameters, **case.system.options}
    if case.system.friction is not None:
        settings["system.friction"] = case.system.friction
    settings |= {f"noise.{name}.floor": noise.floor for name, noise in case.noise.items()}
    return compare(references, summary, case.coordinates, settings)


def check(case: Case, references: Mapping[str, ReferenceTable]) -> None:
    """Complain about references that no run of this case could meet, before it is run.

    Raises:
        CaseError: naming the key.
    """
    for name, reference in references.items():
        for key, noise in (("noise", reference.noise), ("baseline", reference.baseline)):
            if noise is not None and noise not in case.noise:
                fix = suggestion(noise, case.noise, "noises")
                raise case.error(f"reference.{name}.{key}", f"unknown noise '{noise}'", fix)
        names = [one.name for one in case.exits]
        if reference.exit is not None and reference.exit not in names:
            raise case.error(
                f"reference.{name}.exit",
                f"unknown exit '{reference.exit}'",
                suggestion(reference.exit, names, "exits"),
            )
        _check_expectation(case, name, reference)
        if reference.moment is not None:
            try:
                polynomial(reference.moment, case.coordinates)
            except ExpressionError as error:
                raise case.error(f"reference.{name}.moment", error.problem, error.fix) from None


def _check_expectation(case: Case, name: str, reference: ReferenceTable) -> None:
    if reference.observe is None:
        return
    known = case.transient.observe if case.transient else {}
    if reference.observe not in known:
        raise case.error(
            f"reference.{name}.observe",
            f"unknown expectation '{reference.observe}'",
            suggestion(reference.observe, known, "expectations"),
        )
    times = case.transient.times if case.transient else []
    if reference.time not in times:
        raise case.error(
            f"reference.{name}.time", f"{reference.time} is no time of the evolution", "see transient.times"
        )


def as_json(rows: Sequence[Row]) -> list[ReferenceEntry]:
    """The rows as they stand in summary.json."""
    return [
        {
            "name": row.name,
            "label": row.label,
            "quantity": row.quantity,
            "computed": row.computed,
            "reference": row.reference,
            "error": row.error,
            "tolerance": row.tolerance,
            "ok": row.ok,
            "source": row.source,
        }
        for row in rows
    ]


def problems(rows: Sequence[Row]) -> list[str]:
    """A sentence for every reference that the run misses."""
    return [
        f"reference {row.name}: {row.label} = {row.computed:.9g}, but {row.reference:.9g} "
        f"({row.source or 'reference'}): error {row.error:.2g} is above {row.tolerance:g}"
        for row in rows
        if row.ok is False
    ]


def label(reference: ReferenceTable) -> str:
    """What a reference is about, on one line."""
    if reference.label is not None:
        return reference.label
    if reference.quantity == "entry":
        return str(reference.entry)
    words = [f"E {reference.moment}" if reference.moment is not None else reference.quantity]
    if reference.from_ is not None:
        words.append(f"{_place(reference.from_)} to {_place(reference.to)}")
    if reference.exit is not None:
        words.append(f"from {reference.exit}")
    if reference.observe is not None:
        words.append(f"of {reference.observe} at t = {reference.time:g}")
    if reference.attractor is not None:
        words.append(f"at {_place(reference.attractor)}")
    if reference.noise is not None:
        over = f" over {reference.baseline}" if reference.baseline is not None else ""
        words.append(f"{reference.noise}{over}")
    if reference.epsilon is not None:
        words.append(f"epsilon {reference.epsilon:g}")
    return ", ".join(words)


def _place(place: int | list[float] | None) -> str:
    if isinstance(place, list):
        return "(" + ", ".join(f"{x:g}" for x in place) + ")"
    return "anywhere" if place is None else f"attractor {place}"


def _error(reference: ReferenceTable, computed: float) -> float:
    gap = abs(computed - reference.value)
    if reference.quantity.startswith("log_") or reference.value == 0:
        return gap
    return gap / abs(reference.value)


def _number(value: object) -> float | None:
    return float(value) if is_number(value) else None


def _computed(  # noqa: C901  (one branch for each quantity)
    reference: ReferenceTable, summary: Summary, coordinates: Sequence[str]
) -> object:
    if reference.quantity == "entry":
        return _entry(summary, reference.entry or "")
    noise = summary["noises"].get(reference.noise or "")
    if noise is None:
        return None
    pair = _index(summary, reference.from_), _index(summary, reference.to)
    rates = [row for row in noise.get("rates", []) if _same(row["epsilon"], reference.epsilon)]
    mine = next((row for row in rates if (row["from"], row["to"]) == pair), None)
    match reference.quantity:
        case "barrier":
            return _barrier(noise, pair)
        case "law_barrier":
            return _law_barrier(noise, pair)
        case "barrier_limit":
            return _barrier_limit(noise, pair)
        case "barrier_ratio":
            other = summary["noises"].get(reference.baseline or "")
            base = None if other is None else _barrier(other, pair)
            height = _barrier(noise, pair)
            return None if not base or height is None else height / base
        case "log_mfpt":
            return None if mine is None else mine.get("log_mfpt")
        case "log_mfpt_direct":
            return None if mine is None else mine.get("log_mfpt_direct")
        case "log_rate":
            return None if mine is None else mine.get("log_rate")
        case "eigenvalue":
            return rates[0].get("eigenvalue") if rates else None
        case "exit_barrier" | "exit_time" | "log_exit_time":
            return _exit(reference, noise)
        case "expectation":
            return _expectation(reference, noise["transient"]) if "transient" in noise else None
    level = next(
        (one for one in noise.get("stationary", []) if _same(one["epsilon"], reference.epsilon)), None
    )
    if level is None:
        return None
    if reference.quantity == "mass":
        place, masses = _index(summary, reference.attractor), level.get("mass")
        return masses[place] if masses and place is not None and place < len(masses) else None
    return _moment(reference.moment or "", level, coordinates)


def _exit(reference: ReferenceTable, noise: NoiseEntry) -> float | None:
    """Lowest V on the boundary of a set, or the mean exit time, or its logarithm."""
    found = [one for one in noise.get("exits", []) if one["name"] == reference.exit]
    if not found:
        return None
    if reference.quantity == "exit_barrier":
        return _number(found[0]["barrier"])
    times = [time for time in found[0]["times"] if _same(time["epsilon"], reference.epsilon)]
    log_time = _number(times[0]["log_exit_time"]) if times else None
    return (
        log_time if log_time is None or reference.quantity != "exit_time" else math.exp(min(log_time, 700.0))
    )


def _expectation(reference: ReferenceTable, transient: EvolutionEntry) -> float | None:
    """An expectation of the evolving density at one of its times."""
    values = transient["expectations"].get(reference.observe or "", [])
    for time, value in zip(transient.get("times", []), values, strict=False):
        if reference.time is not None and math.isclose(time, reference.time, rel_tol=1e-9, abs_tol=1e-12):
            return _number(value)
    return None


def _same(epsilon: float, wanted: float | None) -> bool:
    return wanted is not None and math.isclose(epsilon, wanted, rel_tol=1e-9)


def _barrier(noise: NoiseEntry, pair: tuple[int | None, int | None]) -> float | None:
    """The lowest barrier of a pair; there may be several saddles."""
    heights = [
        row["barrier"]
        for row in noise.get("barriers", [])
        if (row["from"], row["to"]) == pair and row["barrier"] is not None
    ]
    return min(heights, default=None)


def _law_barrier(noise: NoiseEntry, pair: tuple[int | None, int | None]) -> float | None:
    """The lowest barrier of a pair under the law of the process itself."""
    law = noise.get("law")
    heights = [
        row["barrier"]
        for row in (law["barriers"] if law is not None else [])
        if (row["from"], row["to"]) == pair and row["barrier"] is not None
    ]
    return min(heights, default=None)


def _barrier_limit(noise: NoiseEntry, pair: tuple[int | None, int | None]) -> float | None:
    """The lowest barrier of a pair without the floor of the noise."""
    found = [row.get("floor_limit") for row in noise.get("barriers", []) if (row["from"], row["to"]) == pair]
    limits = [limit["value"] for limit in found if limit is not None]
    return min((limit for limit in limits if limit is not None), default=None)


def _index(summary: Summary, place: int | list[float] | None) -> int | None:
    """The attractor at a point given to a few digits, by its index."""
    if not isinstance(place, list):
        return place
    gaps = {
        attractor["index"]: math.dist(attractor["point"], place)
        for attractor in summary["attractors"]
        if attractor.get("point") is not None and len(attractor["point"]) == len(place)
    }
    nearest = min(gaps, key=gaps.__getitem__, default=None)
    return nearest if nearest is not None and gaps[nearest] <= 0.02 * (1 + math.hypot(*place)) else None


def _entry(summary: Summary, path: str) -> object:
    """The number at a dotted path; list entries by their position."""
    here: object = summary
    for key in path.split("."):
        index = whole(key)
        if isinstance(here, list) and index is not None and 0 <= index < len(here):
            here = here[index]
        elif isinstance(here, Mapping) and key in here:
            here = here[key]
        else:
            return None
    return here


def _moment(text: str, level: StationaryEntry, coordinates: Sequence[str]) -> float | None:
    """E of a polynomial of degree 2 in terms of mean and covariance."""
    mean = [x for x in level["mean"] if x is not None]
    covariance = [[x for x in row if x is not None] for row in level["covariance"]]
    if any(len(row) != len(coordinates) for row in (mean, *covariance)):
        return None
    total = 0.0
    for powers, factor in polynomial(text, coordinates).terms():
        places = [i for i, power in enumerate(powers) for _ in range(power)]
        value = math.prod(mean[i] for i in places)
        if len(places) == 2:
            value += covariance[places[0]][places[1]]
        total += float(factor) * value
    return total


def polynomial(text: str, coordinates: Sequence[str]) -> sp.Poly:
    """The polynomial of a moment.

    Raises:
        ExpressionError: when it is none, or one of higher degree than mean and covariance give.
    """
    fix = "mean and covariance give moments up to degree 2"
    try:
        found = sp.Poly(parse(text, coordinates), *symbols(coordinates))
    except sp.PolynomialError:
        raise ExpressionError(f"'{text}' is no polynomial", fix) from None
    if found.total_degree() > 2:
        raise ExpressionError(f"'{text}' is of degree {found.total_degree()}", fix)
    return found
