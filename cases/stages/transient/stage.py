"""``[transient]``: densities that evolve in time, as a stage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from cases.casefile.case import Case
from cases.noise.requirements import require_all_directions
from cases.stages.base.stage import Checked, Say, Setting, Stage, Task
from cases.stages.transient.agreement import check_transient

if TYPE_CHECKING:
    from cases.contracts.summary import Summary
    from cases.figures.rundata import RunData
    from cases.figures.style import Figure
    from cases.stages.transient.evolution import Evolutions


@dataclass(frozen=True)
class Transient(Stage):
    """Densities that evolve from the same start under every noise."""

    name: ClassVar[str] = "evolution"

    def asked(self, case: Case) -> bool:
        """Whether there is a table ``[transient]``."""
        return case.transient is not None

    def agree(self, case: Case) -> None:
        """Start and drifts fit the coordinates and the noises."""
        check_transient(case)

    def prepare(self, setting: Setting) -> Task:
        """Start density, observed functions and systems."""
        from cases.stages.transient.evolution import prepare

        what = prepare(setting.case, setting.landscape, setting.noises)
        if what is not None:
            diffusions = {name: noise.system.diffusion for name, noise in setting.noises.items()}
            require_all_directions(setting.case, "transient", diffusions, setting.start)
        return Task() if what is None else Task(of_case=partial(_evolve, what))

    def headline(self, summary: Summary) -> list[str]:
        """That there is one."""
        if any(noise.get("transient") for noise in summary["noises"].values()):
            return ["A density followed in time under each noise."]
        return []

    def text(self, summary: Summary) -> list[str]:
        """Expectations and distances against time."""
        from cases.stages.transient.text import transient_table

        table = transient_table(summary)
        return [table] if table else []

    def figures(self, run: RunData) -> list[Figure]:
        """Expectations and distances against time."""
        from cases.stages.transient.figure import transient_figures

        return transient_figures(run)


def _evolve(what: Evolutions, setting: Setting, summary: Summary, folder: Path, say: Say) -> Checked:
    """Evolve the density under every noise, into its entry, and compare them."""
    from cases.results.checks import problems
    from cases.results.stage_checks import transient_checks
    from cases.stages.transient import evolution

    table = setting.case.transient
    assert table is not None
    evolved = evolution.evolve_all(setting.case, setting.domain, what, say)
    found: list[str] = []
    for name, one in evolved.items():
        entry = summary["noises"][name]
        entry["transient"] = evolution.transient_summary(table.epsilon, what.observed, one)
        values = transient_checks(one.evolution)
        entry["checks"] |= values
        found += problems(name, values)
        evolution.write_evolution(folder / f"{name}-transient.vtkhdf", one)
    summary["transient"] = {"distances": evolution.distances(evolved)}
    return Checked(problems=tuple(found))
