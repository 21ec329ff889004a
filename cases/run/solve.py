"""From a case to its summary: potentials, densities and rates under every noise, and what the stages add.

A solver that fails takes nothing else with it: if V is not to be had the noise is lost, else one stage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mpi4py import MPI

from cases.base.errors import Stopped
from cases.base.interrupts import asked_to_stop
from cases.base.progress import Progress
from cases.base.remedies import with_remedy
from cases.casefile.case import Case
from cases.contracts.summary import Discretisation, NoiseEntry, Summary
from cases.landscapes.landscape import Landscape, interpolation_error
from cases.noise.tensors import ScaledNoise, scaled
from cases.noise.unreached import refuse_unreached
from cases.noise.vanishing_noise import refuse_vanishing
from cases.problem.fitting_mesh import adapted_mesh, graded_mesh
from cases.problem.places import Structure, make_mesh, structure
from cases.results import references
from cases.results.accuracy import accuracy_entry, estimated_barriers
from cases.results.checks import problems, thresholds
from cases.results.comparison import comparison, exit_comparison
from cases.results.disagreement import disagreements
from cases.results.findings import Wanted, failed, findings, mark_doubts, worst
from cases.results.paths import instantons, relaxations
from cases.results.summary import CONVENTION, empty_noise, in_numbers, noise_summary, places_summary
from cases.run.checkpoint import Checkpoint
from cases.run.found import Found
from cases.run.groups import group, shares_of
from cases.run.timings import Timings
from cases.stages.base.stage import Checked, Say, Setting, Solved, Stage, Task
from cases.stages.catalogue import STAGES
from meshes.serial import on_root
from solver.analysis.fields import indicator, output_fields
from solver.analysis.jet_estimate import OnlyEstimated
from solver.analysis.stages import analyse
from solver.analysis.tolerance import Accurate, analyse_to, judged
from solver.analysis.tolerance import Mesh as MeshChoice
from solver.elements.discretisation import discretise
from solver.elements.evaluate import bounding_box
from solver.errors import SolverError
from solver.output.polylines import write_polylines
from solver.output.vtkhdf import Source, write_vtkhdf
from solver.places.places import Places

if TYPE_CHECKING:
    from dolfinx.mesh import Mesh

#: A case that looks for no attractors.
NOWHERE = Structure(Places(), 0, None)


@dataclass(frozen=True)
class Job:
    """A case in which nothing was found wrong: what is left is to solve it.

    Attributes:
        setting: Landscape, mesh, attractors, noises.
        tasks: What every stage has to do.
    """

    setting: Setting
    tasks: tuple[tuple[Stage, Task], ...]


def prepared(case: Case, landscape: Landscape, comm: MPI.Intracomm) -> Job:
    """Look for everything else that can be wrong with the input.  Collective.

    Raises:
        CaseError: for bad input.
    """
    domain = make_mesh(case, landscape, comm)
    setting = Setting(case, landscape, domain, NOWHERE, {})
    if case.mean_field is None:
        setting = _with_noises(setting)
    tasks = tuple((stage, stage.prepare(setting)) for stage in STAGES)
    if case.mean_field is None:
        domain = graded_mesh(case, domain, setting.places, setting.noises)
    return Job(replace(setting, domain=domain), tasks)


def _with_noises(setting: Setting) -> Setting:
    """Attractors found, noises scaled to be compared at the starting one.  Collective."""
    case, landscape = setting.case, setting.landscape
    places = NOWHERE if case.alone else structure(case, landscape, setting.domain)
    setting = replace(setting, places=places)
    noises = scaled(case, landscape, setting.start)
    diffusions = {name: noise.system.diffusion for name, noise in noises.items()}
    points = [s.saddle for s in places.saddles if s.saddle is not None]
    refuse_vanishing(case, diffusions, points, setting.start)
    refuse_unreached(case, noises, places.found)
    return replace(setting, noises=noises)


def solve(
    job: Job,
    folder: Path,
    progress: Progress,
    timings: Timings,
    kept: Checkpoint,
    keep: Callable[[Solved], None] | None = None,
) -> Summary:
    """Solve a case; fields, paths and what stages write go into the folder.  Collective.

    Args:
        job: The case.
        folder: Where to write.
        progress: Told what is being done.
        timings: Seconds are added to them.
        kept: What an ended run has done already.
        keep: Given what was solved for under every noise, by the ranks that solved it.

    Raises:
        Stopped: when a signal asked for that, and what is done is kept.
    """
    return _Run(job, folder, progress, timings, kept, keep).summary()


@dataclass
class _Run:
    """A case being solved."""

    job: Job
    folder: Path
    progress: Progress
    timings: Timings
    kept: Checkpoint
    keep: Callable[[Solved], None] | None = None
    found: Found = field(default_factory=Found)

    def summary(self) -> Summary:
        """All stages in turn.  Collective."""
        setting = self._adapted()
        case, places = setting.case, setting.places
        entries = self._of_noises(setting)
        self._write_paths(setting.comm)
        summary: Summary = {
            "case": case.name,
            "title": case.title,
            "convention": CONVENTION,
            **places_summary(places),
            "noises": entries,
            "comparison": comparison(entries, case.baseline, places.start),
            "exit_comparison": exit_comparison(entries, case.baseline),
            "disagreements": disagreements(entries, case.baseline, places.start),
            "transient": {"distances": []},
            "discretisation": _discretisation(setting, self.found.unknowns),
            "check_thresholds": thresholds(),
            "references": [],
            "ok": False,
            "problems": self.found.problems,
            "timings": {},
            "files": [],
        }
        for stage, task in self.job.tasks:
            if task.of_case is not None:
                self._of_case(stage, summary, partial(task.of_case, setting, summary, self.folder))
        rows = references.compare_case(case, case.references, summary)
        self.found.problems += references.problems(rows)
        summary["references"] = references.as_json(rows)
        summary["ok"] = not self.found.problems
        return summary

    def _of_noises(self, setting: Setting) -> dict[str, NoiseEntry]:
        """Everything under every noise, on groups of ranks side by side.  Collective."""
        share, comm, names = shares_of(setting), setting.comm, list(setting.noises)
        if share.is_one(comm.size):
            parts = self._in_turn(setting, names)
        else:
            if share.groups > 1:
                self.progress.info(f"{share.groups} noises side by side, ranks for each: {share.ranks}")
            with group(names, share, comm) as (ours, mine):
                parts = self._in_turn(self._on(ours, setting), mine) if mine else {}
        everywhere = {name: part for some in comm.allgather(parts) for name, part in some.items()}
        if set(everywhere) != set(names):
            raise Stopped(on_root(comm, self.kept.state).words)
        for _, found, timings in map(everywhere.__getitem__, names):
            self.found.add(found)
            self.timings.add(timings)
        return {name: everywhere[name][0] for name in names}

    def _on(self, comm: MPI.Intracomm, setting: Setting) -> Setting:
        """The setting with a mesh of its own for a group of ranks.  Collective over them."""
        domain = make_mesh(setting.case, setting.landscape, comm)
        domain = graded_mesh(setting.case, domain, setting.places, setting.noises)
        return replace(setting, domain=domain)

    def _in_turn(
        self, setting: Setting, names: Sequence[str]
    ) -> dict[str, tuple[NoiseEntry, Found, Timings]]:
        """Noises one after the other, until a signal asks to stop; empty but on rank 0.  Collective."""
        parts: dict[str, tuple[NoiseEntry, Found, Timings]] = {}
        for name in names:
            run = _Run(self.job, self.folder, self.progress, Timings(), self.kept, self.keep)
            parts[name] = run._kept_or_new(setting, name), run.found, run.timings
            if setting.comm.allreduce(asked_to_stop(), MPI.LOR):
                break
        return parts if setting.comm.rank == 0 else {}

    def _kept_or_new(self, setting: Setting, name: str) -> NoiseEntry:
        """Everything under one noise, from the checkpoint if it is there, into it if not.  Collective."""
        done = on_root(setting.comm, partial(self.kept.read, name, self.folder))
        if done is not None:
            self.progress.info(f"noise '{name}': kept from the run that was ended")
            self.found.add(done[1])
            return done[0]
        entry = self._of_noise(setting, name, setting.noises[name])
        on_root(setting.comm, partial(self.kept.write, name, entry, self.found, self.folder))
        return entry

    def _adapted(self) -> Setting:
        """The setting with its mesh refined to V, where the case asks for that.  Collective."""
        setting = self.job.setting
        if not setting.case.mesh.adapt:
            return setting
        with self._told("adapting the mesh") as say:
            try:
                domain = adapted_mesh(setting.case, setting.domain, setting.places, setting.noises, say)
            except SolverError as error:
                self.found.problems.append(
                    f"mesh.adapt: {with_remedy(str(error))}; the mesh is the one of mesh.resolution"
                )
                return setting
        return replace(setting, domain=domain)

    def _of_noise(self, setting: Setting, name: str, noise: ScaledNoise) -> NoiseEntry:
        """Everything under one noise.  Collective."""
        entry = empty_noise(noise, setting.places)
        for _, task in self.job.tasks:
            task.blank(entry)
        if setting.case.alone:
            return entry
        with self.progress.stage(f"noise '{name}'") as shown:
            say = lambda text: shown.advance(1, text)  # noqa: E731
            try:
                with self.timings.measure("quasi-potential, densities, rates"):
                    solved = Solved(name, noise, _analyse(setting, noise, say))
                    setting = replace(setting, domain=solved.analysis.discretisation.domain)
                    found_here = findings(solved.analysis, wanted(setting))
                    entry |= noise_summary(noise, setting.places, solved.analysis)
                    entry["accuracy"] = accuracy_entry(solved.accurate)
                    mark_doubts(entry, found_here)
            except SolverError as error:
                self.found.problems.append(f"{name}: {with_remedy(str(error))}")
                if isinstance(error, OnlyEstimated):
                    entry["barriers"], estimated = estimated_barriers(error.estimates)
                    entry["checks"] = in_numbers(estimated)
                    self.found.problems += problems(name, estimated)
                return entry
            values = _of_table(setting, noise)
            if self.keep is not None:
                self.keep(solved)
            self.found.unknowns = solved.analysis.gauge.function_space.dofmap.index_map.size_global
            for stage, task in self.job.tasks:
                if task.of_noise is not None:
                    found = self._attempt(stage.name, entry, task.of_noise, setting, solved, say)
                    if found is None:
                        task.blank(entry)
                    else:
                        values |= found.checks
            self._attempt("escape paths", entry, self._keep_paths, setting, solved, say)
            self._attempt("output", entry, self._write_fields, setting, solved, say)
            self.found.problems += [f"{name}: {with_remedy(what)}" for what in solved.analysis.missing]
            self.found.problems += [f"{name}: {text}" for text in failed(found_here, asked=True)]
            self.found.problems += problems(name, values)
            entry["checks"] = in_numbers(worst(found_here) | values)
        return entry

    def _attempt(
        self,
        what: str,
        entry: NoiseEntry,
        action: Callable[[Setting, Solved, NoiseEntry, Say], Checked],
        setting: Setting,
        solved: Solved,
        say: Say,
    ) -> Checked | None:
        """Do something under one noise; None, and the reason told, where a solver fails.  Collective."""
        with self.timings.measure(what):
            try:
                found = action(setting, solved, entry, say)
            except SolverError as error:
                reason = with_remedy(str(error))
                self.found.problems.append(f"{solved.name}: {what}: {reason}")
                entry.setdefault("refused", {})[what] = reason
                return None
        self.found.problems += [f"{solved.name}: {what}: {problem}" for problem in found.problems]
        return found

    def _of_case(self, stage: Stage, summary: Summary, action: Callable[[Say], Checked]) -> None:
        """Do what a stage has to do after all noises.  Collective."""
        with self._told(stage.name) as say:
            try:
                self.found.problems += action(say).problems
            except SolverError as error:
                reason = with_remedy(str(error))
                self.found.problems.append(f"{stage.name}: {reason}")
                summary.setdefault("refused", {})[stage.name] = reason

    @contextmanager
    def _told(self, title: str) -> Iterator[Say]:
        """A part of the run, shown and timed."""
        with self.progress.stage(title) as shown, self.timings.measure(title):
            yield lambda text: shown.advance(1, text)

    def _keep_paths(self, setting: Setting, solved: Solved, entry: NoiseEntry, say: Say) -> Checked:
        """Escape paths, and how they go on behind the saddles.  Collective."""
        box = bounding_box(setting.domain)
        self.found.lines += instantons(solved.name, solved.analysis)
        later = partial(relaxations, solved.name, solved.analysis, setting.places, box)
        self.found.relaxed += on_root(setting.comm, later)
        return Checked()

    def _write_paths(self, comm: MPI.Intracomm) -> None:
        if comm.rank == 0 and self.found.lines:
            write_polylines(self.folder / "instantons.vtkhdf", self.found.lines)
            write_polylines(self.folder / "relaxations.vtkhdf", self.found.relaxed)

    def _write_fields(self, setting: Setting, solved: Solved, entry: NoiseEntry, say: Say) -> Checked:
        """The fields under one noise.  Collective."""
        analysis = solved.analysis
        fields: dict[str, Source] = dict(output_fields(analysis))
        if analysis.system.loss is not None:
            fields["loss"] = analysis.system.loss
        residual, valid = indicator(analysis)
        cells = {"hj_indicator": residual, "valid": valid}
        domain: Mesh = analysis.gauge.function_space.mesh
        path = self.folder / f"{solved.name}.vtkhdf"
        write_vtkhdf(path, domain, fields, setting.case.mesh.degree, cell_fields=cells)
        return Checked()


def _analyse(setting: Setting, noise: ScaledNoise, say: Say) -> Accurate:
    """Everything under one noise, on the given mesh or on such as the tolerance asks for.  Collective."""
    case, places, epsilons = setting.case, setting.places.found, setting.case.compare.epsilon
    mesh, solver = case.mesh, case.solver
    if case.refines and solver.tolerance is not None:
        how = MeshChoice(None, mesh.degree, solver.max_unknowns, solver.max_seconds, solver.petsc)
        return analyse_to(
            noise.system, places, epsilons, solver.tolerance, how, comm=setting.comm, monitor=say
        )
    discretisation = discretise(noise.system, setting.domain, mesh.degree, solver.petsc)
    found = analyse(discretisation, places, epsilons, say)
    return Accurate(found, judged(found, solver.tolerance, "the mesh is the one that the case gives"))


def wanted(setting: Setting) -> Wanted:
    """The escape that a case asks about."""
    places, compare = setting.places, setting.case.compare
    pair = None if places.target is None else (places.start, places.target)
    return Wanted(pair, compare.from_ is not None or compare.to is not None)


def _of_table(setting: Setting, noise: ScaledNoise) -> dict[str, float | None]:
    """The check of a tabulated landscape."""
    places = setting.places
    if setting.landscape.interpolation is None:
        return {}
    wells, passes = ([p.point for p in found] for found in (places.attractors, places.saddles))
    return {"interpolation": interpolation_error(setting.landscape, noise.kind, wells, passes)}


def _discretisation(setting: Setting, unknowns: int | None) -> Discretisation:
    cells = setting.domain.topology.index_map(setting.domain.topology.dim).size_global
    if setting.case.refines:
        # every noise has a mesh of its own: its size is in the accuracy
        return {"cells": None, "degree": setting.case.mesh.degree, "unknowns": None}
    return {"cells": cells, "degree": setting.case.mesh.degree, "unknowns": unknowns}
