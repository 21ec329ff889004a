"""The barrier from the noise at its two ends only, as theories of stochastic gradient descent estimate it.

Xie, Sato and Sugiyama (*A diffusion theory for deep learning dynamics*, ICLR 2021, arXiv 2002.03495) have
for the escape time under ``A = |∇²U|``, in the conventions used here,

    E τ ≈ (2π/|h_s|) exp{ (2ΔU/ε) ( s/h_a + (1−s)/|h_s| ) },        0 < s < 1,

h_a and h_s the eigenvalues of ∇²U at the minimum and at the saddle in the escape direction e, s a
parameter of the path.  For any noise the exponent reads

    V(saddle) ≈ 2ΔU ( s/A_e(minimum) + (1−s)/A_e(saddle) ),         A_e = eᵀA e.

Assumptions: the way out is straight along e, what happens across it does not matter, and A_e has its value
at the minimum for a share s of the climb and that at the saddle for the rest.  With s = ½ it is the
trapezoidal rule for ``V = ∫ 2 dU/A_e``: exact where 1/A_e is an affine function of U, so for constant A_e.
"""

from __future__ import annotations

import numpy as np

from solver.system import Array, System


def two_point_barrier(
    system: System, attractor: Array, saddle: Array, direction: Array, share: float = 0.5
) -> float:
    """The barrier of a saddle from A at the attractor and at the saddle.  Not collective.

    Args:
        system: The system, with ``b = −∇U``.
        attractor: The minimum, ``(d,)``.
        saddle: The saddle, ``(d,)``.
        direction: The escape direction e: the unstable unit vector of the saddle, ``(d,)``.
        share: s, the share of the climb with the noise of the minimum.

    Returns:
        The estimate; infinite where the noise at one end does not act along e.

    Raises:
        ValueError: If the drift is no gradient (the system has no loss).
    """
    if system.loss is None:
        raise ValueError("the estimate needs a drift that is a gradient")
    ends = np.stack([attractor, saddle], axis=1)
    low, high = system.loss(ends)
    along = np.einsum("i,ijn,j->n", direction, system.diffusion(ends), direction)
    if not (along > 0.0).all():
        return float("inf")
    return float(2.0 * (high - low) * (share / along[0] + (1.0 - share) / along[1]))
