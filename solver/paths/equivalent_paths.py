"""How many equivalent instantons lead over one saddle: mirror images of equal cost.

Where the optimal path breaks the symmetry of the system (Maier and Stein, J. Stat. Phys. 83 (1996) 291:
β > 4) there are two of them, each with the same prefactor, and the escape rate is their sum.  The mirror
image of a path is sought by turning it by half a circle about the chord from the attractor to the saddle, and
polishing.  It counts if it stays apart, at the same cost.  Costs that differ by little, but differ, are not
equivalent: as ε → 0 the cheaper path has all the weight.
"""

from __future__ import annotations

import numpy as np

from solver.errors import NotConverged
from solver.hamilton_jacobi.cycle_expansion import Local
from solver.paths.instanton import Instanton, cost, instanton, rough_path
from solver.system import Array, System

# relative difference of the costs of equivalent paths
EQUAL = 1e-6
# distance from the chord, and between paths, relative to its length, from which on paths are not the same
APART = 0.02
SAMPLES = 401
# a mirror image whose cost is above by this much with few modes is not of the same cost with more
DEARER = 0.02


def mirrored(points: Array) -> Array:
    """A polyline ``(n, d)`` turned by half a circle about its chord; in the plane, its mirror image."""
    chord = points[-1] - points[0]
    along = (points - points[0]) @ chord / (chord @ chord)
    return np.asarray(2.0 * (points[0] + along[:, None] * chord) - points)


def equivalent_paths(system: System, expansion: Local, path: Instanton) -> int:
    """1, or 2 where the path has a mirror image of the same cost.  Not collective: all ranks agree.

    Args:
        system: The system.
        expansion: V near the attractor.
        path: The instanton, from a point attractor.
    """
    points = path.points
    scale = float(np.linalg.norm(points[-1] - points[0]))
    image = mirrored(points)
    if np.linalg.norm(image - points, axis=1).max() < 2.0 * APART * scale:
        return 1
    rough = rough_path(system, expansion, image)
    if cost(system, expansion, rough) > (1.0 + DEARER) * path.action:
        return 1
    # the search from the image often ends at the path itself, and few modes show that
    s = np.linspace(-1.0, 1.0, SAMPLES)
    if _apart(path.path(s).T, rough(s).T) <= APART * scale:
        return 1
    try:
        other = instanton(system, expansion, [image])
    except NotConverged:
        return 1
    if abs(other.action - path.action) > EQUAL * path.action:
        return 1
    return 2 if _apart(points, other.points) > APART * scale else 1


def _apart(points: Array, others: Array) -> float:
    """Largest distance of points ``(n, d)`` from the nearest of others ``(m, d)``."""
    return float(np.linalg.norm(points[:, None] - others[None], axis=-1).min(axis=1).max())
