"""``system.friction`` as a stage: what does not go with it, and the laws beside the rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape
from cases.stages.base.stage import Checked, Say, Setting, Solved, Stage, Task
from cases.stages.momentum.text import momentum_page_tables, momentum_tables

if TYPE_CHECKING:
    from cases.contracts.summary import NoiseEntry, Summary
    from cases.figures.table import PageTable


@dataclass(frozen=True)
class MomentumStage(Stage):
    """Escape of a loss with momentum."""

    name: ClassVar[str] = "momentum"

    def asked(self, case: Case) -> bool:
        """Whether the loss has momentum."""
        return case.system.damping is not None

    def agree(self, case: Case) -> None:
        """Nothing that belongs to a drift that is a gradient, or to SGD without momentum."""
        if not self.asked(case):
            return
        others = [
            ("exit", case.exits), ("transient", case.transient), ("trajectories", case.trajectories),
            ("stability", case.stability), ("section", case.section), ("reaction", case.reactions),
            ("compare.learning_rate", case.compare.learning_rate),
            ("simulate.sgd_learning_rate", case.simulate and case.simulate.sgd_learning_rate),
        ]  # fmt: skip
        for key, given in others:
            if given:
                raise case.error(key, "this is not computed with momentum", "leave it out")
        for name, noise in case.noise.items():
            if noise.law != "diffusion":
                what = "laws beyond the diffusion do not go with momentum"
                raise case.error(f"noise.{name}.law", what, "leave it out")
        if case.compare.normalise == "det":
            what = "no noise acts on the position, so that all determinants are zero"
            raise case.error("compare.normalise", what, 'write normalise = "trace"')

    def check(self, case: Case, landscape: Landscape) -> None:
        """There is a loss."""
        if self.asked(case) and (landscape.line is None or landscape.line.loss is None):
            raise case.error("system.friction", "momentum is for a loss, and there is none", "leave it out")

    def prepare(self, setting: Setting) -> Task:
        """The laws under every noise."""
        return Task(of_noise=_laws) if self.asked(setting.case) else Task()

    def text(self, summary: Summary) -> list[str]:
        """A table of rates and laws."""
        return momentum_tables(summary)

    def tables(self, summary: Summary) -> list[PageTable]:
        """The same for the page."""
        return momentum_page_tables(summary)


def _laws(setting: Setting, solved: Solved, entry: NoiseEntry, say: Say) -> Checked:
    from cases.stages.momentum.laws import momentum_entry

    found = momentum_entry(setting, solved, entry)
    if found is not None:
        entry["momentum"] = found
    return Checked()
