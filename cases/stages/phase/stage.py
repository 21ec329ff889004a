"""``domain.periodic`` in one coordinate, as a stage: all that is computed of a phase."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from cases.casefile.case import Case
from cases.casefile.schema import OF_THE_START
from cases.landscapes.landscape import Landscape
from cases.stages.base.stage import Checked, Say, Setting, Stage, Task
from cases.stages.phase.text import phase_page_tables, phase_tables

if TYPE_CHECKING:
    from cases.contracts.summary import Summary
    from cases.figures.table import PageTable

#: A drift whose ends differ by this part of its size is not periodic: expressions in 2π leave 1e-16.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Phase(Stage):
    """Turns of a phase."""

    name: ClassVar[str] = "phase"

    def asked(self, case: Case) -> bool:
        """Whether there is a periodic coordinate."""
        return bool(case.domain.periodic)

    def agree(self, case: Case) -> None:
        """One coordinate, whose range is the period, and nothing that belongs to a line."""
        if not self.asked(case):
            return
        if case.dim != 1:
            what = "periodic coordinates are available in one coordinate only"
            raise case.error("domain.periodic", what, "leave the list empty")
        if case.domain.bounds is None:
            raise case.error("domain.bounds", "the period is not known", "give [[start, start + period]]")
        others = [
            ("exit", case.exits), ("simulate", case.simulate), ("marginal", case.marginals),
            ("section", case.section), ("transient", case.transient), ("trajectories", case.trajectories),
            ("reaction", case.reactions), ("mesh.adapt", case.mesh.adapt),
            ("compare.from", case.compare.from_ is not None), ("compare.to", case.compare.to is not None),
            ("compare.learning_rate", case.compare.learning_rate),
        ]  # fmt: skip
        for key, given in others:
            if given:
                raise case.error(key, "this is not computed on a circle", "leave it out")
        for name, noise in case.noise.items():
            named = isinstance(noise.diffusion, str) and noise.diffusion in OF_THE_START
            if noise.floor or noise.law != "diffusion" or named:
                fix = "use a scalar expression, without floor and law"
                raise case.error(f"noise.{name}", "this noise is not available on a circle", fix)
        if len(case.noise) > 1 and case.compare.normalise != "none":
            what = "noises are made equally strong at an attractor, which a circle may be without"
            raise case.error("compare.normalise", what, 'write normalise = "none"')

    def check(self, case: Case, landscape: Landscape) -> None:
        """The drift is the same at both ends."""
        if self.asked(case) and case.domain.bounds is not None:
            low, high = case.domain.bounds[0]
            b = landscape.drift(np.linspace(low, high, 65)[None])[0]
            if not abs(b[-1] - b[0]) <= ROUNDING * np.abs(b).max():
                what = f"the drift is {b[0]:.6g} at {low:g} and {b[-1]:.6g} at {high:g}"
                raise case.error("domain.periodic", what, "give the period as domain.bounds")

    def prepare(self, setting: Setting) -> Task:
        """Turns under every noise."""
        return Task(of_case=_turns) if self.asked(setting.case) else Task()

    def text(self, summary: Summary) -> list[str]:
        """A table of barriers and one of rates."""
        return phase_tables(summary)

    def tables(self, summary: Summary) -> list[PageTable]:
        """The same for the page."""
        return phase_page_tables(summary)


def _turns(setting: Setting, summary: Summary, folder: Path, say: Say) -> Checked:
    from cases.stages.phase.run import phases

    summary["phase"], problems = phases(setting)
    return Checked(problems=problems)
