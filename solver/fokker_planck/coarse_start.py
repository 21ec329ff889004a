"""A continuation in the noise level that starts from a density on another mesh.

The high levels of a continuation fill the whole domain and need no resolution: in three dimensions they are
best done on a coarse mesh, from which the fine one starts, at once in the sublevel set of the passes.
"""

from __future__ import annotations

import numpy as np
from dolfinx import fem

from solver.elements.coefficients import Coefficients, all_cells
from solver.elements.discretisation import Discretisation
from solver.elements.evaluate import Locator
from solver.elements.region import cell_values, cells_near, component, make_region
from solver.fokker_planck.continuation import StationaryDensity, next_gauge
from solver.fokker_planck.landmarks import Landmarks


def carried_over(
    start: StationaryDensity, discretisation: Discretisation, landmarks: Landmarks, epsilon: float
) -> tuple[fem.Function, Coefficients]:
    """``W − ε log q`` of a density on another mesh, and the region for the next noise level.  Collective.

    Args:
        start: The density, on a mesh of the same domain.
        discretisation: The system on the mesh on which to go on.
        landmarks: Attractors and passes.
        epsilon: The next noise level.

    Raises:
        NotConverged: If an attractor would be left out.
    """
    gauge, part = next_gauge(start, landmarks, Locator(start.coefficients.domain), epsilon)
    space, domain, result = discretisation.space, discretisation.domain, fem.Function(discretisation.space)
    result.name = "W"
    cells = all_cells(domain)
    links = fem.create_interpolation_data(space, gauge.function_space, cells, padding=1e-8)
    result.interpolate_nonmatching(gauge, cells, interpolation_data=links)
    result.x.scatter_forward()
    low = np.asarray(cell_values(result).min(axis=1) < (np.inf if part.fade is None else part.fade.top))
    seeds = np.any([cells_near(domain, pin.point) for pin in landmarks.pins], axis=0)
    region = make_region(domain, component(domain, low, seeds))
    return result, discretisation.coefficients.on(region, part.fade)
