"""A mean-field problem from case to summary: stationary states, density on the mesh, flow, particles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from dolfinx import fem
from dolfinx.mesh import Mesh
from mpi4py import MPI

from cases.base.remedies import with_remedy
from cases.casefile.case import Case
from cases.contracts.mean_field import (
    FlowEntry,
    MeanFieldEntry,
    MeshStateEntry,
    NetworkEntry,
    ParticlesEntry,
    StateEntry,
    TemperatureEntry,
)
from cases.contracts.values import matrix, number, vector
from cases.results.checks import problems
from cases.stages.mean_field import problem as mean_field_problem
from solver.elements.integrals import expectations as on_mesh
from solver.elements.integrals import mean_and_covariance
from solver.errors import SolverError
from solver.evolution.transient import TimeOptions
from solver.mean_field.equation import Flow, make_flow
from solver.mean_field.evolution import MeanFieldEvolution, march
from solver.mean_field.particles import ParticleEnergy, particle_energy
from solver.mean_field.problem import (
    MeanField,
    StationaryState,
    expectations,
    particle_constant,
    state_density,
    stationary_states,
)
from solver.mean_field.stationary import MeanFieldState, spectral_gap, stationary
from solver.output.vtkhdf import write_vtkhdf
from solver.output.vtkseries import write_series
from solver.simulation.sampling import Sampling
from solver.system import Array, Field

STARTS = {1: 64, 2: 16, 3: 4}
"""Starts of the search for stationary states by dimension (with one feature, cells of a scan)."""
BURN_IN, AVERAGED = 5.0, 20.0
"""Relaxation times that the particles are given before their energy is averaged, and over which it is."""
CURVE = 61
TIGHT = {1: 1e-9, 2: 1e-8, 3: 1e-6}

Say = Callable[[str], None]


def solve(case: Case, domain: Mesh, path: Path, say: Say) -> tuple[MeanFieldEntry, list[str]]:
    """The entry ``mean_field`` of summary.json, and what went wrong.  Collective."""
    table = case.mean_field
    assert table is not None
    observed = mean_field_problem.observables(case)
    found: list[str] = []
    levels: list[TemperatureEntry] = []
    densities: dict[str, fem.Function] = {}
    for n, temperature in enumerate(table.temperature):
        problem = mean_field_problem.problem(case, temperature)
        try:
            level, states = _level(case, problem, domain, observed, say)
            densities |= {f"density_T{temperature:g}_{k}": state.density for k, state in enumerate(states)}
            if n == 0 and table.times:
                level["flow"] = _flow(case, problem, domain, path, level, say)
            if n == 0 and table.particles:
                level["particles"] = _particles(case, problem, domain.comm, level, say)
            level["checks"] = checks(level)
            found += problems(f"λ = {temperature:g}", level["checks"])
        except SolverError as error:
            found.append(f"λ = {temperature:g}: {with_remedy(str(error))}")
            level = {"temperature": temperature, "states": [], "mesh": [], "checks": {}}
        levels.append(level)
    if densities:
        fields = {**densities, "confinement": mean_field_problem.confinement(case).loss}
        write_vtkhdf(path / "mean-field.vtkhdf", domain, fields, case.mesh.degree)
    entry: MeanFieldEntry = {"levels": levels}
    if table.targets is not None:
        entry["targets"] = table.targets
    if table.coupling is not None:
        entry["coupling"] = table.coupling
    if table.inputs is not None:
        entry["inputs"] = table.inputs
    return entry, found


def _level(
    case: Case, problem: MeanField, domain: Mesh, observed: Mapping[str, Field], say: Say
) -> tuple[TemperatureEntry, list[MeanFieldState]]:
    """Everything at one temperature but the flow and the particles.  Collective.

    Raises:
        NotConverged: If a state is not found on the mesh.
    """
    table = case.mean_field
    assert table is not None
    wide = mean_field_problem.quadrature_box(case)
    say(f"stationary states at λ = {problem.temperature:g}")
    states = stationary_states(problem, wide, STARTS[case.dim])
    constant = particle_constant(problem, wide) if table.targets is not None else None
    flow = make_flow(problem, domain, case.mesh.degree, case.solver.petsc)
    on_grid: list[MeanFieldState] = []
    rows: list[MeshStateEntry] = []
    for state in states:
        say(f"stationary density at λ = {problem.temperature:g}")
        # where there is one state only it is found without knowing it; else from near each of them
        initial = _reference(problem) if len(states) == 1 else state_density(problem, state)
        density = stationary(flow, initial, TIGHT[case.dim])
        on_grid.append(density)
        rows.append(_on_mesh(flow, density, observed))
    level: TemperatureEntry = {
        "temperature": problem.temperature,
        "checks": {},
        "count": len(states),
        "states": [_state(case, problem, wide, state, observed) for state in states],
        "mesh": rows,
        "particle_constant": number(constant),
        "unknowns": flow.space.dofmap.index_map.size_global,
    }
    if table.unit is not None:
        level["network"] = _network(case, problem, wide, states[0])
    return level, on_grid


def _reference(problem: MeanField) -> Field:
    return lambda x: np.exp(-problem.potential(x))


def _state(
    case: Case,
    problem: MeanField,
    wide: Sequence[tuple[float, float]],
    state: StationaryState,
    observed: Mapping[str, Field],
) -> StateEntry:
    """A stationary state by averages and quadrature."""
    values = expectations(problem, wide, state, list(observed.values()))
    return {
        "averages": vector(state.averages),
        "residual": None if problem_targets(case) is None else vector(state.averages - problem_targets(case)),
        "value": state.value,
        "stable": state.stable,
        "mean": vector(state.mean),
        "second_moment": matrix(state.second_moment),
        "expectations": dict(zip(observed, values, strict=True)),
    }


def problem_targets(case: Case) -> Array | None:
    """y, ``(K,)``; None for a problem without targets."""
    table = case.mean_field
    return None if table is None or table.targets is None else np.array(table.targets)


def _on_mesh(flow: Flow, state: MeanFieldState, observed: Mapping[str, Field]) -> MeshStateEntry:
    """The same state as a density on the mesh.  Collective."""
    mean, covariance = mean_and_covariance(flow.coefficients, state.density)
    return {
        "averages": vector(state.averages),
        "value": state.energy,
        "gap": spectral_gap(flow, state),
        "mean": vector(mean),
        "second_moment": matrix(covariance + np.outer(mean, mean)),
        "expectations": {
            name: float(on_mesh(flow.coefficients, state.density, _row(f))[0]) for name, f in observed.items()
        },
        "lowest": state.lowest,
        "residual": state.residual,
    }


def _row(f: Field) -> Field:
    return lambda x: np.broadcast_to(f(x), x.shape[1:])[None]


def _network(
    case: Case, problem: MeanField, wide: Sequence[tuple[float, float]], state: StationaryState
) -> NetworkEntry:
    """The learned function ``z -> ⟨h(·; z)⟩`` in a stationary state, round the inputs."""
    table = case.mean_field
    assert table is not None
    assert table.inputs is not None
    low, high = min(table.inputs), max(table.inputs)
    margin = 0.25 * (high - low) or 1.0
    z = np.linspace(low - margin, high + margin, CURVE)
    units = [mean_field_problem.unit_field(case, float(at)) for at in z]
    coarse = 41 if case.dim == 3 else None
    return {"z": [float(at) for at in z], "f": expectations(problem, wide, state, units, coarse)}


def _flow(
    case: Case, problem: MeanField, domain: Mesh, path: Path, level: TemperatureEntry, say: Say
) -> FlowEntry:
    """The energy along the flow, and the densities as a time series.  Collective.

    Raises:
        NotConverged: As :func:`solver.mean_field.evolution.march`.
    """
    table, initial = case.mean_field, mean_field_problem.start(case)
    assert table is not None
    assert initial is not None
    say("flow")
    flow = make_flow(problem, domain, case.mesh.degree, case.solver.petsc)
    found = march(flow, initial, table.times, TimeOptions(tolerance=table.tolerance))
    write_series(
        path / "mean-field-flow.vtkhdf",
        found.evolution.times,
        {"density": found.evolution.densities},
        case.mesh.degree,
    )
    rate, span = _decay(found, level)
    return {
        "times": vector(found.evolution.times),
        "energies": vector(found.energies),
        "averages": matrix(found.averages),
        "mass_error": float(np.max(np.abs(found.evolution.masses - 1.0))),
        "steps": found.evolution.steps,
        "decay_rate": number(rate),
        "decay_measured": span,
    }


FLOOR = 1e-7
"""The part of the initial energy above which the decay is measured: below, it is error of the steps."""


def _decay(found: MeanFieldEvolution, level: TemperatureEntry) -> tuple[float | None, list[float] | None]:
    """Rate of decay of the energy above that of the state that is reached, late but above errors."""
    final = min(level["mesh"], key=lambda row: float(np.abs(found.averages[-1] - row["averages"]).max()))
    times, above = found.evolution.times, found.energies - final["value"]
    good = above > FLOOR * above[0]
    last = int(np.argmin(good)) if not good.all() else len(good)
    if last < 3:
        return None, None
    first, second = last - 2, last - 1
    rate = np.log(above[first] / above[second]) / (times[second] - times[first])
    return float(rate), [float(times[first]), float(times[second])]


def _particles(
    case: Case, problem: MeanField, comm: MPI.Intracomm, level: TemperatureEntry, say: Say
) -> list[ParticlesEntry]:
    """Energy of N particles above the minimum, times N.  Collective."""
    table = case.mean_field
    assert table is not None
    minimum = problem.energy(np.array(level["states"][0]["averages"]))
    relaxation = 1.0 / level["mesh"][0]["gap"]
    rows: list[ParticlesEntry] = []
    for count in table.particles:
        say(f"{count} particles")
        found: ParticleEnergy = particle_energy(
            problem,
            count,
            np.array(level["states"][0]["mean"]),
            AVERAGED * relaxation,
            BURN_IN * relaxation,
            Sampling(table.replicas, table.seed, table.particle_step, comm=comm),
        )
        rows.append(
            {
                "particles": count,
                "energy": found.energy,
                "scaled_gap": count * (found.energy - minimum),
                "scaled_gap_ci": [count * (bound - minimum) for bound in found.ci],
            }
        )
    return rows


def checks(level: TemperatureEntry) -> dict[str, float | None]:
    """Values of the checks at one temperature; None where there is nothing to check."""
    pairs = list(zip(level["states"], level["mesh"], strict=True))
    flow, particles = level.get("flow"), level.get("particles")
    values: dict[str, float | None] = {
        "mean_field_averages": max(
            float(np.abs(np.subtract(a["averages"], b["averages"])).max()) for a, b in pairs
        ),
        "mean_field_value": max(abs(a["value"] - b["value"]) for a, b in pairs),
        "mean_field_stability": float(sum((b["gap"] > 0) != a["stable"] for a, b in pairs)),
        "mean_field_negative": max(max(0.0, -b["lowest"]) for _, b in pairs),
        "mean_field_mass": None if flow is None else flow["mass_error"],
        "mean_field_rise": None,
        "mean_field_decay": None,
        "mean_field_particles": None,
    }
    if flow is not None:
        energies = np.array(flow["energies"])
        values["mean_field_rise"] = float(np.max(np.diff(energies), initial=0.0) / np.ptp(energies))
        reached = min(
            level["mesh"],
            key=lambda row: float(np.abs(np.subtract(flow["averages"][-1], row["averages"])).max()),
        )
        if flow["decay_rate"] is not None:
            values["mean_field_decay"] = abs(flow["decay_rate"] / (2 * reached["gap"]) - 1.0)
    c = level.get("particle_constant")
    if particles and c is not None:
        low, high = max(particles, key=lambda row: row["particles"])["scaled_gap_ci"]
        values["mean_field_particles"] = max(0.0, low - c, c - high) / c
    return values
