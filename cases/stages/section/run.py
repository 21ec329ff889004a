"""The density along a curve, and the curvature of the loss there, as summary.json has them: ``[section]``."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from cases.casefile.case import Case
from cases.contracts.further import NoiseSectionEntry, SectionEntry, SectionLevel
from cases.contracts.values import matrix, number, vector
from cases.landscapes.landscape import Landscape
from cases.stages.section.curve import hessian_of, marks_of, points_of
from solver.analysis.fields import log_density_field, stitched_field
from solver.analysis.stages import Analysis
from solver.elements.evaluate import Locator, evaluate
from solver.system import Array

#: Eigenvalues below this part of the largest are rounding.
ROUNDING = 1e-9


def section(case: Case, landscape: Landscape) -> SectionEntry:
    """The entry ``section`` of summary.json: the curve, the loss and its Hessian along it.

    ``condition`` is the largest eigenvalue of the Hessian over the smallest that is above rounding (1e-9 of
    the largest); null where the largest is not positive.
    """
    table = case.section
    assert table is not None
    places, points = points_of(case, table)
    hessian = hessian_of(case, landscape, table)
    entry: SectionEntry = {
        "curve": [str(text) for text in table.curve],
        "t": vector(places),
        "points": matrix(points.T),
        "marks": marks_of(case, table),
        "loss": None if landscape.loss is None else vector(landscape.loss(points)),
        "hessian_of": table.plain or ("loss" if hessian is not None else None),
        "trace": None,
        "largest": None,
        "condition": None,
    }
    if hessian is not None:
        values = np.linalg.eigvalsh(np.moveaxis(hessian(points), -1, 0))
        entry["trace"] = vector(values.sum(axis=1))
        entry["largest"] = vector(values[:, -1])
        entry["condition"] = [number(_condition(row)) for row in values]
    return entry


def section_of_noise(case: Case, analysis: Analysis) -> NoiseSectionEntry:
    """The entry ``section`` of one noise: V and log p along the curve, null where unknown.  Collective.

    ``log_density`` counts from ``log_maximum``, the largest at the points; ``peak`` is the t of the maximum.
    """
    table = case.section
    assert table is not None
    places, points = points_of(case, table)
    locator = Locator(analysis.gauge.function_space.mesh)
    levels: list[SectionLevel] = []
    for epsilon, level in sorted(analysis.levels.items(), reverse=True):
        log_p = evaluate(log_density_field(level), points.T, locator)[:, 0]
        top = float(np.nanmax(log_p)) if np.isfinite(log_p).any() else np.nan
        levels.append(
            {
                "epsilon": epsilon,
                "log_density": [number(value) for value in log_p - top],
                "log_maximum": number(top),
                "peak": number(_peak(places, log_p)),
            }
        )
    potential = evaluate(stitched_field(analysis), points.T, locator)[:, 0]
    return {"V": [number(value) for value in potential], "levels": levels}


def _condition(eigenvalues: Array) -> float:
    """Largest over smallest above rounding, of eigenvalues in increasing order; NaN if none is positive."""
    largest = float(eigenvalues[-1])
    above = eigenvalues[eigenvalues > ROUNDING * np.abs(eigenvalues).max()]
    return largest / float(above[0]) if largest > 0 and above.size else np.nan


def _peak(places: Array, log_p: Array) -> float:
    """Where log p is largest, between the points by a cubic spline; NaN where it is known nowhere."""
    if not np.isfinite(log_p).any():
        return np.nan
    best = int(np.nanargmax(log_p))
    near = slice(max(best - 3, 0), best + 4)
    if best in (0, len(places) - 1) or not np.isfinite(log_p[near]).all():
        return float(places[best])
    roots = CubicSpline(places[near], log_p[near]).derivative().roots(extrapolate=False)
    roots = roots[np.abs(roots - places[best]) <= places[1] - places[0]]
    return float(roots[np.argmin(np.abs(roots - places[best]))]) if roots.size else float(places[best])
