"""What is known of one system: barriers, V, and at every noise level density, rates and passage times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from dolfinx import fem
from numpy.typing import ArrayLike

from cases.base.remedies import with_remedy
from cases.notebook import arguments, tables
from cases.notebook.describe import barrier_table, head_sentence, problem_sentences, refusals, time_table
from cases.notebook.parts import Barrier, Check, Level, make_barrier, make_checks, make_level
from cases.results.checks import CHECKS, failures
from cases.results.findings import Wanted, failed, findings, worst
from cases.results.shallow_wells import rate_rows, shallow_sentences
from cases.results.shortfalls import (
    barrier_rows,
    box_parts,
    depths,
    doubt,
    known_parts,
    shortfall_sentences,
)
from solver.analysis.evaluation import values_at
from solver.analysis.fields import indicator, output_fields, stitched_field
from solver.analysis.stages import Analysis
from solver.analysis.tolerance import Accuracy, Accurate
from solver.analysis.wells import DENSITY
from solver.hamilton_jacobi.well import trusted_part
from solver.output.vtkhdf import Source, write_vtkhdf
from solver.places.places import Places
from solver.system import Array, System

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# what can be drawn
WHATS = ("V", "density", "log_density", "committor", "log_mfpt")


@dataclass(frozen=True, repr=False)
class Result:
    """What :func:`quasipot.solve` found.

    Attributes:
        system, places: What was solved for.
        epsilon: The noise levels, as asked for.
        accuracy: How accurate it is, by how much, and why not more.
        checks: The checks that the command line makes too, each by its worst value.
        problems: Sentences on what failed: noise levels without a density, and checks of what the command
            line takes to be asked for: V, the densities, and the escape from one attractor (the first, unless
            a case names another one) to the next.
        notes: Sentences on what is less than it looks: V not known up to a pass, barriers with a loose lower
            bound, checks that failed of other escapes.
        refused: What was not computed and why, by what it is.
        barriers: All barriers; see :meth:`barrier`.
        analysis: Everything of the solver.
    """

    system: System
    places: Places
    epsilon: tuple[float, ...]
    accuracy: Accuracy
    checks: tuple[Check, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    refused: Mapping[str, str]
    barriers: tuple[Barrier, ...]
    analysis: Analysis
    _levels: Mapping[float, Level]
    _potential: fem.Function
    _wells: tuple[fem.Function, ...]

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems

    @property
    def unknowns(self) -> int:
        """Unknowns of one finite-element field."""
        return int(self.analysis.discretisation.space.dofmap.index_map.size_global)

    @property
    def errors(self) -> Mapping[str, float]:
        """Estimated errors by what they are of: relative for barriers, V, densities; absolute for log T."""
        return self.accuracy.errors

    @property
    def unmet(self) -> str:
        """Why the tolerance is not met; empty where it is."""
        return self.accuracy.reason

    @property
    def levels(self) -> tuple[Level, ...]:
        """The results at all noise levels, from the highest to the lowest."""
        return tuple(self._levels[epsilon] for epsilon in sorted(self._levels, reverse=True))

    def barrier(self, start: int, end: int | None) -> Barrier:
        """The lowest barrier from one attractor to another (None: out of the box).

        Raises:
            ValueError: If there are no such attractors, or they are the same.
        """
        count = len(self.places.attractors)
        i = arguments.check_index("start", start, count)
        j = None if end is None else arguments.check_index("end", end, count)
        if i == j:
            raise arguments.complaint("end", "it is the attractor escaped from", "name another one")
        found = [one for one in self.barriers if (one.start, one.end) == (i, j)]
        if found:
            return min(found, key=lambda one: one.value)
        goal = "the outside" if j is None else f"attractor {j}"
        nan = float("nan")
        why = f"no pass leads from attractor {i} straight to {goal}"
        return Barrier(i, j, None, nan, nan, nan, why=why)

    def V(self, points: ArrayLike, attractor: int | None = None) -> Array:
        """The quasi-potential, ``b·∇V + ½∇VᵀA∇V = 0``.  Collective.

        Args:
            points: ``(n, d)``, the same on every rank.
            attractor: V is the cost from this attractor; None: of the stationary density, ``p ≍ exp(−V/ε)``,
                the least of the wells with their weights.

        Returns:
            ``(n,)``, NaN where it is not known.

        Raises:
            ValueError: For points of another shape, or no such attractor.
        """
        rows, shape = arguments.check_points(points, self.system.dim)
        one = self._potential
        if attractor is not None:
            one = self._wells[arguments.check_index("attractor", attractor, len(self._wells))]
        return values_at(one, rows, self.analysis.discretisation.locator).reshape(shape)

    def at(self, epsilon: float) -> Level:
        """The results at one of the noise levels.

        Raises:
            ValueError: If it is none of those that were solved for.
        """
        level = self.epsilon[arguments.check_known(epsilon, self.epsilon)]
        if level not in self._levels:
            why = self.refused.get(f"{DENSITY} at epsilon = {level:g}", "the solver did not converge")
            raise arguments.complaint("epsilon", f"{level:g} was solved for in vain: {why}", "give others")
        return self._levels[level]

    def plot(
        self,
        what: str = "V",
        ax: Axes | None = None,
        *,
        epsilon: float | None = None,
        attractor: int | None = None,
        plane: Sequence[int] = (0, 1),
        through: ArrayLike | None = None,
    ) -> Axes:
        """Draw a field, or passage times over 1/ε.  Collective.

        On the line a curve, else a map with attractors (dots), passes (crosses) and, on V, escape paths
        (red); hatched where there is no value.

        Args:
            what: ``"V"``, ``"density"``, ``"log_density"``, ``"committor"``, or ``"log_mfpt"``.
            ax: Where to draw; default new axes.
            epsilon: The noise level of a density or committor; default the lowest.
            attractor: Of V (None: all together) or of the committor (default 0).
            plane: In space the two coordinates that are shown, …
            through: … and a point of the plane; default the first pass, or the first attractor.

        Returns:
            The axes, of matplotlib.

        Raises:
            ValueError: For what there is not.
        """
        from cases.notebook import plots

        arguments.check_choice("what", what, WHATS)
        if what == "log_mfpt":
            return plots.draw_times(self.levels, self.barriers, ax)
        field, label = self._field(what, epsilon, attractor)
        shown = arguments.check_plane(plane, self.system.dim)
        starts = [one.point for one in self.places.attractors]
        ways = [one.point for one in self.places.passes]
        paths = [one.path.points for one in self.barriers if one.path and attractor in (None, one.start)]
        centre = through if through is not None else [*ways, *starts][0]
        picture = plots.Picture(
            field=field,
            label=label,
            bounds=np.array(self.places.bounds),
            names=self.system.coordinates or [f"$x_{n}$" for n in range(self.system.dim)],
            plane=shown,
            through=arguments.check_points(centre, self.system.dim, "through")[0][0],
            wells=np.array(starts),
            passes=np.array(ways).reshape(-1, self.system.dim),
            paths=paths if what == "V" else [],
        )
        return plots.draw(picture, ax)

    def _field(
        self, what: str, epsilon: float | None, attractor: int | None
    ) -> tuple[Callable[[Array], Array], str]:
        """A function of points ``(n, d)``, and what it is."""
        if what == "V":
            return lambda x: self.V(
                x, attractor
            ), "V" if attractor is None else f"V from attractor {attractor}"
        if not self.levels:
            raise arguments.complaint(
                "what", f"there is no {what} without a noise level", "give epsilon to solve"
            )
        level = self.levels[-1] if epsilon is None else self.at(epsilon)
        if what == "committor":
            k = arguments.check_index("attractor", attractor or 0, len(self.places.attractors))
            return lambda x: level.committor(k, x), f"committor of attractor {k}, ε = {level.epsilon:g}"
        if what == "density":
            return level.density, f"p at ε = {level.epsilon:g}"
        return level.log_density, f"log p at ε = {level.epsilon:g}"

    def to_vtk(self, path: str | Path) -> Path:
        """Write all fields to a VTKHDF file, which ParaView opens.  Collective.

        V, ∇V, drift, diffusion, densities, committors, currents, the error indicator and where V is valid.

        Returns:
            The path.

        Raises:
            FileNotFoundError: If there is no such folder.
        """
        fields: dict[str, Source] = dict(output_fields(self.analysis))
        if self.system.loss is not None:
            fields["loss"] = self.system.loss
        residual, valid = indicator(self.analysis)
        known = self.analysis.discretisation
        cells = {"hj_indicator": residual, "valid": valid}
        write_vtkhdf(path, known.domain, fields, known.degree, cell_fields=cells)
        return Path(path)

    def __repr__(self) -> str:
        """Barriers with brackets, passage times with errors, checks."""
        return tables.paragraphs(self._parts())

    def _repr_html_(self) -> str:
        return tables.page(self._parts())

    def _parts(self) -> list[tables.Table | str]:
        wells, passes = len(self.places.attractors), len(self.places.passes)
        return [
            head_sentence(wells, passes, self.unknowns, self.accuracy),
            barrier_table(self.barriers),
            time_table(self.levels),
            *refusals(self.levels, self.refused),
            problem_sentences(self.checks, self.problems, self.notes),
        ]

    def __iter__(self) -> Iterator[Level]:
        """The levels, from the highest noise to the lowest."""
        return iter(self.levels)


def make_result(
    system: System,
    places: Places,
    epsilon: tuple[float, ...],
    found: Accurate,
    wanted: Wanted,
    values: Mapping[str, float | None] | None = None,
) -> Result:
    """A result of an analysis.  Collective.

    Args:
        system: Drift and diffusion.
        places: Attractors and passes.
        epsilon: The noise levels, as asked for.
        found: What the solver found.
        wanted: The escape that is asked for, whose checks decide.
        values: Values of further checks, made elsewhere.
    """
    analysis = found.analysis
    looked_at = findings(analysis, wanted)
    mine = worst(looked_at)
    further = {
        name: value for name, value in (values or {}).items() if name in CHECKS and mine.get(name) is None
    }
    refused = {what: one.reason for what, one in analysis.refused.items()}
    return Result(
        system=system,
        places=places,
        epsilon=epsilon,
        accuracy=found.accuracy,
        checks=make_checks(mine | further),
        problems=(*map(with_remedy, analysis.missing), *failed(looked_at, asked=True), *failures(further)),
        notes=(
            *shortfall_sentences(known_parts(analysis), box_parts(analysis), barrier_rows(analysis)),
            *shallow_sentences(depths(barrier_rows(analysis)), rate_rows(analysis)),
            *map(doubt, failed(looked_at, asked=False)),
        ),
        refused=refused,
        barriers=tuple(map(make_barrier, analysis.barriers, analysis.asymptotics)),
        analysis=analysis,
        _levels={e: make_level(analysis, level) for e, level in analysis.levels.items()},
        _potential=stitched_field(analysis),
        _wells=tuple(trusted_part(well) for well in analysis.wells),
    )
