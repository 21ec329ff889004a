"""The stability map of a case: sharpness and largest stable learning rates at global minima along a curve.

At a global minimum every per-sample gradient vanishes, and all of it follows from the Hessians of the samples
(:mod:`cases.landscapes.models.stability`).  Those are differences of the per-sample gradients, by the
five-point formula, which is exact for polynomials of degree 4.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.optimize import minimize_scalar

from cases.casefile.case import Case
from cases.casefile.stability_table import StabilityTable
from cases.contracts.further import Flattest, StabilityEntry, StabilityRow
from cases.contracts.values import vector
from cases.landscapes.landscape import Landscape, at_point
from cases.landscapes.models.stability import stability
from cases.landscapes.sample_loss import Samples
from cases.problem.curves import curve
from solver.system import Array

#: Step of the differences, relative to the size of the point.
STEP = 1e-2
#: Largest gradient of a sample at a global minimum, relative to that at a distance STEP.
AT_MINIMUM = 1e-6

Curve = Callable[[float], Array]


def curve_of(case: Case, table: StabilityTable) -> Curve:
    """The curve as a function ``t -> (d,)``.

    Raises:
        CaseError: when an expression is not acceptable.
    """
    along = curve(case, "stability.curve", table.curve, case.system.parameters)
    return lambda t: along(np.array([t]))[:, 0]


def check_stability(case: Case, landscape: Landscape, table: StabilityTable) -> None:
    """Complain about a curve that does not consist of global minima, and batches larger than the data.

    Raises:
        CaseError: naming the key.
    """
    samples = landscape.samples
    if samples is None:
        raise case.error("stability", "this needs the samples of a model", "use a model with data")
    for batch in table.batch_sizes:
        if batch > samples.size:
            raise case.error(
                "stability.batch_sizes", f"a batch of {batch} out of {samples.size} samples", "take fewer"
            )
    place = curve_of(case, table)
    for t in [*np.linspace(table.from_, table.to, table.count), *table.at]:
        point = place(float(t))
        if not np.isfinite(point).all():
            raise case.error("stability.curve", f"it is not finite at t = {t:.4g}", "change from and to")
        gradients = _gradients(samples, point)
        near = max(float(np.abs(_gradients(samples, point + d)).max()) for d in _steps(point))
        if np.abs(gradients).max() > AT_MINIMUM * near:
            raise case.error(
                "stability.curve",
                f"at t = {t:.4g}, {at_point(point)}, the gradient of some sample does not vanish",
                "give global minima that fit every sample",
            )


def stability_map(case: Case, landscape: Landscape, table: StabilityTable) -> StabilityEntry:
    """What summary.json says of the curve: measures along it, at the given t, and where each is flattest."""
    samples = landscape.samples
    if samples is None:
        raise ValueError("a stability map of a landscape without samples")
    place = curve_of(case, table)

    def at(t: float) -> StabilityRow:
        return _measures(samples, t, place(t), table.batch_sizes)

    along = [at(float(t)) for t in np.linspace(table.from_, table.to, table.count)]
    flattest = {
        "trace": _flattest(at, along, 1.0, lambda row: row["trace"]),
        "frobenius": _flattest(at, along, 1.0, lambda row: row["frobenius"]),
        "largest": _flattest(at, along, 1.0, lambda row: row["largest"]),
    }
    for key in along[0]["sgd"]:
        flattest[key] = _flattest(at, along, -1.0, partial(_of_sgd, key))
    return {
        "batch_sizes": list(table.batch_sizes),
        "samples": samples.size,
        "along": along,
        "at": [at(t) for t in table.at],
        "flattest": flattest,
        "notes": _notes(along, table.batch_sizes),
    }


def sample_hessians(samples: Samples, point: Array) -> Array:
    """H_i of all samples at a point, ``(n, d, d)``, by differences of their gradients."""
    d = point.size
    result = np.empty((samples.size, d, d))
    for j, step in enumerate(_steps(point)):
        h = step[j]
        near = _gradients(samples, point + step) - _gradients(samples, point - step)
        far = _gradients(samples, point + 2 * step) - _gradients(samples, point - 2 * step)
        result[:, :, j] = (8 * near - far) / (12 * h)
    return 0.5 * (result + result.transpose(0, 2, 1))


def _steps(point: Array) -> Array:
    return STEP * max(1.0, float(np.abs(point).max())) * np.eye(point.size)


def _gradients(samples: Samples, point: Array) -> Array:
    out = np.empty((samples.size, point.size))
    for index in range(samples.size):
        samples.sample_gradient(point, index, out[index])
    return out


def _of_sgd(key: str, row: StabilityRow) -> float:
    return row["sgd"][key]


def _measures(samples: Samples, t: float, point: Array, batches: list[int]) -> StabilityRow:
    hessians = sample_hessians(samples, point)
    found = [stability(hessians, batch) for batch in batches]
    return {
        "trace": found[0].trace,
        "frobenius": found[0].frobenius,
        "largest": found[0].largest,
        "gradient_descent": found[0].gradient_descent,
        "by_trace": found[0].by_trace,
        "sgd": {f"batch_{batch}": one.sgd for batch, one in zip(batches, found, strict=True)},
        "t": t,
        "point": vector(point),
    }


def _flattest(
    at: Callable[[float], StabilityRow],
    along: list[StabilityRow],
    sign: float,
    read: Callable[[StabilityRow], float],
) -> Flattest:
    """Where a measure is best: the best point of the grid, refined between its neighbours."""
    best = min(range(len(along)), key=lambda k: sign * read(along[k]))
    low, high = along[max(best - 1, 0)]["t"], along[min(best + 1, len(along) - 1)]["t"]
    found = minimize_scalar(
        lambda t: sign * read(at(float(t))), bounds=(low, high), method="bounded", options={"xatol": 1e-9}
    )
    return {"t": float(found.x), "value": sign * float(found.fun)}


def _notes(along: list[StabilityRow], batches: list[int]) -> list[str]:
    """Whether ``tr H ≤ 2/η`` holds for every stable η, by batch size, in words."""
    notes = []
    for batch in batches:
        ratios = [row["sgd"][f"batch_{batch}"] / row["by_trace"] for row in along]
        worst = int(np.argmax(ratios))
        if ratios[worst] <= 1.0 + 1e-9:
            notes.append(
                f"the bound tr H <= 2/eta holds for B = {batch} along the whole curve: the largest stable "
                f"eta is at most {ratios[worst]:.4g} times 2/tr H"
            )
        else:
            notes.append(
                f"the bound tr H <= 2/eta does not hold for B = {batch}: at t = {along[worst]['t']:.4g} SGD "
                f"is stable up to eta = {along[worst]['sgd'][f'batch_{batch}']:.4g}, {ratios[worst]:.4g} "
                "times 2/tr H"
            )
    return notes
