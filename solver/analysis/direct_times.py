"""Mean first passage times by the backward equation, beside those of the rates, where it can be solved."""

from __future__ import annotations

import numpy as np

from solver.analysis.singular_noise import has_singular_noise
from solver.elements.discretisation import Discretisation
from solver.elements.integrals import rate_scale
from solver.fokker_planck.continuation import StationaryDensity
from solver.fokker_planck.landmarks import Landmarks
from solver.fokker_planck.markov_chain import Rates, dwelling
from solver.fokker_planck.passage import Passage, passages_to
from solver.system import Array

# up to here, in relaxation times, the backward equation is solved directly beside the rates
DIRECT_LOG = 14.0
# … where noise acts in some directions only: on 48 cells a side it was off by 0.1 at e¹², by 0.001 at e⁷
DIRECT_SINGULAR = 9.0
# … where no well is deeper in which a larger part of the time is spent: of the order of its own precision
NO_TIME = 1e-6


def direct_times(
    state: StationaryDensity, changes: Array | None, discretisation: Discretisation, landmarks: Landmarks
) -> dict[tuple[int, int], Passage]:
    """The times between all pairs of attractors for which the equation can be solved.  Collective.

    Args:
        state: The density with its rates.
        changes: By how much their times are uncertain; without it there are none.
        discretisation: The system on the mesh.
        landmarks: Attractors and passes.
    """
    passages: dict[tuple[int, int], Passage] = {}
    if state.rates is None or changes is None:
        return passages
    part, space, pins = state.coefficients, state.gauge.function_space, landmarks.pins
    locator, options = discretisation.locator, discretisation.options
    rate = rate_scale(part)
    most = DIRECT_SINGULAR if has_singular_noise(part.diffusion) else DIRECT_LOG
    for j, target in enumerate(pins):
        near = [i for i in range(len(pins)) if i != j and solvable(state.rates, i, j, rate, most)]
        if near:
            starts = [pins[i] for i in near]
            found = passages_to(part, space, state.epsilon, starts, target, locator, options)
            passages |= {(i, j): passage for i, passage in zip(near, found, strict=True)}
    return passages


def solvable(rates: Rates, start: int, target: int, rate: float, most: float = DIRECT_LOG) -> bool:
    """Whether the backward equation can be solved for a passage time in double precision.

    Rounding decides the time from a well of more than e¹⁴ relaxation times; with it go those that lead over
    such a well and back, however near the start and the target are to each other.

    Args:
        rates: The chain of the wells.
        start: The well that is left.
        target: The well that is reached.
        rate: Inverse of a relaxation time.
        most: The longest time, its logarithm in relaxation times.
    """
    visited = dwelling(rates, start, target) > NO_TIME
    longest = np.max(rates.log_mfpt[visited, target], initial=-np.inf)
    return bool(np.isfinite(longest) and longest + np.log(rate) < most)
