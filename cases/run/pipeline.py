"""A run from case to result folder: the order of things, and nothing else."""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from mpi4py import MPI

from cases.base.errors import EXIT_GOOD, EXIT_SOLVER
from cases.base.progress import Progress
from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape, interpolation_error
from cases.loading.validate import validate
from cases.noise.tensors import ScaledNoise, scaled
from cases.noise.vanishing_noise import refuse_vanishing
from cases.problem.fitting_mesh import adapted_mesh, graded_mesh
from cases.problem.places import Structure, make_mesh, structure
from cases.results import references
from cases.results.checks import checks, problems, thresholds
from cases.results.comparison import comparison, exit_comparison
from cases.results.disagreement import disagreements
from cases.results.paths import instantons, relaxations
from cases.results.summary import CONVENTION, empty_noise, noise_summary, places_summary
from cases.run.folder import OutputFolder
from cases.run.record import run_record
from cases.stages.descent import extras
from cases.stages.exits.default_sets import default_sets
from cases.stages.exits.run import leave_sets
from cases.stages.exits.sets import ExitSet, empty_exits, exit_sets
from cases.stages.floor.limits import floor_limits
from cases.stages.floor.text import floor_sentences
from cases.stages.marginals.run import marginal_checks, marginals_of_noise
from cases.stages.section.run import section_of_noise
from cases.stages.simulation.passages import simulate
from cases.stages.transient.evolution import (
    Evolutions,
    distances,
    evolve_all,
    prepare,
    transient_checks,
    transient_summary,
    write_evolution,
)
from meshes.serial import on_root
from solver.analysis.fields import indicator, output_fields
from solver.analysis.stages import Analysis, analyse
from solver.elements.discretisation import discretise
from solver.elements.evaluate import bounding_box
from solver.errors import SolverError
from solver.output.polylines import Polyline, write_polylines
from solver.output.replacing import write_text
from solver.output.vtkhdf import write_vtkhdf
from solver.places.places import Places

MEAN_FIELD_CONVENTION = "dm/dt = div[(grad dF/dm + lambda grad U) m + lambda grad m]; eps = 2 lambda"

#: A case that looks for no attractors.
NOWHERE = Structure(Places(), 0, None)


