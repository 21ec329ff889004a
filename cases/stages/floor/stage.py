"""``noise.NAME.floor``: barriers extrapolated to no floor, as a stage."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cases.casefile.case import Case
from cases.stages.base.stage import Checked, Say, Setting, Solved, Stage, Task
from cases.stages.floor.text import floor_sentences
from meshes.serial import on_root

if TYPE_CHECKING:
    from cases.contracts.summary import NoiseEntry, Summary


@dataclass(frozen=True)
class Floor(Stage):
    """Barriers of noises with a floor, extrapolated to none."""

    name: ClassVar[str] = "floor limits"

    def asked(self, case: Case) -> bool:
        """Whether some noise has a floor."""
        return any(noise.floor > 0 for noise in case.noise.values())

    def prepare(self, setting: Setting) -> Task:
        """Extrapolation under the noises that have a floor."""
        return Task(of_noise=_extrapolate) if self.asked(setting.case) else Task()

    def text(self, summary: Summary) -> list[str]:
        """One sentence for each barrier."""
        wrapped = [textwrap.fill(text, 100, subsequent_indent="      ") for text in floor_sentences(summary)]
        return ["\n".join(wrapped)] if wrapped else []


def _extrapolate(setting: Setting, solved: Solved, entry: NoiseEntry, say: Say) -> Checked:
    from cases.stages.floor.limits import floor_limits

    if setting.case.noise[solved.name].floor > 0:
        say("barriers without the floor")
        start = setting.start
        limits = on_root(setting.comm, lambda: floor_limits(setting, solved, start))
        for row, limit in zip(entry["barriers"], limits, strict=True):
            row["floor_limit"] = limit
    return Checked()
