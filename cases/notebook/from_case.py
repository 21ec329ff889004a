"""Cases as objects: a case file or a built-in case, solved without a folder.

The one module that knows how the command line loads and runs a case.
"""

from __future__ import annotations

import html
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from mpi4py import MPI

from cases.base.errors import CaseError
from cases.base.progress import Progress
from cases.base.toml_text import value as toml_value
from cases.casefile.case import Case
from cases.contracts.summary import NoiseEntry, Summary
from cases.loading.load import load as load_case
from cases.loading.validate import validate
from cases.notebook.result import Result, make_result
from cases.report.conclusion import conclusion
from cases.run.checkpoint import Checkpoint
from cases.run.solve import Job, prepared, solve, wanted
from cases.run.timings import Timings
from cases.stages.base.stage import Setting, Solved
from meshes.form_cache import share
from meshes.serial import on_root
from solver.places.places import Places
from solver.system import System


@dataclass(frozen=True, repr=False)
class CaseResult(Mapping[str, Result]):
    """What a run of a case found: a :class:`Result` by the name of each noise, and all that compares them.

    Attributes:
        name: Name of the case.
        results: By noise; a noise that could not be solved for is not in it.
        summary: What summary.json of the command line holds.
    """

    name: str
    results: dict[str, Result]
    summary: Summary

    @property
    def ok(self) -> bool:
        """Whether everything was solved for, and all checks hold."""
        return self.summary["ok"]

    @property
    def problems(self) -> list[str]:
        """What failed, in sentences."""
        return self.summary["problems"]

    def __getitem__(self, noise: str) -> Result:
        """The result under one noise."""
        if noise not in self.results:
            raise KeyError(f"there is no result for the noise {noise!r}; there are {', '.join(self.results)}")
        return self.results[noise]

    def __iter__(self) -> Iterator[str]:
        """The names of the noises."""
        return iter(self.results)

    def __len__(self) -> int:
        """How many noises there are."""
        return len(self.results)

    def __repr__(self) -> str:
        """The tables that the command line prints."""
        return "\n".join(conclusion(self.summary)).strip("\n")

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


@dataclass(frozen=True, repr=False)
class LoadedCase:
    """A case that was read and validated; nothing is solved yet.

    Attributes:
        case: The case.
        text: The case with all defaults filled in, as TOML.
    """

    case: Case
    text: str

    @cached_property
    def _job(self) -> Job:
        share()
        case = replace(self.case, solver=self.case.solver.model_copy(update={"ranks": "together"}))
        return prepared(case, validate(case), MPI.COMM_WORLD)

    @property
    def places(self) -> Places:
        """The attractors and passes.  Collective when first asked for."""
        return self._job.setting.places.found

    @property
    def systems(self) -> dict[str, System]:
        """Drift and diffusion under every noise, scaled to be compared.  Collective when first asked for."""
        return {name: noise.system for name, noise in self._job.setting.noises.items()}

    def run(self, monitor: Callable[[str], None] | None = None) -> CaseResult:
        """Solve the case as ``quasipot run`` does, but into no folder.  Collective.

        Args:
            monitor: Called with a line about what is being done.

        Raises:
            CaseError: For what the attractors or the mesh show to be wrong with the case.
        """
        job, solved = self._job, dict[str, Solved]()
        progress = Progress("quiet", MPI.COMM_WORLD)

        def keep(one: Solved) -> None:
            solved[one.name] = one
            if monitor is not None:
                monitor(f"solved for the noise '{one.name}'")

        comm = job.setting.comm
        folder = Path(on_root(comm, lambda: tempfile.mkdtemp(prefix="quasipot-")))
        try:
            kept = Checkpoint(folder / "kept", "")
            summary = solve(job, folder, progress, Timings(), kept, keep)
        finally:
            comm.Barrier()
            if comm.rank == 0:
                shutil.rmtree(folder, ignore_errors=True)
        results = {name: _result(one, job.setting, summary["noises"][name]) for name, one in solved.items()}
        return CaseResult(self.case.name, results, summary)

    def __repr__(self) -> str:
        """The title and the noises."""
        noises = ", ".join(self.case.noise) or "none"
        return (
            f"{self.case.name}: {self.case.title}\nnoises: {noises}; run() solves it, .text is the case file"
        )


def _result(one: Solved, setting: Setting, entry: NoiseEntry) -> Result:
    """The result under one noise.  Collective."""
    epsilon = tuple(float(value) for value in setting.case.compare.epsilon)
    return make_result(
        one.noise.system, setting.places.found, epsilon, one.accurate, wanted(setting), entry["checks"]
    )


def load(name: str | os.PathLike[str], changes: Mapping[str, object] | None = None) -> LoadedCase:
    """A case file, or a built-in case, read and validated.  Not collective; every rank reads the file.

    Args:
        name: Path of a case file, or the name of a built-in case (``quasipot list``).
        changes: Values by dotted key that replace those of the file, as ``{"mesh.resolution": 24}``.

    Raises:
        CaseError: For anything wrong with it: file, key, what is wrong, what to do.

    Example:
        >>> import quasipot as qp
        >>> qp.load("double-well-1d", {"compare.epsilon": [0.1]}).case.compare.epsilon
        [0.1]
    """
    try:
        overrides = [f"{key}={toml_value(one)}" for key, one in (changes or {}).items()]
    except TypeError as error:
        raise CaseError(
            str(name), "", f"changes: {error}", "give numbers, strings, lists and tables"
        ) from None
    return LoadedCase(*load_case(os.fspath(name), overrides))
