"""Saddles at which the noise vanishes along the way out: there is no barrier there to speak of.

Near a saddle let ℓ be the unit left eigenvector of ∇b for its positive eigenvalue λ, so that the distance
ξ = ℓ·(x − x_s) from the separatrix obeys ``dξ = λξ dt + √ε (ℓᵀAℓ)^{1/2} dW``.  Where ``ℓᵀAℓ = c ξ²`` on the
unstable direction, the action of coming down that line to the distance ξ₀ grows like ``(2λ/c) log(1/ξ₀)``: it
diverges, Kramers' formula means nothing, and SGD with a small learning rate does not cross there.  With a
floor, A + δ I, the barrier is finite, and the action of that line grows by λ/c per e-fold of a smaller δ.
(The least action may be that of another path, further from the saddle, and grow otherwise.)

Minima exchanged by a parameter symmetry that leaves the output of a model unchanged are separated by such a
saddle, because every per-sample gradient vanishes there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cases.base.errors import CaseError
from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape
from cases.noise import tensors as noise
from cases.noise.vanishing_edge import vanishing_edge
from solver.drift.connections import Saddle, connections
from solver.drift.fixed_points import fixed_points
from solver.errors import DegenerateFixedPoints
from solver.system import Array, Field, System, constant_tensor

# ℓᵀAℓ at the saddle, relative to the mean eigenvalue of A at the starting attractor, below which it is zero
VANISHING = 1e-10
# relative to the way from the start
STEP = 1e-3


@dataclass(frozen=True)
class VanishingNoise:
    """A saddle at which A vanishes along the unstable direction.

    Attributes:
        saddle: Index of the saddle.
        point: Where it is, ``(d,)``.
        relative: ℓᵀAℓ there over the mean eigenvalue of A at the start.
        growth: λ/c, by which the action of the unstable line grows per e-fold of a smaller floor;
            infinite where ``ℓᵀAℓ`` vanishes faster than ξ².
    """

    saddle: int
    point: Array
    relative: float
    growth: float

    def complaint(self, noise: str) -> tuple[str, str]:
        """What to tell the user: the problem and what to do."""
        at = "(" + ", ".join(f"{value:.4g}" for value in np.round(self.point, 9) + 0.0) + ")"
        return (
            f"A vanishes along the unstable direction at the saddle {at}: the action over it diverges, there "
            "is no barrier to report",
            f"give noise.{noise}.floor to see the barrier as a function of it",
        )


def vanishing_noise(diffusion: Field, saddles: Sequence[Saddle], start: Array) -> list[VanishingNoise]:
    """The saddles at which this noise vanishes along the way out.

    Args:
        diffusion: A, ``(d, N) -> (d, d, N)``.
        saddles: The saddles of the drift.
        start: The starting attractor, ``(d,)``, whose A sets the scale.
    """
    scale = float(np.trace(diffusion(start[:, None])[:, :, 0])) / start.size
    found = []
    for index, saddle in enumerate(saddles):
        left = left_eigenvector(saddle.fixed_point.jacobian, saddle.unstable_eigenvalue)
        at = float(left @ diffusion(saddle.point[:, None])[:, :, 0] @ left)
        if not abs(at) <= VANISHING * scale:  # NaN is no zero either
            continue
        way = saddle.unstable_eigenvector
        size = float(np.linalg.norm(saddle.point - start)) or 1.0
        sides = saddle.point[:, None] + STEP * size * np.outer(way, [-1.0, 1.0])
        near = np.einsum("i,ijn,j->n", left, diffusion(sides), left).mean()
        # of ℓᵀAℓ = c ξ², with ξ in units of the size
        curvature = float(near) / (STEP * float(left @ way)) ** 2
        grows = curvature > VANISHING * scale
        growth = saddle.unstable_eigenvalue * size**2 / curvature if grows else float("inf")
        relative = at / scale if scale > 0 else 0.0  # A may vanish at the attractor as well
        found.append(VanishingNoise(index, saddle.point, relative, growth))
    return found


def left_eigenvector(jacobian: Array, eigenvalue: float) -> Array:
    """The unit left eigenvector of ∇b for a simple real eigenvalue, ``(d,)``."""
    values, vectors = np.linalg.eig(jacobian.T)
    vector = np.real(vectors[:, int(np.argmin(np.abs(values - eigenvalue)))])
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float64)


def refuse_vanishing(
    case: Case, diffusions: Mapping[str, Field], saddles: Sequence[Saddle], start: Array
) -> None:
    """Refuse a case with a noise that vanishes at a saddle along the way out.

    Args:
        case: The case.
        diffusions: A of its noises.
        saddles: The saddles of the drift.
        start: The starting attractor, ``(d,)``.

    Raises:
        CaseError: naming the noise and the saddle.
    """
    for name, diffusion in diffusions.items():
        for found in vanishing_noise(diffusion, saddles, start)[:1]:
            raise case.error(f"noise.{name}.diffusion", *found.complaint(name))


def explained(case: Case, landscape: Landscape, error: CaseError) -> CaseError:
    """The complaint that a noise vanishes on a side or at a saddle if that is behind this one, else this one.

    A noise that is no covariance somewhere in the domain is refused before anything is known of fixed
    points; where it vanishes at a saddle as well, that is what matters.

    Raises:
        NotNormalisable: Where it vanishes at an attractor.
    """
    # this one loads DOLFINx, which checking a case does without
    from cases.noise.no_density import refuse_collapse

    if case.domain.bounds is None:
        return error
    if (edge := vanishing_edge(case, landscape)) is not None:
        return edge
    still = System(
        landscape.dim, landscape.drift, landscape.jacobian, *constant_tensor(np.eye(landscape.dim))
    )
    bounds = [(low, high) for low, high in case.domain.bounds]
    try:
        points = fixed_points(still, bounds)
        attractors = [p.point for p in points if p.kind == "attractor"]
        written = {
            name: noise.build(case, landscape, name, None).diffusion
            for name, table in case.noise.items()
            if not noise.needs_start(table)
        }
        if attractors:
            refuse_collapse(case, landscape, attractors)
            refuse_vanishing(case, written, connections(still, points, bounds), attractors[0])
    except CaseError as better:
        return better
    except DegenerateFixedPoints:
        pass
    return error
