"""``[section]``: density and loss along a curve, as a stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape
from cases.stages.base.stage import Checked, Say, Setting, Solved, Stage, Task

if TYPE_CHECKING:
    from cases.contracts.summary import NoiseEntry, Summary
    from cases.figures.rundata import RunData
    from cases.figures.style import Figure


@dataclass(frozen=True)
class Section(Stage):
    """V, density, loss and its curvature along a curve."""

    name: ClassVar[str] = "section"

    def asked(self, case: Case) -> bool:
        """Whether there is a table ``[section]``."""
        return case.section is not None

    def agree(self, case: Case) -> None:
        """There must be a potential or density to show."""
        if case.section is not None and case.alone:
            fix = "leave one of them out"
            raise case.error("section", "this case computes no potential or density", fix)

    def check(self, case: Case, landscape: Landscape) -> None:
        """The curve lies in the domain, and the Hessian has values along it."""
        from cases.stages.section import curve

        curve.check_section(case, landscape)

    def prepare(self, setting: Setting) -> Task:
        """The density under every noise, and the loss."""
        return Task(of_noise=_along, of_case=_of_the_loss) if self.asked(setting.case) else Task()

    def text(self, summary: Summary) -> list[str]:
        """Marks, and where the densities are largest."""
        from cases.stages.section.text import section_lines

        return section_lines(summary)

    def figures(self, run: RunData) -> list[Figure]:
        """Density and curvature along the curve."""
        from cases.stages.section.figure import section_figures

        return section_figures(run)


def _along(setting: Setting, solved: Solved, entry: NoiseEntry, say: Say) -> Checked:
    from cases.stages.section.run import section_of_noise

    entry["section"] = section_of_noise(setting.case, solved.analysis)
    return Checked()


def _of_the_loss(setting: Setting, summary: Summary, folder: Path, say: Say) -> Checked:
    from cases.stages.section.run import section

    summary["section"] = section(setting.case, setting.landscape)
    return Checked()
