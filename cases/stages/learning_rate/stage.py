"""``compare.learning_rate``: passage times of an iteration with finite steps, as a stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cases.casefile.case import Case
from cases.stages.base.stage import Checked, Say, Setting, Solved, Stage, Task
from cases.stages.learning_rate.text import learning_rate_page_tables, learning_rate_tables

if TYPE_CHECKING:
    from cases.contracts.summary import NoiseEntry, Summary
    from cases.figures.table import PageTable


@dataclass(frozen=True)
class LearningRate(Stage):
    """Passage times at finite learning rates."""

    name: ClassVar[str] = "learning rate"

    def asked(self, case: Case) -> bool:
        """Whether there are learning rates."""
        return bool(case.compare.learning_rate)

    def agree(self, case: Case) -> None:
        """There must be a noise level whose times are changed."""
        if self.asked(case) and (case.alone or not case.compare.epsilon):
            raise case.error(
                "compare.learning_rate", "there is no passage time to change", "give compare.epsilon"
            )

    def prepare(self, setting: Setting) -> Task:
        """The change of every barrier, and of the times."""
        return Task(of_noise=_solve) if self.asked(setting.case) else Task()

    def text(self, summary: Summary) -> list[str]:
        """The times at every learning rate beside those of the diffusion."""
        return learning_rate_tables(summary)

    def tables(self, summary: Summary) -> list[PageTable]:
        """The same for the page."""
        return learning_rate_page_tables(summary)


def _solve(setting: Setting, solved: Solved, entry: NoiseEntry, say: Say) -> Checked:
    from cases.stages.learning_rate.run import at_learning_rates

    say("finite learning rates")
    entry["learning_rate"] = at_learning_rates(setting, solved)
    return Checked()
