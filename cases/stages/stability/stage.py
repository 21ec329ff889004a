"""``[stability]``: largest stable learning rates along a curve of minima, as a stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape
from cases.stages.base.stage import Checked, Say, Setting, Stage, Task

if TYPE_CHECKING:
    from cases.contracts.summary import Summary
    from cases.figures.rundata import RunData
    from cases.figures.style import Figure


@dataclass(frozen=True)
class Stability(Stage):
    """Sharpness and largest stable learning rates at global minima along a curve."""

    name: ClassVar[str] = "stability"

    def asked(self, case: Case) -> bool:
        """Whether there is a table ``[stability]``."""
        return case.stability is not None

    def check(self, case: Case, landscape: Landscape) -> None:
        """The curve consists of global minima; batches are not larger than the data."""
        if case.stability is not None:
            from cases.stages.stability import run

            run.check_stability(case, landscape, case.stability)

    def prepare(self, setting: Setting) -> Task:
        """The map."""
        return Task(of_case=_map) if self.asked(setting.case) else Task()

    def headline(self, summary: Summary) -> list[str]:
        """Whether the bound by the trace holds."""
        from cases.stages.stability.text import typeset

        return [typeset(note) for note in summary["stability"]["notes"]] if "stability" in summary else []

    def text(self, summary: Summary) -> list[str]:
        """A table of the minima that the case names."""
        from cases.stages.stability.text import stability_lines

        return stability_lines(summary)

    def figures(self, run: RunData) -> list[Figure]:
        """Learning rates and sharpness along the curve."""
        from cases.stages.stability.figure import stability_figures

        return stability_figures(run)


def _map(setting: Setting, summary: Summary, folder: Path, say: Say) -> Checked:
    from cases.stages.stability.run import stability_map

    table = setting.case.stability
    assert table is not None
    summary["stability"] = stability_map(setting.case, setting.landscape, table)
    return Checked()
