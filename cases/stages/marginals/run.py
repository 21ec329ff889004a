"""The marginal densities of a case: computed, beside their closed forms, and how far they are apart."""

from __future__ import annotations

import numpy as np

from cases.casefile.case import Case
from cases.contracts.further import MarginalEntry, MarginalLevel
from cases.contracts.values import vector
from cases.stages.marginals.functions import edges_of, exact_masses, function
from solver.analysis.stages import Analysis
from solver.fokker_planck.continuation import StationaryDensity
from solver.fokker_planck.marginals import marginal


def marginals_of_noise(case: Case, noise: str, analysis: Analysis) -> list[MarginalEntry]:
    """The entry ``marginals`` of one noise in summary.json.  Collective.

    ``density``: mass of the bins over their width.  ``outside``: probability of no bin.  ``exact``: as
    density, of the closed form, scaled to the mass within the range.  ``distance``: of the two there,
    ½ Σ |difference of the masses| over their sum.
    """
    return [
        {
            "name": table.name,
            "of": table.of,
            "tolerance": table.tolerance,
            "edges": vector(edges_of(table)),
            "levels": [
                _level(case, n, noise, level, found.state)
                for level, found in sorted(analysis.levels.items(), reverse=True)
            ],
        }
        for n, table in enumerate(case.marginals)
    ]


def _level(case: Case, n: int, noise: str, epsilon: float, state: StationaryDensity) -> MarginalLevel:
    table = case.marginals[n]
    found = marginal(state, function(case, n, table), edges_of(table))
    widths = np.diff(found.edges)
    inside = float(found.masses.sum())
    entry: MarginalLevel = {
        "epsilon": epsilon,
        "density": vector(found.masses / widths),
        "outside": found.outside,
        "quadrature": found.error,
        "exact": None,
        "distance": None,
    }
    if noise in table.exact:
        exact = inside * exact_masses(case, n, noise, epsilon)
        gap = 0.5 * float(np.abs(found.masses - exact).sum()) / inside if inside > 0 else 1.0
        entry["exact"], entry["distance"] = vector(exact / widths), gap
    return entry


def marginal_checks(case: Case, entries: list[MarginalEntry]) -> dict[str, float | None]:
    """Values of the checks of the marginals of one noise; None where there is nothing to check."""
    if not entries:
        return {}
    allowed = {table.name: table.tolerance for table in case.marginals}
    pairs = [(e["name"], row) for e in entries for row in e["levels"]]
    gaps = [row["distance"] / allowed[name] for name, row in pairs if row["distance"] is not None]
    return {
        "marginal": max(gaps, default=None),
        "marginal_quadrature": max((row["quadrature"] for _, row in pairs), default=None),
    }
