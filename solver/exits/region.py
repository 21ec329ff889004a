"""The sets that are left: the part of ``{g < 0}`` round an attractor, its mesh, and what can be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from dolfinx import mesh
from mpi4py import MPI
from numpy.typing import NDArray

from meshes.box import line
from meshes.cut import NothingToMesh, cut_out
from meshes.spacing import between_ends
from meshes.star import NotStarShaped, Unbounded, boundary_sample, star
from solver.elements.evaluate import Locator
from solver.elements.region import Region, whole
from solver.exits.backward import boundary_points, facet_middles
from solver.fokker_planck.landmarks import Pin
from solver.soundness import Fault, at_point
from solver.system import Array, Field

# cells from the attractor to the boundary: log T is right to 1e-4 in the plane, 1e-2 in space
SHELLS = {1: 12, 2: 12, 3: 5}
# the outermost shell is as thick as the layer at the boundary is wide, but no thinner than this part of an
# even one: cells in it would be slivers
LAYER, THINNEST = 1.0, 0.1
# points at which it is looked where a set on a line ends, and what is on a face of the box up to rounding
SURVEY, ON_WALL = 4000, 1e-9
# g relative to that at the attractor that is zero on a side of the box: rounding of an expression
AT_LEVEL = 1e-9
# g at another attractor above this part of its value at the first one is the boundary up to rounding
ROUNDING = 1e-9


@dataclass(frozen=True)
class ExitRegion:
    """The part of ``{g < 0}`` round an attractor.

    Attributes:
        level: g, ``(d, N) -> (N,)``, smooth; the part is seen from the attractor or, in 2D, of any shape.
        pin: The attractor, with its Lyapunov covariance.
        bounds: Box ``(d, 2)`` that contains it.
        shells: Number of cells from the attractor to the boundary; None: :data:`SHELLS`.
        walls: It may reach the box, which reflects where g < 0; in 1D and 2D.
        cycle: Points ``(n, d)`` along the attractor, if that is a cycle in the plane; the pin is one of them,
            and T that from there.
    """

    level: Field
    pin: Pin
    bounds: Array
    shells: int | None = None
    walls: bool = False
    cycle: Array | None = None

    @property
    def cells(self) -> int:
        """Number of cells from the attractor to the boundary."""
        return self.shells or SHELLS[len(self.bounds)]

    def mesh(self, epsilon: float, comm: MPI.Comm) -> mesh.Mesh:
        """Shells round the attractor, or cells cut out of a grid.  Collective.

        Args:
            epsilon: Lowest noise level, which sets the width of the layer at the boundary.
            comm: The ranks.

        Raises:
            Unbounded: If the set leaves the box.
            NotStarShaped: If the set is not seen from the attractor, in 1D and 3D.
            NothingToMesh: If the attractor is not in the set.
        """
        dim = len(self.bounds)
        if self.walls and dim == 1:
            ends = np.array(_segment(self.level, float(self.pin.point[0]), self.bounds[0]))
            return line(comm, between_ends(ends, 4 * self.cells, self.level(ends[None]) >= -self.zero))
        if self.walls:
            left = _sides_left_by(self.level, self.zero, self.bounds)
            return cut_out(comm, self.level, self.pin.point, self.bounds, 4 * self.cells, left)
        if self.cycle is not None:
            # shells round one of its points would be coarse at the others
            return cut_out(comm, self.level, self.pin.point, self.bounds, 4 * self.cells)
        try:
            layer = boundary_layer(self, epsilon, comm)
            return star(comm, self.level, self.pin.point, self.bounds, self.cells, layer=layer)
        except NotStarShaped as error:
            if dim != 2 or isinstance(error, Unbounded):
                raise
        return cut_out(comm, self.level, self.pin.point, self.bounds, 4 * self.cells)

    @property
    def zero(self) -> float:
        """What of g is zero but for rounding."""
        return AT_LEVEL * abs(float(self.level(self.pin.point[:, None])[0]))

    def without_walls(self, region: Region) -> Region:
        """The mesh of the set with no boundary but that which absorbs: a box that reflects is none.

        Where the set ends inside the box its boundary absorbs; on a side of the box that it reaches, what
        absorbs is ``g = 0``.  So ``g = a − x`` in a box from a on is left through that side of it: noise that
        vanishes at x = 0, as that of a population does, has no density or path beyond a, and a is extinction.
        """
        if not self.walls or not len(region.facets):
            return region
        middles = facet_middles(region)
        inside = self.level(middles) < -self.zero
        return replace(region, facets=region.facets[~(self.on_walls(middles) & inside)])

    def on_walls(self, x: Array) -> Array:
        """Which of the points ``(d, N)`` lie on the boundary of the box."""
        low, high = self.bounds[:, :1], self.bounds[:, 1:]
        return np.asarray((np.minimum(x - low, high - x) / (high - low)).min(axis=0) < ON_WALL)


def region_fault(
    region: ExitRegion,
    text: str,
    others: Sequence[Array],
    epsilon: float,
    comm: MPI.Comm,
    domain: mesh.Mesh | None = None,
    *,
    reflect: str = "",
) -> Fault | None:
    """What is wrong with a set, which must be meshed inside the domain and hold one attractor.  Collective.

    Args:
        region: The set.
        text: What it is, for people.
        others: The other attractors, points ``(d,)``.
        epsilon: A noise level.
        comm: The ranks.
        domain: The domain, if that is not the box.
        reflect: How one says that the set may reach the box, to be suggested.
    """
    centre = region.pin.point
    points = centre[None] if region.cycle is None else region.cycle
    inside = float(np.max(region.level(points.T)))
    if not inside < 0:
        what = "attractor" if region.cycle is None else "whole of the cycle through"
        return Fault(f"the {what} {at_point(centre)} is not in the set {text}", "enlarge the set")
    fix = "shrink it, or enlarge the domain"
    if reflect:
        fix += f"; or, where the process ends there by itself, {reflect}: the box reflects"
    beyond = Fault(f"the set {text} reaches the boundary of the domain", fix)
    try:
        found = region.mesh(epsilon, comm)
    except Unbounded:
        return beyond
    except NotStarShaped as error:
        space = len(centre) == 3
        fix = "in 3D a set must be seen from its attractor: use another one" if space else "shrink it"
        return Fault(f"the set {text} cannot be meshed: {error}", fix)
    except NothingToMesh as error:
        return Fault(f"the set {text} cannot be meshed: {error}", "enlarge it")
    if (fault := _edge_fault(region, text, found, domain, beyond)) is not None:
        return fault
    near = [point for point in others if region.level(point[:, None])[0] < ROUNDING * inside]
    if near:
        locator = Locator(found)
        held = locator.owners(locator.cells(np.array(near))) < comm.size
        if held.any():
            return Fault(
                f"the set {text} holds the attractor {at_point(near[int(np.argmax(held))])} too",
                "shrink it until it holds the starting attractor only",
            )
    return None


def _edge_fault(
    region: ExitRegion, text: str, found: mesh.Mesh, domain: mesh.Mesh | None, beyond: Fault
) -> Fault | None:
    """A set lies inside the domain; one that may end at the box has a boundary to be left by.  Collective."""
    if region.walls:
        left = region.without_walls(whole(found)).facets
        if found.comm.allreduce(len(left)):
            return None
        return Fault(
            f"the set {text} is all of the domain, which reflects: nothing is left by",
            "shrink it; a side of the box on which the expression is 0 is left by",
        )
    edge = boundary_points(whole(found))
    outside = domain is not None and _any_outside(domain, edge.T)
    return beyond if region.on_walls(edge).any() or outside else None


def _any_outside(domain: mesh.Mesh, points: Array) -> bool:
    locator = Locator(domain)
    return bool((locator.owners(locator.cells(points)) == domain.comm.size).any())


def _sides_left_by(level: Field, zero: float, bounds: Array) -> NDArray[np.bool_]:
    """The sides of a plane box on which somewhere g is zero beside points inside: ``(2, 2)``."""
    found = np.zeros((2, 2), dtype=bool)
    for k, end in np.ndindex(2, 2):
        side = np.empty((2, SURVEY))
        side[1 - k] = np.linspace(bounds[1 - k, 0], bounds[1 - k, 1], SURVEY)
        side[k] = bounds[k, end]
        beside = side.copy()
        beside[k] += (bounds[k, 1 - end] - bounds[k, end]) / SURVEY
        found[k, end] = ((level(side) >= -zero) & (level(beside) < -zero)).any()
    return found


def _segment(level: Field, centre: float, ends: Array) -> tuple[float, float]:
    """The interval round the centre in which g < 0, or up to where the domain ends."""
    found = []
    for end in ends:
        fractions = np.linspace(0.0, 1.0, SURVEY + 1)
        outside = level((centre + fractions * (end - centre))[None]) >= 0
        if outside[0]:
            raise NothingToMesh(f"the centre {centre:g} does not lie in the set")
        if not outside.any():
            found.append(float(end))
            continue
        n = int(np.argmax(outside))
        low, high = fractions[n - 1], fractions[n]
        for _ in range(60):
            middle = 0.5 * (low + high)
            beyond = level(np.array([[centre + middle * (end - centre)]]))[0] >= 0
            low, high = (low, middle) if beyond else (middle, high)
        found.append(float(centre + 0.5 * (low + high) * (end - centre)))
    return found[0], found[1]


def boundary_layer(region: ExitRegion, epsilon: float, comm: MPI.Comm) -> float:
    """Thickness of the outermost shell over an even one, to resolve a layer of width ε/|∇V|.  Collective.

    With V ≈ ½yᵀΣ⁻¹y the width is ε/(2V) of the way from the attractor.

    Raises:
        NotStarShaped: As :func:`meshes.star.star`.
    """
    pin = region.pin
    ends = boundary_sample(region.level, pin.point, region.bounds, comm) - pin.point[:, None]
    potential = 0.5 * np.einsum("in,in->n", ends, np.linalg.solve(pin.covariance, ends))
    return float(np.clip(LAYER * region.cells * epsilon / np.median(potential), THINNEST, 1.0))
