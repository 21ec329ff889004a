"""Which directions noise reaches by way of the drift, where A itself has no full rank.

The linearised process ``dy = J y dt + √ε σ dW`` reaches every direction if and only if no left eigenvector of
J is orthogonal to the noise, ``ℓᵀJ = λℓᵀ`` and ``ℓᵀA = 0`` (the test of Popov, Belevitch and Hautus).  Then
the Lyapunov equation has a positive definite solution at an attractor, and V is smooth there, however
singular A is.  Along such an ℓ the process would be deterministic, and V infinite.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from solver.arrays import Array
from solver.system import System

#: Singular values of ``[J − λ, A]``, each of the two in units of its size, below which there is no noise.
#: Rounding leaves 1e-15; a direction that feels 1e-7 of the noise has a V 1e14 times as steep.
UNREACHED = 1e-7
#: Smallest eigenvalue of A over the largest, at a point, below which it has no full rank.
SINGULAR = 1e-12


def unreached(jacobian: Array, diffusion: Array) -> Array | None:
    """A unit vector along which the linearised process has no noise, ``(d,)``; None where there is none.

    Args:
        jacobian: J, ``(d, d)``.
        diffusion: A, ``(d, d)``.
    """
    size, strength = (float(np.abs(matrix).max()) or 1.0 for matrix in (jacobian, diffusion))
    worst, found = UNREACHED, None
    for value in np.linalg.eigvals(jacobian):
        rows = np.concatenate([(jacobian.T - value * np.eye(len(jacobian))) / size, diffusion / strength])
        _, singular, right = np.linalg.svd(rows)
        if singular[-1] < worst:
            worst, found = float(singular[-1]), right[-1].conj()
    if found is None:
        return None
    # of a complex pair, any vector of the plane will do
    part = max((found.real, found.imag), key=lambda v: float(np.linalg.norm(v)))
    part = part / np.linalg.norm(part)
    return np.asarray(part * np.sign(part[np.argmax(np.abs(part))]))


def is_singular(tensors: Array) -> bool:
    """Whether a tensor of ``(d, d, N)`` has no full rank anywhere."""
    if not tensors.shape[2]:
        return False
    values = np.linalg.eigvalsh(np.moveaxis(tensors, 2, 0))
    return bool((values[:, 0] <= SINGULAR * np.abs(values).max(axis=1)).any())


def stable_approach(system: System, saddle: Array) -> tuple[float, Array, Array, float]:
    """How a saddle with one unstable direction is reached by noise, to leading order.

    With ℓ the left eigenvector of J for λ₊ and ``ξ = ℓ·(x − x_s)``, the momentum of a path that ends at the
    saddle is ``p = −(2λ₊/ℓᵀAℓ) ξ ℓ``, and the rest of its cost ``(λ₊/ℓᵀAℓ) ξ²``.

    Returns:
        λ₊, ℓ ``(d,)``, the other right eigenvectors as rows of an orthonormal basis of their span
        ``(d − 1, d)``, and ``ℓᵀAℓ``.
    """
    jacobian = system.jacobian(saddle[:, None])[..., 0]
    values, left, _ = scipy.linalg.eig(jacobian, left=True)
    n = int(np.argmax(values.real))
    vector = np.real(left[:, n])
    vector = vector / np.linalg.norm(vector)
    gain = float(vector @ system.diffusion(saddle[:, None])[..., 0] @ vector)
    return float(values[n].real), vector, np.linalg.svd(vector[None])[2][1:], gain
