"""``[trajectories]``: SGD and gradient descent from one point, as a stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from cases.base.numbers import number
from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape
from cases.stages.base.stage import Checked, Say, Setting, Stage, Task

if TYPE_CHECKING:
    from cases.contracts.summary import Summary
    from cases.figures.rundata import RunData
    from cases.figures.style import Figure


@dataclass(frozen=True)
class Trajectories(Stage):
    """SGD, descent on the mean loss, and descent without noise."""

    name: ClassVar[str] = "trajectories"

    def asked(self, case: Case) -> bool:
        """Whether there is a table ``[trajectories]``."""
        return case.trajectories is not None

    def check(self, case: Case, landscape: Landscape) -> None:
        """The model brings data; what is observed are polynomials."""
        if case.trajectories is not None:
            from cases.stages.trajectories import run

            run.check_trajectories(case, landscape, case.trajectories)

    def prepare(self, setting: Setting) -> Task:
        """Three paths."""
        return Task(of_case=_descend) if self.asked(setting.case) else Task()

    def headline(self, summary: Summary) -> list[str]:
        """What SGD averages."""
        found = summary.get("trajectories")
        if found is None:
            return []
        means = ", ".join(
            f"{name} {number(one['value'], 5)} ± {one['error']:.1g}"
            for name, one in found["sgd"]["observed"].items()
        )
        return [f"SGD with learning rate {found['learning_rate']:g} averages {means}."]

    def text(self, summary: Summary) -> list[str]:
        """What is observed along each path."""
        from cases.stages.trajectories.text import trajectory_lines

        return trajectory_lines(summary)

    def figures(self, run: RunData) -> list[Figure]:
        """The paths in the plane and against time."""
        from cases.stages.trajectories.figure import trajectory_figures

        return trajectory_figures(run)


def _descend(setting: Setting, summary: Summary, folder: Path, say: Say) -> Checked:
    from cases.stages.trajectories import run

    table = setting.case.trajectories
    assert table is not None
    summary["trajectories"] = run.run(setting.case, setting.landscape, table, folder, setting.comm)
    return Checked()
