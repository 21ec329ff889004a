"""Monte Carlo of mean first passage times, as an independent check."""

from __future__ import annotations

from typing import TypedDict, Unpack

import numpy as np
from mpi4py import MPI

from cases.notebook import arguments
from solver.fokker_planck.passage import TARGET_RADIUS
from solver.places.places import Places
from solver.simulation.first_passage import mean_first_passage
from solver.simulation.sampling import Sampling
from solver.simulation.survival import Simulation
from solver.simulation.tabulate import tabulate
from solver.simulation.targets import Ball
from solver.system import System


class Options(TypedDict, total=False):
    """What a simulation may be told beside its problem: see :class:`solver.simulation.sampling.Sampling`."""

    seed: int
    dt: float
    max_time: float
    max_steps: float
    comm: MPI.Intracomm | None


def simulate(
    system: System,
    places: Places,
    start: int,
    end: int,
    epsilon: float,
    paths: int = 2000,
    **options: Unpack[Options],
) -> Simulation:
    """Mean first passage time from one attractor to another, by simulation.  Collective.

    Paths of ``dX = b dt + √ε σ dW`` by a scheme of weak order two, until they enter the ellipsoid
    ``(x−x̄)ᵀΣ⁻¹(x−x̄) ≤ ε`` round the other attractor x̄, with Σ from its Lyapunov equation: the target of
    ``log_mfpt_direct``.  Steps are corrected for crossings in between by the probability of a Brownian bridge
    (E. Gobet, Stoch. Proc. Appl. 87 (2000) 167).  The faces of the box reflect.  The cost grows like
    ``exp(ΔV/ε)``: take ε above a tenth of the barrier.

    Args:
        system: Drift and diffusion.
        places: What :func:`quasipot.find_places` found.
        start: Number of a point attractor.
        end: Number of another one.
        epsilon: Noise level ε.
        paths: How many, over all ranks.
        options: ``seed`` (1; the result does not depend on the number of ranks), ``dt`` (chosen from the
            Jacobian), ``max_time`` and ``max_steps`` (2e8, of all paths together), ``comm`` (all ranks).

    Returns:
        ``log_mean`` of the passage time with its 95 % interval ``ci``, ``mean``, the survival curve
        ``times``, ``survival``, both ``(m,)``.

    Raises:
        ValueError: For a wrong argument.
        NotConverged: If too few paths arrive.

    Example:
        >>> import sympy as sp, quasipot as qp
        >>> x, = sp.symbols("x,")
        >>> system = qp.System.from_loss((x**2 - 1)**2 / 4, [x])
        >>> places = qp.find_places(system, [(-2, 2)])
        >>> found = qp.simulate(system, places, 0, 1, epsilon=0.2, paths=400)
        >>> low, high = found.ci
        >>> bool(low < 4.05 < high)
        True
    """
    arguments.check_system(system)
    arguments.check_places(places, system)
    first, last = (arguments.check_point("start", start, places), arguments.check_point("end", end, places))
    if first == last:
        raise arguments.complaint("end", "it is the attractor escaped from", "name another one")
    level = arguments.check_level(epsilon)
    arguments.check_options(options, Options.__annotations__)
    assert places.bounds is not None
    arguments.check_sound(system, places.bounds, some_directions=True)
    for name in ("dt", "max_time", "max_steps"):
        if name in options:
            arguments.check_positive(name, options[name])  # type: ignore[literal-required]
    if "seed" in options:
        arguments.check_count("seed", options["seed"], 0)
    given: Options = {**options, "comm": options.get("comm") or MPI.COMM_WORLD}
    sampling = Sampling(arguments.check_count("paths", paths, 1), **given)
    metric = np.linalg.inv(places.attractors[last].covariance(system))
    target = Ball(places.attractors[last].point, TARGET_RADIUS * float(np.sqrt(level)), metric)
    tabulated = tabulate(system, places.bounds)
    return mean_first_passage(tabulated, places.attractors[first].point, target, level, sampling)
