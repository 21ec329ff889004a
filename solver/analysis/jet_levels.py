"""Densities with V of the jet scheme for their gauge, in place of a continuation from high noise.

The gauge form is exact for every W (:mod:`solver.fokker_planck.equation`), and with

    W = min_k (w_k + V_k),

V_k of every attractor by the jet scheme and w the weights of Freidlin and Wentzell, q in ``p = q e^{−W/ε}``
is of order one however small ε is.  One density with it, one step of the continuation above the highest level
that is wanted, gives a W of the elements, ``W − ε log q``; from there on it goes as in the continuation
(:mod:`solver.analysis.noise_levels`), through the wanted levels alone where they are not far apart.  So
errors are estimated as there, by refreshing a gauge of another level.  Where the density is not positive high
above the passes, or a refreshed gauge changes too much, there is no result here: the continuation needs no
guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from dolfinx import fem
from mpi4py import MPI

from meshes.serial import on_root
from solver.analysis.noise_levels import Begin, Continuation, Continued, Monitor, march
from solver.elements.coefficients import Coefficients
from solver.elements.discretisation import Discretisation
from solver.elements.evaluate import evaluate
from solver.elements.region import Mask, cell_values, make_region
from solver.errors import NotConverged, Refused
from solver.fokker_planck.chain_exponents import weight_exponents
from solver.fokker_planck.continuation import FACTOR, density, next_gauge, positivity_margin, schedule
from solver.fokker_planck.landmarks import Landmarks
from solver.fokker_planck.potential_start import Start, start_with
from solver.hamilton_jacobi.jet import JetSolution
from solver.places.places import Places
from solver.system import Array

# what log T, and log p below the passes, may change by when the gauge is refreshed: with more a run would not
# pass its own checks, and if that is because of the gauge the continuation may have less
TIMES, DENSITIES = 5e-3, 0.05
# up to so many e-folds above the passes V is to be known, and the first density positive: what is beyond
# carries 10⁻⁷ and 10⁻⁵ of the current, below the errors of the mesh
KNOWN, POSITIVE = 16.0, 12.0


def jet_levels(
    discretisation: Discretisation,
    places: Places,
    epsilons: Sequence[float],
    jets: Sequence[JetSolution | Refused],
    monitor: Monitor = lambda _: None,
) -> Continued:
    """All wanted levels, and a start for V: that of the jet scheme.  Collective.

    Args:
        discretisation: The system on the mesh.
        places: Attractors and passes.
        epsilons: Noise levels, one at least.
        jets: V of every attractor by the jet scheme, or why there is none.
        monitor: Told what is being done.

    Raises:
        NotConverged: If V is not known as far as needed, a solve fails, or the gauge is not good enough.
    """
    landmarks = places.pinned(discretisation.system)
    plan = schedule(max(epsilons), epsilons)
    start = _start(discretisation, places, landmarks, jets, plan[0] / FACTOR)
    begin = Begin(*_first(discretisation, start, landmarks, plan[0], monitor), tuple(plan), informed=True)
    run = march(discretisation, begin, epsilons, landmarks, monitor, onwards=False)
    if run.failure is not None:
        raise run.failure
    for epsilon, level in run.levels.items():
        if not (level.gauge_refresh <= TIMES and level.density_refresh <= DENSITIES):
            raise NotConverged(
                f"when the gauge is refreshed at epsilon = {epsilon:g} log T changes by "
                f"{level.gauge_refresh:.1e} and log p by {level.density_refresh:.1e}"
            )
    # V is started from it as far below the pass as from a W of the lowest noise: with a start up to the pass
    # it settled no further, and with larger residuals at kinks
    return Continued(run.levels, Continuation(start.gauge, start.part, plan[-1]), {})


def _first(
    discretisation: Discretisation, start: Start, landmarks: Landmarks, following: float, monitor: Monitor
) -> tuple[fem.Function, Coefficients]:
    """W of the first density, and the region for the next level.  Collective.

    Raises:
        NotConverged: If the density is not positive high above the passes.
    """
    locator, epsilon = discretisation.locator, start.epsilon
    monitor(f"stationary density at epsilon = {epsilon:.4g}, with V of the jet scheme for its gauge")
    state = density(start.part, start.gauge, epsilon, landmarks, locator, discretisation.options)
    margin = positivity_margin(state, landmarks, locator)
    if not margin >= POSITIVE:
        raise NotConverged(
            f"at epsilon = {epsilon:.4g} the density is positive up to {margin:.3g} epsilon above the passes"
        )
    return next_gauge(state, landmarks, locator, following)


def stitched(
    discretisation: Discretisation, places: Places, jets: Sequence[JetSolution | Refused]
) -> tuple[fem.Function, Mask]:
    """``min_k (w_k + V_k)`` at the nodes, and the cells on which it is known.  Collective.

    Raises:
        NotConverged: If a V_k is missing, or is not known at the passes that decide the weights.
    """
    known: list[JetSolution] = []
    for jet in jets:
        if isinstance(jet, Refused):
            raise NotConverged(f"there is no V of the jet scheme: {jet.reason}")
        known.append(jet)
    weights = on_root(discretisation.comm, partial(_weights, places, known))
    space = discretisation.space
    x = space.tabulate_dof_coordinates()[:, : space.mesh.geometry.dim].T
    values = np.array([weight + jet(x) for weight, jet in zip(weights, known, strict=True)])
    there = np.isfinite(values)
    # where a V_k is not known it is higher than wherever it is
    tops = [w + np.max(jet.values[np.isfinite(jet.values)]) for w, jet in zip(weights, known, strict=True)]
    values = np.where(there, values, np.array(tops)[:, None])
    least = np.argmin(values, axis=0)
    nodes = np.arange(least.size)
    gauge = fem.Function(space, name="W")
    gauge.x.array[:] = values[least, nodes]
    return gauge, np.asarray(there[least, nodes][space.dofmap.list].all(axis=1))


def _weights(places: Places, jets: Sequence[JetSolution]) -> Array:
    """The weights of Freidlin and Wentzell by V at the passes, ``(K,)``.  Not collective."""
    count = len(jets)
    costs = np.full((count, count), np.inf)
    for k, jet in enumerate(jets):
        for n, end in places.ways_out(k):
            if end is not None:
                costs[k, end] = min(costs[k, end], float(np.min(jet(places.passes[n].points.T))))
    weights = weight_exponents(costs)
    if not np.isfinite(weights).all():
        raise NotConverged("V of the jet scheme is not known at the passes that join the wells")
    return weights


def _start(
    discretisation: Discretisation,
    places: Places,
    landmarks: Landmarks,
    jets: Sequence[JetSolution | Refused],
    highest: float,
) -> Start:
    """The gauge, and the region for the highest noise level.  Collective.

    Raises:
        NotConverged: If the gauge knows no barrier, or is not known far enough above the passes.
    """
    gauge, cells = stitched(discretisation, places, jets)
    beyond = float(np.min(cell_values(gauge)[~cells], initial=np.inf))
    beyond = discretisation.comm.allreduce(beyond, op=MPI.MIN)
    passes = float(np.nanmax(evaluate(gauge, landmarks.points, discretisation.locator)))
    if beyond < passes + KNOWN * highest:
        raise NotConverged(
            f"V of the jet scheme is known up to {(beyond - passes) / highest:.3g} epsilon above the passes "
            f"at epsilon = {highest:g}, and is needed up to {KNOWN:g}"
        )
    known = make_region(discretisation.domain, cells)
    start = start_with(discretisation, gauge, highest, landmarks, exact=True, known=known)
    if start is None:
        raise NotConverged("V of the jet scheme shows no barrier")
    return start
