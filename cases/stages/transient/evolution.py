"""The evolution of a density under every noise of a case: ``[transient]``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from dolfinx import fem
from dolfinx.mesh import Mesh

from cases.casefile.case import Case
from cases.casefile.transient_table import GaussianTable, TransientTable
from cases.contracts.further import DistanceEntry, EvolutionEntry, Relaxation
from cases.contracts.values import matrix, vector
from cases.expressions.parse import symbols
from cases.landscapes.landscape import Landscape, at_point, checked_expression, domain_sample
from cases.noise.tensors import ScaledNoise
from solver import symbolic
from solver.elements.coefficients import Coefficients, coefficients
from solver.elements.integrals import expectations, mean_and_covariance, total_variation
from solver.evolution.equilibration import Equilibration, equilibration
from solver.evolution.positive_transient import evolve_positive
from solver.evolution.transient import Evolution, TimeOptions, evolve
from solver.output.vtkseries import write_series
from solver.system import Array, Field, System


@dataclass(frozen=True)
class Evolved:
    """The evolution under one noise.

    Attributes:
        evolution: Densities and how they were computed.
        coefficients: Drift and diffusion on the mesh.
        expectations: By name, one value for every time.
        means: ``(m, d)``.
        covariances: ``(m, d, d)``.
        approach: How it approaches the stationary density; None with the scheme that is never negative.
    """

    evolution: Evolution
    coefficients: Coefficients
    expectations: dict[str, Array]
    means: Array
    covariances: Array
    approach: Equilibration | None = None


@dataclass(frozen=True)
class Evolutions:
    """What is to be evolved, checked and ready.

    Attributes:
        start: Density at time 0, not normalised.
        observed: Functions whose expectations are wanted.
        systems: Drift and diffusion under every noise.
    """

    start: Field
    observed: dict[str, Field]
    systems: dict[str, System]


def start_density(case: Case, key: str, start: GaussianTable | str) -> Field:
    """A density at time 0, not normalised, ``(d, N) -> (N,)``.

    Raises:
        CaseError: for an expression that is negative or not finite somewhere in the domain.
    """
    if isinstance(start, GaussianTable):
        mean, precision = np.array(start.mean), np.linalg.inv(np.array(start.covariance))

        def gaussian(x: Array) -> Array:
            y = x - mean[:, None]
            return np.asarray(np.exp(-0.5 * np.einsum("in,ij,jn->n", y, precision, y)))

        return gaussian
    expression = checked_expression(case, key, start, case.system.parameters)
    density = symbolic.to_numpy(expression, symbols(case.coordinates))
    points = domain_sample(case)
    values = density(points) if points.shape[1] else np.ones(1)
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        at = at_point(points[:, int(np.argmax(bad))])
        raise case.error(key, f"the density is negative or not finite at {at}", "use a density, as exp(…)")
    if not values.max() > 0:
        raise case.error(key, "the density is zero all over the domain", "use a density, as exp(…)")
    return density


def observables(case: Case, table: TransientTable) -> dict[str, Field]:
    """The functions whose expectations are wanted.

    Raises:
        CaseError: for an expression that is not acceptable.
    """
    return {
        name: symbolic.to_numpy(
            checked_expression(case, f"transient.observe.{name}", text, case.system.parameters),
            symbols(case.coordinates),
        )
        for name, text in table.observe.items()
    }


def systems(
    case: Case, landscape: Landscape, table: TransientTable, noises: Mapping[str, ScaledNoise]
) -> dict[str, System]:
    """Drift and diffusion under every noise, with the drift that ``[transient.drift]`` adds.

    Raises:
        CaseError: for an expression that is not acceptable, or not finite somewhere in the domain.
    """
    found = {}
    for name, noise in noises.items():
        extra = _extra_drift(case, landscape, table, name)
        found[name] = noise.system if extra is None else noise.system.plus_drift(*extra)
    return found


def _extra_drift(
    case: Case, landscape: Landscape, table: TransientTable, name: str
) -> tuple[Field, Field] | None:
    """The drift that is added under a noise, and its Jacobian."""
    if name not in table.drift:
        return None
    key = f"transient.drift.{name}"
    known = {**landscape.parameters, "epsilon": table.epsilon}
    parts = [checked_expression(case, f"{key}.{i}", text, known) for i, text in enumerate(table.drift[name])]
    xs = symbols(case.coordinates)
    drift = symbolic.to_numpy(parts, xs)
    points = domain_sample(case)
    bad = ~np.isfinite(drift(points)).all(axis=0) if points.shape[1] else np.zeros(1, dtype=bool)
    if bad.any():
        at = at_point(points[:, int(np.argmax(bad))])
        raise case.error(key, f"it is not finite at {at}", "change the expression or the domain")
    return drift, symbolic.to_numpy(symbolic.jacobian(parts, xs), xs)


def prepare(case: Case, landscape: Landscape, noises: Mapping[str, ScaledNoise]) -> Evolutions | None:
    """The evolutions that a case asks for; None if it asks for none.

    Raises:
        CaseError: for anything wrong with one of its expressions.
    """
    table = case.transient
    if table is None:
        return None
    return Evolutions(
        start_density(case, "transient.start", table.start),
        observables(case, table),
        systems(case, landscape, table, noises),
    )


def evolve_all(
    case: Case,
    domain: Mesh,
    what: Evolutions,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Evolved]:
    """Densities at all times under every noise.  Collective.

    Raises:
        NotConverged: If a density becomes negative, mass is lost, or a linear solve fails.
    """
    table = case.transient
    assert table is not None
    degree = 1 if table.positive else case.mesh.degree
    space = fem.functionspace(domain, ("Lagrange", degree))
    found = {}
    for name, system in what.systems.items():
        say(f"evolution under {name}")
        known = coefficients(domain, system, degree)
        if table.positive:
            step = table.step or math.inf
            evolution = evolve_positive(
                known, space, table.epsilon, what.start, table.times, step, case.solver.petsc
            )
        else:
            options = TimeOptions(tolerance=table.tolerance, linear=case.solver.petsc)
            evolution = evolve(known, space, table.epsilon, what.start, table.times, options)
        values = [
            [float(expectations(known, density, _row(f))[0]) for f in what.observed.values()]
            for density in evolution.densities
        ]
        moments = [mean_and_covariance(known, density) for density in evolution.densities]
        columns = np.array(values).reshape(len(values), len(what.observed)).T
        found[name] = Evolved(
            evolution,
            known,
            dict(zip(what.observed, columns, strict=True)),
            np.array([mean for mean, _ in moments]),
            np.array([covariance for _, covariance in moments]),
            None
            if table.positive or table.times[-1] == 0
            else equilibration(known, space, table.epsilon, evolution, case.solver.petsc),
        )
    return found


def _row(f: Field) -> Field:
    return lambda x: np.broadcast_to(f(x), x.shape[1:])[None]


def write_evolution(path: Path, evolved: Evolved) -> None:
    """The densities as a time series for ParaView.  Collective."""
    densities = evolved.evolution.densities
    degree = densities[0].function_space.ufl_element().degree
    write_series(path, evolved.evolution.times, {"density": densities}, degree)


def distances(found: Mapping[str, Evolved]) -> list[DistanceEntry]:
    """Total variation distance of the densities under any two noises at all times.  Collective."""
    return [
        {
            "noises": [first, second],
            "total_variation": [
                total_variation(found[first].coefficients, p, q)
                for p, q in zip(
                    found[first].evolution.densities, found[second].evolution.densities, strict=True
                )
            ],
        }
        for first, second in combinations(found, 2)
    ]


def transient_summary(epsilon: float, evolved: Evolved) -> EvolutionEntry:
    """The entry ``transient`` of one noise in summary.json."""
    evolution = evolved.evolution
    return {
        "epsilon": epsilon,
        "times": vector(evolution.times),
        "expectations": {name: vector(values) for name, values in evolved.expectations.items()},
        "mean": matrix(evolved.means),
        "covariance": [matrix(one) for one in evolved.covariances],
        "lowest": vector(evolution.lowest),
        "steps": evolution.steps,
        "relaxation": None if evolved.approach is None else _relaxation(evolved.approach),
    }


def _relaxation(approach: Equilibration) -> Relaxation:
    """The approach to the stationary density; null where it is refused, with the reason."""
    return {
        "distances": vector(approach.distances),
        "decay": approach.decay,
        "eigenvalue": approach.eigenvalue,
        "time": None if approach.eigenvalue is None else 1.0 / approach.eigenvalue,
        "refused": approach.refusal,
    }


def transient_checks(evolved: Evolved) -> dict[str, float | None]:
    """Values of the checks of one evolution."""
    evolution = evolved.evolution
    later = evolution.lowest[evolution.times > 0]
    return {
        "transient_mass": float(np.max(np.abs(evolution.masses - 1.0))),
        "transient_negative": float(np.max(-later, initial=0.0)),
        "transient_time_error": evolution.time_error,
    }
