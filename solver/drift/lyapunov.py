"""Linear theory at a fixed point: the quadratic part of the quasi-potential."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from solver.system import Array


def covariance(jacobian: Array, diffusion: Array) -> Array:
    """The solution Σ of the Lyapunov equation ``JΣ + ΣJᵀ + A = 0``, shape ``(d, d)``.

    At an attractor, εΣ is the covariance of the linearised process and ``V ≈ ½ (x−x̄)ᵀ Σ⁻¹ (x−x̄)``;
    at a saddle, Σ⁻¹ is the Hessian of V on the side of the instanton (indefinite, unique as long as no
    two eigenvalues of J add up to zero).

    Args:
        jacobian: J = ∇b at the fixed point.
        diffusion: A at the fixed point.
    """
    solution = scipy.linalg.solve_continuous_lyapunov(jacobian, -diffusion)
    return np.asarray(0.5 * (solution + solution.T))


def hessian(jacobian: Array, diffusion: Array) -> Array:
    """Hessian ``Σ⁻¹`` of the quasi-potential at a fixed point, see :func:`covariance`."""
    inverse = np.linalg.inv(covariance(jacobian, diffusion))
    return np.asarray(0.5 * (inverse + inverse.T))
