"""``[[marginal]]``: the density of functions of the coordinates, as a stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape
from cases.stages.base.stage import Checked, Say, Setting, Solved, Stage, Task

if TYPE_CHECKING:
    from cases.contracts.summary import NoiseEntry, Summary
    from cases.figures.rundata import RunData
    from cases.figures.style import Figure
    from cases.figures.table import PageTable


@dataclass(frozen=True)
class Marginals(Stage):
    """Densities of functions of the coordinates, beside closed forms."""

    name: ClassVar[str] = "marginals"

    def asked(self, case: Case) -> bool:
        """Whether there is a table ``[[marginal]]``."""
        return bool(case.marginals)

    def agree(self, case: Case) -> None:
        """There must be a density."""
        if case.marginals and (case.alone or not case.compare.epsilon):
            why = "this case computes no stationary density" if case.alone else "there is no noise level"
            raise case.error("marginal", why, "leave it out, or give compare.epsilon and no alone")

    def check(self, case: Case, landscape: Landscape) -> None:
        """Functions and closed forms have values."""
        from cases.stages.marginals import functions

        functions.check_marginals(case)

    def prepare(self, setting: Setting) -> Task:
        """The densities under every noise."""
        return Task(of_noise=_compute if self.asked(setting.case) else None, blank=_blank)

    def text(self, summary: Summary) -> list[str]:
        """How far they are from their closed forms."""
        from cases.stages.marginals.text import marginal_table

        table = marginal_table(summary)
        return [table] if table else []

    def tables(self, summary: Summary) -> list[PageTable]:
        """The same for the page."""
        from cases.stages.marginals.text import marginal_page_tables

        return marginal_page_tables(summary)

    def figures(self, run: RunData) -> list[Figure]:
        """Densities as steps."""
        from cases.stages.marginals.figure import marginal_figures

        return marginal_figures(run)


def _blank(entry: NoiseEntry) -> None:
    entry["marginals"] = []


def _compute(setting: Setting, solved: Solved, entry: NoiseEntry, say: Say) -> Checked:
    from cases.stages.marginals.run import marginal_checks, marginals_of_noise

    say("marginal densities")
    entry["marginals"] = marginals_of_noise(setting.case, solved.name, solved.analysis)
    return Checked(marginal_checks(setting.case, entry["marginals"]))
