"""What a stage is, what it is given and what it gives back.

A stage is one thing that a case may ask for beside potentials, densities and rates.  Whoever loads, runs or
reports a case goes through all stages (:mod:`cases.stages.catalogue`) and knows none of them by name: a stage
says itself whether a case asks for it, what is wrong with its table, what is to be solved, and how the result
is told and drawn.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape
from cases.noise.tensors import ScaledNoise

if TYPE_CHECKING:
    # for types only: a case is checked without loading what solves and draws it
    from dolfinx.mesh import Mesh
    from mpi4py import MPI

    from cases.contracts.summary import NoiseEntry, Summary
    from cases.figures.rundata import RunData
    from cases.figures.style import Figure
    from cases.figures.table import PageTable
    from cases.problem.places import Structure
    from solver.analysis.stages import Analysis
    from solver.analysis.tolerance import Accurate
    from solver.system import Array

Say = Callable[[str], None]


@dataclass(frozen=True)
class Setting:
    """What is known before anything is solved.

    Attributes:
        case: The case.
        landscape: Its landscape.
        domain: The mesh.
        places: Attractors and passes.
        noises: The noises, scaled to be compared.
    """

    case: Case
    landscape: Landscape
    domain: Mesh
    places: Structure
    noises: Mapping[str, ScaledNoise]

    @property
    def comm(self) -> MPI.Intracomm:
        """The ranks that work on the case."""
        comm: MPI.Intracomm = self.domain.comm
        return comm

    @property
    def start(self) -> Array:
        """Where noises are compared: the starting attractor; the centre of the domain if there is none.

        Collective where there is no attractor.
        """
        from solver.elements.evaluate import bounding_box

        if self.places.attractors:
            return self.places.attractors[self.places.start].point
        low, high = bounding_box(self.domain)
        return np.asarray(0.5 * (low + high))


@dataclass(frozen=True)
class Solved:
    """The potentials, densities and rates under one noise.

    Attributes:
        name: Name of the noise.
        noise: The noise.
        accurate: What was solved for, and how accurately.
    """

    name: str
    noise: ScaledNoise
    accurate: Accurate

    @property
    def analysis(self) -> Analysis:
        """What was solved for."""
        return self.accurate.analysis


@dataclass(frozen=True)
class Checked:
    """What a stage found out about its own result.

    Attributes:
        checks: Values by name (:data:`cases.results.checks.CHECKS`); None where there is nothing to check.
        problems: Sentences about what failed.
    """

    checks: Mapping[str, float | None] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def nothing(entry: NoiseEntry) -> None:
    """Leave the entry of a noise as it is."""


@dataclass(frozen=True)
class Task:
    """What is to be solved.  All functions are collective and put their results into the summary.

    Attributes:
        of_noise: Work under one noise; its results go into the entry of this noise.
        of_case: Work on the whole case, after all noises; may write files of its own into the folder.
        blank: What the entry of a noise holds where there is no result.

    The two may raise a :class:`solver.errors.SolverError`: the reason is told, and no other result suffers.
    """

    of_noise: Callable[[Setting, Solved, NoiseEntry, Say], Checked] | None = None
    of_case: Callable[[Setting, Summary, Path, Say], Checked] | None = None
    blank: Callable[[NoiseEntry], None] = nothing


@dataclass(frozen=True)
class Stage(ABC):
    """One thing that a case may ask for.

    Attributes:
        name: What it is called in timings, messages and problems.
    """

    name: ClassVar[str]

    @abstractmethod
    def asked(self, case: Case) -> bool:
        """Whether a case asks for it."""

    def agree(self, case: Case) -> None:  # noqa: B027 - most tables contradict no other
        """Complain about a table that contradicts others.

        Raises:
            CaseError: naming the key.
        """

    def check(self, case: Case, landscape: Landscape) -> None:  # noqa: B027 - most have nothing to say
        """Complain about what could not be computed, before there is a mesh.  The same on all ranks.

        Raises:
            CaseError: naming the key.
        """

    def prepare(self, setting: Setting) -> Task:
        """What is to be solved for the case.  Collective; called whether the case asks for it or not.

        Raises:
            CaseError: for what only mesh and attractors tell to be wrong.
        """
        return Task()

    def headline(self, summary: Summary) -> list[str]:
        """Sentences for the top of a report that tells of no escape."""
        return []

    def text(self, summary: Summary) -> list[str]:
        """What is printed at the end of a run, block by block."""
        return []

    def tables(self, summary: Summary) -> list[PageTable]:
        """The tables of the report."""
        return []

    def figures(self, run: RunData) -> list[Figure]:
        """The figures of the report, to be called inside :func:`cases.figures.style.style`."""
        return []
