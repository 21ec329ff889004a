"""Densities that evolve in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np
import sympy as sp
from mpi4py import MPI
from numpy.typing import ArrayLike

from cases.base.numbers import number
from cases.notebook import arguments, tables
from cases.notebook.describe import check_sentence
from cases.notebook.parts import Check, make_checks
from cases.results.stage_checks import transient_checks
from meshes.box import box as box_mesh
from meshes.form_cache import share
from solver.analysis.evaluation import values_at
from solver.analysis.tolerance import Mesh
from solver.elements.evaluate import Locator
from solver.evolution.followed import CELLS, Followed, InitialValueProblem, follow
from solver.evolution.transient import TimeOptions
from solver.output.vtkseries import write_series
from solver.places.places import Places
from solver.system import Array, System


@dataclass(frozen=True, repr=False)
class Snapshots:
    """A density at m times, of ``∂ₜp = −∇·(b p) + (ε/2) ∇∇:(A p)``.

    Attributes:
        epsilon: ε.
        times: ``(m,)``, in the unit of the time of the drift.
        mean: ``E x``, ``(m, d)``.
        covariance: ``Cov x``, ``(m, d, d)``.
        error: Estimated errors of the densities, ``(m,)``: the total variation distance to those of elements
            of one degree less.
        distance: ``½∫|p(t) − p_∞| dx`` from the stationary density, ``(m,)``; NaN where that is not to be
            had.
        rate: The rate at which it decays in the end, the eigenvalue λ₂ of the generator; NaN as above.
        why: Why there is no distance and no rate; None where there are both.
        checks: The checks that the command line makes too.
    """

    epsilon: float
    times: Array
    mean: Array
    covariance: Array
    error: Array
    distance: Array
    rate: float
    why: str | None
    checks: tuple[Check, ...]
    _names: tuple[str, ...]
    _followed: Followed
    _locator: Locator

    @property
    def ok(self) -> bool:
        """Whether all checks hold."""
        return all(check.good for check in self.checks)

    def density(self, points: ArrayLike) -> Array:
        """p at all times, ``(m, n)``, at points ``(n, d)``; NaN outside the box.  Collective.

        Raises:
            ValueError: For points of another shape.
        """
        rows, shape = arguments.check_points(points, self.mean.shape[1])
        densities = self._followed.evolution.densities
        return np.array([values_at(p, rows, self._locator).reshape(shape) for p in densities])

    def expectation(self, function: Callable[[Array], Array]) -> Array:
        """``∫ f p dx`` at all times, ``(m,)``, of a function of points ``(n, d) -> (n,)``.  Collective.

        Raises:
            ValueError: If it is no such function.
        """
        return self._followed.expectation(arguments.check_plain("function", function, self.mean.shape[1]))

    def to_vtk(self, path: str | Path) -> Path:
        """Write the densities to a VTKHDF file, which ParaView plays as an animation.  Collective.

        Raises:
            FileNotFoundError: If there is no such folder.
        """
        densities = self._followed.evolution.densities
        degree = int(densities[0].function_space.ufl_element().degree)
        write_series(path, self.times, {"density": densities}, degree)
        return Path(path)

    def __repr__(self) -> str:
        """Moments at all times, how far the density is from the stationary one, and the checks."""
        return tables.paragraphs(self._parts())

    def _repr_html_(self) -> str:
        return tables.page(self._parts())

    def _parts(self) -> list[tables.Table | str]:
        names = [f"{what} {name}" for what in ("E", "Var") for name in self._names]
        rows = [
            [f"{t:g}", *(number(v) for v in [*mean, *np.diag(spread)]), number(far, 3), number(error, 1)]
            for t, mean, spread, far, error in zip(
                self.times, self.mean, self.covariance, self.distance, self.error, strict=True
            )
        ]
        decay = f"decay rate {number(self.rate, 5)}" if self.why is None else f"not given: {self.why}"
        table = tables.Table(("t", *names, "from p_∞", "error"), rows)
        return [table, decay, check_sentence(self.checks)]


class EvolveOptions(TypedDict, total=False):
    """What :func:`evolve` may be told beside its problem."""

    tolerance: float
    step: float | None
    comm: MPI.Comm | None


def evolve(
    system: System,
    box: Sequence[tuple[float, float]] | Places,
    start: tuple[ArrayLike, ArrayLike] | Callable[[Array], Array] | sp.Expr,
    epsilon: float,
    times: Sequence[float],
    mesh: Mesh | None = None,
    **options: Unpack[EvolveOptions],
) -> Snapshots:
    """The density at given times, from a given one at time 0.  Collective.

    Solves the Fokker–Planck equation ``∂ₜp = −∇·(b p) + (ε/2) ∇∇:(A p)`` with no flux through the faces of
    the box: continuous finite elements, and in time the L-stable SDIRK method of order 4 of E. Hairer,
    G. Wanner, *Solving Ordinary Differential Equations II*, table IV.6.5, with controlled steps.

    Args:
        system: Drift and diffusion.
        box: ``[(low, high), …]``, or places, for their box.
        start: The density at time 0: ``(mean, covariance)`` of a normal one, of shapes ``(d,)`` and
            ``(d, d)``; a function of points ``(n, d) -> (n,)``, not collective; or a sympy expression of the
            coordinates.  It is scaled to mass one.
        epsilon: Noise level ε.
        times: Increasing, from 0 on; 0 gives the projection of the start.
        mesh: :class:`quasipot.Mesh` with the cells along the longest side (default 128 on the line, 32 in
            the plane, 12 in space) and the degree of the elements.
        options: ``tolerance`` (1e-7, of the time steps, relative), ``step`` (a time step: then the scheme of
            second order that is never negative, on linear elements), ``comm`` (all ranks).

    Returns:
        The snapshots; the repr is a table.

    Raises:
        ValueError: For a wrong argument.
        NotConverged: If a density becomes negative (the mesh does not resolve it), or a linear solve fails.

    Example:
        >>> import sympy as sp, quasipot as qp
        >>> x, = sp.symbols("x,")
        >>> system = qp.System.from_drift([-x], [x])                      # Ornstein–Uhlenbeck
        >>> found = qp.evolve(system, [(-2.5, 2.5)], (1.0, 0.04), epsilon=0.2, times=[0, 1])
        >>> print(f"{found.mean[1, 0]:.6f}")                              # e⁻¹
        0.367879
        >>> print(f"{found.covariance[1, 0, 0]:.6f}")                     # 0.1 − 0.06 e⁻²
        0.091880
    """
    arguments.check_system(system)
    bounds = arguments.check_places(box, system).bounds if isinstance(box, Places) else box
    sides = arguments.check_box(bounds, system.dim)
    density = arguments.check_start(start, system, sides)
    level, instants = arguments.check_level(epsilon), arguments.check_times(times)
    how = arguments.check_mesh(mesh) or Mesh()
    arguments.check_options(options, EvolveOptions.__annotations__)
    tolerance = arguments.check_positive("tolerance", options.get("tolerance", TimeOptions.tolerance))
    step = options.get("step")
    if step is not None:
        arguments.check_positive("step", step)
    arguments.check_sound(system, sides)
    share()
    comm = options.get("comm") or MPI.COMM_WORLD
    domain = box_mesh(comm, sides, how.resolution or CELLS[system.dim])
    found = follow(
        InitialValueProblem(system, level, density, instants),
        domain,
        how.degree,
        options=TimeOptions(tolerance=tolerance, step=step, linear=how.petsc),
        positive=step is not None,
        estimate=True,
    )
    names = system.coordinates or tuple(f"x{n}" for n in range(system.dim))
    return _snapshots(level, names, found, Locator(domain))


def _snapshots(epsilon: float, names: tuple[str, ...], found: Followed, locator: Locator) -> Snapshots:
    times = found.evolution.times
    nothing, approach = np.full(times.shape, np.nan), found.approach
    why = None if approach is None else approach.refusal
    if approach is None:
        why = "the way to the stationary density is looked at after time 0, with controlled steps only"
    known = approach is not None and approach.refusal is None
    return Snapshots(
        epsilon=epsilon,
        times=times,
        mean=found.means,
        covariance=found.covariances,
        error=nothing if found.errors is None else found.errors,
        distance=approach.distances if known and approach is not None else nothing,
        rate=float("nan") if approach is None or approach.eigenvalue is None else approach.eigenvalue,
        why=why,
        checks=make_checks(transient_checks(found.evolution)),
        _names=names,
        _followed=found,
        _locator=locator,
    )