class Timings(dict[str, float]):
    """Seconds per stage, added up over noises."""

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time spent in the block to a stage."""
        start = time.monotonic()
        try:
            yield
        finally:
            self[stage] = self.get(stage, 0.0) + time.monotonic() - start


def run(case: Case, effective: str, folder: Path, progress: Progress, comm: Any = None) -> int:
    """Run a case and write its result folder.  Collective over ``comm`` (default: all ranks).

    Returns:
        The exit code: 0, or 3 when a solver failed or a result failed its checks; what did so is
        in ``problems`` of summary.json and on the screen.

    Raises:
        CaseError: for bad input, before anything is written.
    """
    comm = comm or MPI.COMM_WORLD
    timings = Timings()
    with timings.measure("set-up"), progress.stage("checking the case, finding fixed points"):
        landscape = validate(case)
        if case.mean_field is None:
            job = _prepared(case, landscape, comm, progress, timings)
        else:
            job = partial(_solve_mean_field, case, comm, progress, timings)
    with OutputFolder(folder, comm) as output:
        summary = job(output.path)
        summary["timings"] = {name: round(seconds, 3) for name, seconds in timings.items()}
        with progress.stage("report"):
            on_root(comm, lambda: _write_records(output.path, summary, effective, comm.size, timings))
    _conclude(summary, folder, progress)
    return EXIT_GOOD if summary["ok"] else EXIT_SOLVER


def _prepared(
    case: Case, landscape: Landscape, comm: Any, progress: Progress, timings: Timings
) -> Callable[[Path], dict[str, Any]]:
    """Everything that can be wrong with the input has been looked for; what is left is to solve.  Collective.

    Raises:
        CaseError: for bad input.
    """
    extras.check(case, landscape)
    domain = make_mesh(case, landscape, comm)
    places = NOWHERE if case.alone else structure(case, landscape, domain)
    start = _reference_point(domain, places)
    noises = scaled(case, landscape, start)
    diffusions = {name: noise.system.diffusion for name, noise in noises.items()}
    points = [s.saddle for s in places.saddles if s.saddle is not None]
    refuse_vanishing(case, diffusions, points, start)
    sets = exit_sets(case, landscape, places, noises, domain)
    sets += default_sets(case, landscape, places, noises, domain)
    evolutions = prepare(case, landscape, noises)
    domain = graded_mesh(case, domain, places, noises)
    return lambda path: _solve_all(
        case, landscape, domain, places, noises, sets, evolutions, path, progress, timings
    )


def _solve_mean_field(
    case: Case, comm: Any, progress: Progress, timings: Timings, path: Path
) -> dict[str, Any]:
    from cases.stages.mean_field.run import solve

    with progress.stage("mean-field equation") as stage, timings.measure("mean-field equation"):
        entry, found = solve(case, path, comm, lambda text: stage.advance(1, text))
    summary: dict[str, Any] = {
        "case": case.name,
        "title": case.title,
        "convention": MEAN_FIELD_CONVENTION,
        **places_summary(NOWHERE),
        "noises": {},
        "comparison": [],
        "exit_comparison": [],
        "disagreements": [],
        "mean_field": entry,
        "discretisation": {
            "cells": None,
            "degree": case.mesh.degree,
            "unknowns": entry["levels"][0].get("unknowns"),
        },
        "check_thresholds": thresholds(),
    }
    return _with_references(case, summary, found)


def _with_references(case: Case, summary: dict[str, Any], found: list[str]) -> dict[str, Any]:
    rows = references.compare_case(case, case.references, summary)
    found = [*found, *references.problems(rows)]
    return summary | {"references": references.as_json(rows), "ok": not found, "problems": found}


def _solve_all(
    case: Case,
    landscape: Landscape,
    domain: Any,
    places: Structure,
    noises: dict[str, ScaledNoise],
    sets: list[ExitSet],
    evolutions: Evolutions | None,
    path: Path,
    progress: Progress,
    timings: Timings,
) -> dict[str, Any]:
    _describe(places, progress)
    entries: dict[str, Any] = {}
    found: list[str] = []
    lines: list[Polyline] = []
    relaxed: list[Polyline] = []
    if case.mesh.adapt:
        with progress.stage("adapting the mesh") as stage, timings.measure("adapting the mesh"):
            try:
                domain = adapted_mesh(case, domain, places, noises, lambda text: stage.advance(1, text))
            except SolverError as error:
                found.append(f"mesh.adapt: {error}; the mesh is the one of mesh.resolution")
    pair = None if places.target is None else (places.start, places.target)
    start, box = _reference_point(domain, places), bounding_box(domain)
    analysis: Analysis | None = None
    for name, noise in noises.items():
        if case.alone:
            entries[name] = empty_noise(noise, places)
            continue
        with progress.stage(f"noise '{name}'") as stage:
            try:
                with timings.measure("quasi-potential, densities, rates"):
                    analysis = _analyse(case, noise, domain, places, lambda text: stage.advance(1, text))
                with timings.measure("simulation"):
                    simulated = simulate(case, landscape, noise, places, domain, analysis)
                with timings.measure("marginals"):
                    margins = marginals_of_noise(case, name, analysis)
                with timings.measure("quasi-potential, densities, rates"):
                    limits = on_root(
                        domain.comm, partial(floor_limits, case, landscape, name, start, places, analysis)
                    )
            except SolverError as error:
                found.append(f"{name}: {error}")
                entries[name] = empty_noise(noise, places) | {"exits": empty_exits(sets)}
                continue
            values = checks(analysis, simulated, pair)
            if landscape.interpolation is not None:
                values["interpolation"] = interpolation_error(
                    landscape,
                    noise.kind,
                    [p.point for p in places.attractors],
                    [s.point for s in places.saddles],
                )
            with timings.measure("exits"):
                say = lambda text: stage.advance(1, text)  # noqa: E731
                left = leave_sets(case, sets, noise, places, domain, analysis.wells, say)
            values |= left.checks | marginal_checks(case, margins)
            found += [f"{name}: {problem}" for problem in left.problems]
            found += problems(name, values)
            entries[name] = noise_summary(noise, places, analysis, simulated, values)
            for entry, limit in zip(entries[name]["barriers"], limits, strict=False):
                entry["floor_limit"] = limit
            entries[name]["exits"] = left.entry
            entries[name]["marginals"] = margins
            if case.section is not None:
                entries[name]["section"] = section_of_noise(case, analysis)
            lines += instantons(name, analysis)
            relaxed += on_root(domain.comm, partial(relaxations, name, analysis, places, box))
            with timings.measure("output"):
                _write_fields(path / f"{name}.vtkhdf", case, analysis)
    apart: list[dict[str, Any]] = []
    if evolutions is not None:
        with progress.stage("evolution of the density") as stage, timings.measure("evolution"):
            say = lambda text: stage.advance(1, text)  # noqa: E731
            try:
                apart = _evolve(case, domain, evolutions, path, entries, found, say)
            except SolverError as error:
                found.append(f"evolution: {error}")
    more: dict[str, Any] = {}
    with timings.measure("trajectories and stability"):
        try:
            more = extras.run(case, landscape, path, domain.comm)
        except SolverError as error:
            found.append(f"trajectories: {error}")
    if domain.comm.rank == 0 and lines:
        write_polylines(path / "instantons.vtkhdf", lines)
        write_polylines(path / "relaxations.vtkhdf", relaxed)
    summary: dict[str, Any] = {
        "case": case.name,
        "title": case.title,
        "convention": CONVENTION,
        **places_summary(places),
        "noises": entries,
        "comparison": comparison(entries, case.baseline, places.start),
        "exit_comparison": exit_comparison(entries, case.baseline),
        "disagreements": disagreements(entries, case.baseline, places.start),
        "transient": {"distances": apart},
        "discretisation": _discretisation(case, domain, analysis),
        "check_thresholds": thresholds(),
        **more,
    }
    return _with_references(case, summary, found)


def _analyse(
    case: Case, noise: ScaledNoise, domain: Any, places: Structure, say: Callable[[str], None]
) -> Analysis:
    discretisation = discretise(noise.system, domain, case.mesh.degree, case.solver.petsc)
    return analyse(discretisation, places.found, case.compare.epsilon, say)


def _evolve(
    case: Case,
    domain: Any,
    evolutions: Evolutions,
    path: Path,
    entries: dict[str, Any],
    found: list[str],
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Evolve the density under every noise, into the entries; returns the distances between them."""
    assert case.transient is not None
    evolved = evolve_all(case, domain, evolutions, say)
    for name, one in evolved.items():
        entries[name]["transient"] = transient_summary(case.transient.epsilon, one)
        values = transient_checks(one)
        entries[name]["checks"] |= values
        found += problems(name, values)
        write_evolution(path / f"{name}-transient.vtkhdf", one)
    return distances(evolved)


