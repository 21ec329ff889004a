"""Time marching of the mean-field Fokker–Planck equation on a mesh, with the energy along the flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from dolfinx import fem
from petsc4py import PETSc

from solver.errors import NotConverged
from solver.evolution.rosenbrock import advance
from solver.evolution.sdirk import integrate
from solver.evolution.transient import FIRST_STEP, MASS_DRIFT, Density, Evolution, TimeOptions
from solver.mean_field.equation import (
    Flow,
    as_function,
    averages,
    conserved,
    density_vector,
    free_energy,
    jacobian_solver,
    lowest_value,
    mass_weights,
    rate,
)
from solver.rodas import ORDER
from solver.system import Array


@dataclass(frozen=True)
class MeanFieldEvolution:
    """The density at given times, with what decides whether it is one.

    Attributes:
        evolution: Densities, masses, lowest values, number of steps.
        averages: ⟨h⟩ at the times, ``(m, K)``.
        energies: ``F(m) + λ KL``, ``(m,)``; falls along every solution.
    """

    evolution: Evolution
    averages: Array
    energies: Array


def march(
    flow: Flow,
    initial: Density | fem.Function,
    times: Sequence[float] | Array,
    options: TimeOptions | None = None,
) -> MeanFieldEvolution:
    """Densities at ``times`` from the initial density at time 0.  Collective.

    Args:
        flow: The discrete equation.
        initial: ``(d, N) -> (N,)`` or a function of the space; scaled to mass one.
        times: Increasing, not negative.
        options: As for :func:`solver.evolution.transient.evolve`; its linear options are not used.

    Raises:
        ValueError: If the times are not increasing and non-negative, or the initial density has no mass.
        NotConverged: As :func:`solver.evolution.transient.evolve`.
    """
    options = options or TimeOptions()
    instants = np.asarray(times, dtype=float)
    if (
        instants.size == 0
        or not (np.diff(instants, prepend=0.0) >= 0).all()
        or not np.isfinite(instants).all()
    ):
        raise ValueError(f"times must be increasing and not negative, not {instants}")
    weights = mass_weights(flow)
    y = density_vector(flow, initial)

    def step(state: PETSc.Vec, h: float) -> tuple[PETSc.Vec, float]:
        result, error = advance(
            flow.mass, lambda v: rate(flow, v), lambda v, s: jacobian_solver(flow, v, s), state, h
        )
        return conserved(result, weights), error

    gaps = np.diff(instants, prepend=0.0)
    h = FIRST_STEP * float(np.min(gaps[gaps > 0], initial=np.inf))
    densities, masses, lowest, means, energies = [], [], [], [], []
    taken = refused = 0
    total = 0.0
    for instant, gap in zip(instants, gaps, strict=True):
        if gap > 0 and options.step is not None:
            count = max(1, int(np.ceil(gap / options.step - 1e-9)))
            for _ in range(count):
                y = step(y, gap / count)[0]
            taken += count
        elif gap > 0:
            y, h, more, again, error = integrate(step, y, float(gap), h, options.tolerance, ORDER)
            taken, refused, total = taken + more, refused + again, total + error
        densities.append(as_function(flow, y, f"density_t{instant:g}"))
        masses.append(float(weights.dot(y)))
        lowest.append(lowest_value(y))
        means.append(averages(flow, y))
        energies.append(free_energy(flow, y))
        if instant > 0 and lowest[-1] < -options.negative:
            raise NotConverged(
                f"the density at t = {instant:g} has the value {lowest[-1]:.1e} of its maximum: "
                "refine the mesh where it is steep, or start from a wider density"
            )
        if abs(masses[-1] - 1.0) > MASS_DRIFT:
            raise NotConverged(f"the mass of the density at t = {instant:g} is off by {masses[-1] - 1:.1e}")
    evolution = Evolution(
        instants, tuple(densities), np.array(masses), np.array(lowest), taken, refused, total
    )
    return MeanFieldEvolution(evolution, np.array(means), np.array(energies))
