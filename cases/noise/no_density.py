"""Cases that have no stationary density: said in one line, with exit code 3, instead of computing one.

Two ways are recognised (:mod:`solver.fokker_planck.existence`): the noise vanishes at an attractor, so that
all paths collapse onto it; or the minima fill a curve that leaves the domain, along which the mass of the
density does not fall.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from dolfinx.mesh import Mesh

from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape
from cases.noise import tensors as noise
from solver.elements.evaluate import bounding_box
from solver.fokker_planck.existence import NotNormalisable, require_density, tail
from solver.system import Array


def refuse_collapse(case: Case, landscape: Landscape, attractors: Sequence[Array]) -> None:
    """Refuse noises, of those that are known beforehand, that vanish at an attractor.

    Raises:
        NotNormalisable: naming the noise and the attractor.
    """
    for name, table in case.noise.items():
        if not noise.needs_start(table):
            system = noise.system_for(landscape, noise.build(case, landscape, name, None))
            check = partial(require_density, system, attractors, None, _size(case))
            _named(case, name, check)


def refuse_open_valley(case: Case, landscape: Landscape, domain: Mesh) -> None:
    """Refuse minima on a curve along which no density falls, at the highest noise level.  Collective.

    Raises:
        NotNormalisable: naming the noise.
    """
    if not case.compare.epsilon:
        return
    low, high = bounding_box(domain)
    centre = 0.5 * (np.asarray(low) + np.asarray(high))
    for name, one in noise.scaled(case, landscape, centre).items():
        found = tail(one.system, domain, max(case.compare.epsilon), case.mesh.degree, centre)
        _named(case, name, partial(require_density, one.system, [], found))


def _size(case: Case) -> float:
    """The shortest side of the box; one for a mesh file, which is looked at before it is read."""
    return min((high - low for low, high in case.domain.bounds or []), default=1.0)


def _named(case: Case, name: str, check: Callable[[], None]) -> None:
    try:
        check()
    except NotNormalisable as error:
        raise NotNormalisable(str(case.error(f"noise.{name}", str(error), ""))) from None