def _reference_point(domain: Any, places: Structure) -> Any:
    """Where noises are compared: the starting attractor; the centre of the domain if there is none."""
    if places.attractors:
        return places.attractors[places.start].point
    low, high = bounding_box(domain)
    return 0.5 * (low + high)


def _write_fields(path: Path, case: Case, analysis: Analysis) -> None:
    fields: dict[str, Any] = dict(output_fields(analysis))
    if analysis.system.loss is not None:
        fields["loss"] = analysis.system.loss
    residual, valid = indicator(analysis)
    domain = analysis.gauge.function_space.mesh
    write_vtkhdf(
        path, domain, fields, case.mesh.degree, cell_fields={"hj_indicator": residual, "valid": valid}
    )


def _discretisation(case: Case, domain: Any, analysis: Analysis | None) -> dict[str, Any]:
    cells = domain.topology.index_map(domain.topology.dim).size_global
    space = None if analysis is None else analysis.gauge.function_space
    return {
        "cells": cells,
        "degree": case.mesh.degree,
        "unknowns": None if space is None else space.dofmap.index_map.size_global,
    }


def _write_records(path: Path, summary: dict[str, Any], effective: str, ranks: int, timings: Timings) -> None:
    """Everything that rank 0 writes alone; the report last, because it reads the rest."""
    from cases.report.page import write_report

    write_text(path / "case.toml", effective)
    write_text(path / "run.json", json.dumps(run_record(ranks, timings), indent=1))
    names = [*sorted(p.name for p in path.iterdir()), "report.html", "summary.json"]
    summary["files"] = sorted(set(names))
    write_text(path / "summary.json", json.dumps(summary, indent=1, allow_nan=False))
    write_report(path)


def _describe(places: Structure, progress: Progress) -> None:
    from cases.landscapes.landscape import at_point

    if not places.attractors:
        return
    wells = ", ".join(f"{k} {at_point(p.point)}" for k, p in enumerate(places.attractors))
    passes = ", ".join(at_point(s.point) for s in places.saddles) or "none"
    progress.info(f"attractors: {wells}; saddles: {passes}")


def _conclude(summary: dict[str, Any], folder: Path, progress: Progress) -> None:
    from cases.report.overview_table import overview_text
    from cases.report.screen import comparison_table
    from cases.results.reference_text import reference_table
    from cases.results.summary_rows import directions
    from cases.stages.exits.text import exit_tables
    from cases.stages.marginals.text import marginal_table
    from cases.stages.mean_field.text import mean_field_table
    from cases.stages.transient.text import transient_table

    exits, evolution = exit_tables(summary), transient_table(summary)
    more = extras.lines(summary)
    if "mean_field" in summary:
        more.append(mean_field_table(summary))
    if not (exits or evolution or more) or directions(summary):
        progress.result(comparison_table(summary))
    if evolution:
        progress.result(f"\n{evolution}")
    if margins := marginal_table(summary):
        progress.result(f"\n{margins}")
    for text in [*exits, *overview_text(summary), *more]:
        progress.result(f"\n{text}")
    for text in floor_sentences(summary):
        progress.result(textwrap.fill(text, 100, subsequent_indent="      "))
    for entry in summary["disagreements"]:
        progress.result(textwrap.fill(f"NOTE: {entry['text']}", 100, subsequent_indent="      "))
    if summary["references"]:
        progress.result(reference_table(summary["references"]))
    for problem in summary["problems"]:
        progress.result(f"PROBLEM: {problem}")
    progress.result(f"results: {folder}/summary.json, {folder}/report.html, {folder}/*.vtkhdf")
