"""``[mean_field]``: mean-field Langevin dynamics, as a stage; a case that asks for it has no noises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from cases.casefile.case import Case
from cases.stages.base.stage import Checked, Say, Setting, Stage, Task

if TYPE_CHECKING:
    from cases.contracts.summary import Summary
    from cases.figures.rundata import RunData
    from cases.figures.style import Figure

CONVENTION = "dm/dt = div[(grad dF/dm + lambda grad U) m + lambda grad m]; eps = 2 lambda"


@dataclass(frozen=True)
class MeanFieldStage(Stage):
    """Stationary states of energy plus entropy, the flow to them, and interacting particles."""

    name: ClassVar[str] = "mean-field equation"

    def asked(self, case: Case) -> bool:
        """Whether there is a table ``[mean_field]``."""
        return case.mean_field is not None

    def prepare(self, setting: Setting) -> Task:
        """The equation; its problem was checked when the case was loaded."""
        return Task(of_case=_solve) if self.asked(setting.case) else Task()

    def headline(self, summary: Summary) -> list[str]:
        """What was solved."""
        found = "mean_field" in summary
        return ["Stationary states of energy plus entropy, and the flow to them."] if found else []

    def text(self, summary: Summary) -> list[str]:
        """A table of the states."""
        from cases.stages.mean_field.text import mean_field_table

        return [mean_field_table(summary)] if "mean_field" in summary else []

    def figures(self, run: RunData) -> list[Figure]:
        """Energies, densities, flow and particles."""
        from cases.stages.mean_field.figure import mean_field_figures

        return mean_field_figures(run)


def _solve(setting: Setting, summary: Summary, folder: Path, say: Say) -> Checked:
    from cases.stages.mean_field.run import solve

    entry, found = solve(setting.case, setting.domain, folder, say)
    summary["convention"] = CONVENTION
    summary["mean_field"] = entry
    unknowns = entry["levels"][0].get("unknowns")
    summary["discretisation"] = {
        "cells": None,
        "degree": setting.case.mesh.degree,
        "unknowns": unknowns,
    }
    return Checked(problems=tuple(found))
