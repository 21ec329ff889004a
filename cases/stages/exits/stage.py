"""``[[exit]]``: mean exit times from sets, as a stage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from cases.casefile.case import Case
from cases.stages.base.stage import Checked, Say, Setting, Solved, Stage, Task

if TYPE_CHECKING:
    from cases.contracts.summary import NoiseEntry, Summary
    from cases.figures.rundata import RunData
    from cases.figures.style import Figure
    from cases.figures.table import PageTable
    from cases.stages.exits.sets import ExitSet


@dataclass(frozen=True)
class Exits(Stage):
    """Exit from the sets that a case names, and from two sets of our choice where noises are compared."""

    name: ClassVar[str] = "exits"

    def asked(self, case: Case) -> bool:
        """Whether there is a table ``[[exit]]``."""
        return bool(case.exits)

    def agree(self, case: Case) -> None:
        """There are noise levels; a ball has a centre in space, and a sublevel set a loss."""
        if case.exits and not case.compare.epsilon:
            fix = "give compare.epsilon, or leave it out"
            raise case.error("exit", "there is no noise level for exit times", fix)
        for n, one in enumerate(case.exits):
            if one.ball is not None and len(one.ball.centre) != case.dim:
                given = f"{len(one.ball.centre)} numbers for {case.dim} coordinates"
                raise case.error(f"exit.{n}.ball.centre", given, "give one for each")
            if one.loss_below is not None and case.system.drift is not None:
                fix = "give ball or inside"
                raise case.error(f"exit.{n}.loss_below", "the system has a drift and no loss", fix)

    def prepare(self, setting: Setting) -> Task:
        """The sets, all of which can be meshed."""
        from cases.stages.exits.default_sets import default_sets
        from cases.stages.exits.sets import exit_sets

        sets = exit_sets(setting) + default_sets(setting)
        return Task(of_noise=partial(_leave, sets) if sets else None, blank=partial(_blank, sets))

    def headline(self, summary: Summary) -> list[str]:
        """Which sets are left."""
        sets = [one["name"] for noise in summary["noises"].values() for one in noise.get("exits", [])]
        named = ", ".join(dict.fromkeys(sets))
        return [f"Mean exit times from sets round the attractor ({named}) under each noise."] if sets else []

    def text(self, summary: Summary) -> list[str]:
        """A table for every set."""
        from cases.stages.exits.text import exit_tables

        return exit_tables(summary)

    def tables(self, summary: Summary) -> list[PageTable]:
        """A table for every set."""
        from cases.stages.exits.page import exit_page_tables

        return exit_page_tables(summary)

    def figures(self, run: RunData) -> list[Figure]:
        """Exit times against 1/ε."""
        from cases.stages.exits.figure import exit_figures

        return exit_figures(run)


def _blank(sets: list[ExitSet], entry: NoiseEntry) -> None:
    from cases.stages.exits.sets import empty_exits

    entry["exits"] = empty_exits(sets)


def _leave(sets: list[ExitSet], setting: Setting, solved: Solved, entry: NoiseEntry, say: Say) -> Checked:
    from cases.stages.exits.run import leave_sets

    left = leave_sets(sets, setting, solved, say)
    entry["exits"] = left.entry
    return Checked(left.checks, left.problems)
