"""Finding places, and solving for V, densities and rates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mpi4py import MPI

from cases.notebook import arguments
from cases.notebook.result import Result, make_result
from cases.results.findings import Wanted
from meshes.form_cache import share
from solver.analysis.driven_well import unreached_direction
from solver.analysis.tolerance import Mesh, analyse_to
from solver.errors import DegenerateFixedPoints, UnsuitableDomain
from solver.places.places import Places
from solver.places.search import find_places as search
from solver.system import System


def find_places(
    system: System, box: Sequence[tuple[float, float]], *, comm: MPI.Comm | None = None
) -> Places:
    """All attractors, passes and other fixed points of the drift in a box.  Collective.

    Zeros of b by subdivision with an interval test, checked by the topological degree; stable and unstable
    limit cycles; which basins a pass connects by following its unstable curves.

    Args:
        system: The system; its noise does not matter here.
        box: ``[(low, high), …]``, one pair for each coordinate; it is the domain of all that follows.
        comm: The MPI ranks; default all.

    Returns:
        The places; their repr is a table.  ``attractors`` and ``passes`` are numbered from 0, each with
        ``point``, ``(d,)``, and ``points``, ``(n, d)``, along a cycle.

    Raises:
        ValueError: For a wrong argument, or a drift that is not finite in the box.
        UnsuitableDomain: If there is no attractor in the box, or one on its boundary.
        DegenerateFixedPoints: If zeros of the drift are not isolated.
        NotConverged: If the search and the topological degree do not agree.

    Example:
        >>> import sympy as sp, quasipot as qp
        >>> x, y = sp.symbols("x y")
        >>> system = qp.System.from_loss((x**2 - 1)**2 / 4 + y**2 / 2, [x, y])
        >>> qp.find_places(system, [(-1.8, 1.8), (-1.2, 1.2)])
        attractor  kind   at       passes
        0          point  (-1, 0)  0
        1          point  (1, 0)   0
        <BLANKLINE>
        pass  kind    at      between
        0     saddle  (0, 0)  0 and 1
    """
    arguments.check_system(system)
    bounds = arguments.check_box(box, system.dim)
    arguments.check_sound(system, bounds, noise=False)
    try:
        return search(system, bounds, None, comm)
    except DegenerateFixedPoints as error:
        fix = "make the minima isolated, for example by a small L2 term"
        raise DegenerateFixedPoints(f"system: {error}; {fix}") from None
    except UnsuitableDomain as error:
        raise UnsuitableDomain(f"box: {error}; enlarge the domain") from None


def solve(
    system: System,
    places: Places,
    epsilon: float | Sequence[float] = (),
    tolerance: float = 1e-3,
    *,
    mesh: Mesh | None = None,
    monitor: Callable[[str], None] | None = None,
    comm: MPI.Comm | None = None,
) -> Result:
    """Quasi-potential, barriers, stationary densities and escape rates of one system.  Collective.

    Solves ``b·∇V + ½∇VᵀA∇V = 0`` by policy iteration on finite elements with SUPG, for every attractor;
    barriers are actions of polished minimum-action paths, with a lower bound from a subsolution; densities
    ``∇·(b p) = (ε/2) ∇∇:(A p)`` in gauge form, ``p = q e^{−W/ε}``; rates from fluxes, in logarithms.
    Source: M. I. Freidlin, A. D. Wentzell, *Random Perturbations of Dynamical Systems*, ch. 4 and 6; the
    theory pages of the documentation have the equations with those of the discretisation.

    Args:
        system: Drift and diffusion.
        places: What :func:`quasipot.find_places` found; its box is the domain.
        epsilon: Noise levels for densities and rates; ``[]``: only V and barriers.
        tolerance: Largest accepted estimated error, relative for V, barriers and densities, absolute for
            log T.  The mesh is made finer until it is met, or until it is clear that it will not be;
            ``result.unmet`` then says why.
        mesh: What meshes are made: :class:`quasipot.Mesh` (a resolution of your own, the degree, a limit).
        monitor: Called with a line about what is being done.
        comm: The MPI ranks; default all.

    Returns:
        The result; its repr is a table.

    Raises:
        ValueError: For a wrong argument, or a drift or diffusion that cannot be solved with.
        NotConverged: If no mesh gives a result.

    Example:
        >>> import sympy as sp, quasipot as qp
        >>> x, = sp.symbols("x,")
        >>> system = qp.System.from_loss((x**2 - 1)**2 / 4, [x])
        >>> places = qp.find_places(system, [(-2, 2)])
        >>> result = qp.solve(system, places, epsilon=0.1)
        >>> print(f"{result.barrier(0, 1).value:.6f}")                    # 2 ΔU
        0.500000
        >>> print(f"{result.at(0.1).log_mfpt[0, 1]:.3f}")
        6.591
    """
    arguments.check_system(system)
    arguments.check_places(places, system)
    levels = arguments.check_levels(epsilon)
    wanted = arguments.check_positive("tolerance", tolerance)
    how = arguments.check_mesh(mesh)
    assert places.bounds is not None
    arguments.check_sound(system, places.bounds, some_directions=True)
    if (unreached := unreached_direction(system, places)) is not None:
        raise arguments.complaint(
            "system", unreached, "change A or the drift, or add system.with_floor(delta)"
        )
    share()
    found = analyse_to(system, places, levels, wanted, how, comm=comm, monitor=monitor or (lambda _: None))
    pair = (0, 1) if len(places.attractors) > 1 else None
    return make_result(system, places, levels, found, Wanted(pair, named=False))
