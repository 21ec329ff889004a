"""``[simulate]``: the Monte Carlo check of passage times, as a stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape
from cases.stages.base.stage import Checked, Say, Setting, Solved, Stage, Task

if TYPE_CHECKING:
    from cases.contracts.summary import NoiseEntry
    from cases.figures.rundata import RunData
    from cases.figures.style import Figure


@dataclass(frozen=True)
class Simulation(Stage):
    """Passage times by simulation, beside the computed ones."""

    name: ClassVar[str] = "simulation"

    def asked(self, case: Case) -> bool:
        """Whether there is a table ``[simulate]``."""
        return case.simulate is not None

    def agree(self, case: Case) -> None:
        """Noise levels to simulate are among those compared; SGD has data."""
        if case.simulate is None:
            return
        if not case.compare.epsilon:
            raise case.error(
                "simulate", "there is no noise level to simulate", "give compare.epsilon, or leave it out"
            )
        for level in case.simulate.epsilon or []:
            if level not in case.compare.epsilon:
                fix = "take some of compare.epsilon"
                raise case.error("simulate.epsilon", f"{level:g} is not among the noise levels", fix)
        if case.simulate.sgd_learning_rate is not None and case.system.model is None:
            fix = "give system.model, or leave it out"
            raise case.error("simulate.sgd_learning_rate", "SGD needs a model with data", fix)

    def check(self, case: Case, landscape: Landscape) -> None:
        """The model must bring data if SGD is to run on them."""
        wanted = case.simulate is not None and case.simulate.sgd_learning_rate is not None
        if wanted and landscape.samples is None:
            fix = "use such a model, or leave it out"
            raise case.error("simulate.sgd_learning_rate", "SGD needs a model with data", fix)

    def prepare(self, setting: Setting) -> Task:
        """Simulations under every noise, if there is somewhere to go."""
        if not self.asked(setting.case) or setting.places.target is None:
            return Task()
        return Task(of_noise=_simulate)

    def figures(self, run: RunData) -> list[Figure]:
        """Survival curves."""
        from cases.stages.simulation.figure import survival_figures

        return survival_figures(run)


def _simulate(setting: Setting, solved: Solved, entry: NoiseEntry, say: Say) -> Checked:
    from cases.results.simulated import largest_gap
    from cases.stages.simulation.entries import add_to_rates
    from cases.stages.simulation.passages import simulate

    say("simulation")
    found = simulate(setting, solved)
    add_to_rates(entry, found, (setting.places.start, setting.places.target))
    return Checked({"simulation_gap": largest_gap(found.values())})
