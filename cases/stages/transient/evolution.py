"""The evolution of a density under every noise of a case: ``[transient]``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from dolfinx.mesh import Mesh

from cases.casefile.case import Case
from cases.casefile.transient_table import GaussianTable, TransientTable
from cases.contracts.further import DistanceEntry, EvolutionEntry, Relaxation
from cases.contracts.values import matrix, vector
from cases.expressions.parse import symbols
from cases.landscapes.landscape import Landscape, at_point, checked_expression, domain_sample
from cases.noise.tensors import ScaledNoise
from solver import symbolic
from solver.elements.integrals import total_variation
from solver.evolution.equilibration import Equilibration
from solver.evolution.followed import Followed, InitialValueProblem, follow, gaussian
from solver.evolution.transient import TimeOptions
from solver.output.vtkseries import write_series
from solver.system import Field, System


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
        return gaussian(np.array(start.mean), np.array(start.covariance))
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
) -> dict[str, Followed]:
    """Densities at all times under every noise.  Collective.

    Raises:
        NotConverged: If a density becomes negative, mass is lost, or a linear solve fails.
    """
    table = case.transient
    assert table is not None
    how = TimeOptions(tolerance=table.tolerance, step=table.step, linear=case.solver.petsc)
    found = {}
    for name, system in what.systems.items():
        say(f"evolution under {name}")
        problem = InitialValueProblem(system, table.epsilon, what.start, tuple(table.times))
        found[name] = follow(
            problem,
            domain,
            case.mesh.degree,
            observed=list(what.observed.values()),
            options=how,
            positive=table.positive,
        )
    return found


def write_evolution(path: Path, evolved: Followed) -> None:
    """The densities as a time series for ParaView.  Collective."""
    densities = evolved.evolution.densities
    degree = densities[0].function_space.ufl_element().degree
    write_series(path, evolved.evolution.times, {"density": densities}, degree)


def distances(found: Mapping[str, Followed]) -> list[DistanceEntry]:
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


def transient_summary(epsilon: float, observed: Iterable[str], evolved: Followed) -> EvolutionEntry:
    """The entry ``transient`` of one noise in summary.json.

    Args:
        epsilon: Noise level.
        observed: Names of the functions whose expectations were wanted.
        evolved: The density.
    """
    evolution = evolved.evolution
    return {
        "epsilon": epsilon,
        "times": vector(evolution.times),
        "expectations": {
            name: vector(values) for name, values in zip(observed, evolved.expectations, strict=True)
        },
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
