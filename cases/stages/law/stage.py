"""``noise.NAME.law``: barriers of the process itself, beside those of its diffusion, as a stage."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape
from cases.stages.base.stage import Checked, Say, Setting, Solved, Stage, Task
from cases.stages.law.text import law_page_tables, law_sentences, law_tables

if TYPE_CHECKING:
    from cases.contracts.summary import NoiseEntry, Summary
    from cases.figures.table import PageTable


@dataclass(frozen=True)
class Law(Stage):
    """Barriers of minibatch SGD, or of a jump process, itself."""

    name: ClassVar[str] = "large-deviation law"

    def asked(self, case: Case) -> bool:
        """Whether some noise has another law than that of its diffusion."""
        return any(noise.law != "diffusion" for noise in case.noise.values())

    def check(self, case: Case, landscape: Landscape) -> None:
        """A law needs what it is made of: the gradients of the samples, and nothing beside them."""
        for name, table in case.noise.items():
            if table.law == "diffusion":
                continue
            key = f"noise.{name}.law"
            wanted = {"minibatch": "gradient_covariance", "reactions": "reactions"}[table.law]
            if table.diffusion != wanted:
                fix = f'write diffusion = "{wanted}"'
                raise case.error(key, f"law = {table.law!r} belongs to the noise of the process", fix)
            if landscape.law is None:
                fix = "use a model with data, or a function that returns sample_gradients (without tabulate)"
                raise case.error(key, "the gradients of single samples are not known", fix)
            if table.floor:
                raise case.error(key, "the process has no floor", f"leave out noise.{name}.floor")

    def prepare(self, setting: Setting) -> Task:
        """Least action under the noises that have a law."""
        return Task(of_noise=_solve) if self.asked(setting.case) else Task()

    def headline(self, summary: Summary) -> list[str]:
        """What differs most from the diffusion."""
        return law_sentences(summary)

    def text(self, summary: Summary) -> list[str]:
        """A table for each law, and what differs most."""
        wrapped = [textwrap.fill(text, 100, subsequent_indent="      ") for text in law_sentences(summary)]
        return [*law_tables(summary), *wrapped]

    def tables(self, summary: Summary) -> list[PageTable]:
        """The same for the page."""
        return law_page_tables(summary)


def _solve(setting: Setting, solved: Solved, entry: NoiseEntry, say: Say) -> Checked:
    from cases.stages.law.run import law_of_noise

    if setting.case.noise[solved.name].law == "diffusion":
        return Checked()
    say("barriers of the law itself")
    entry["law"], problems = law_of_noise(setting, solved)
    return Checked(problems=problems)
