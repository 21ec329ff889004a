"""Linear stability of SGD at a global minimum: the largest learning rate at which it stays there.

At a minimum that fits every sample, the gradient of sample i is H_i x near it, and one step
``x ← x − (η/B) Σ_batch H_i x`` (a batch of B samples out of n, without replacement) changes the second
moment M = E x xᵀ to ``(I − 2ηC + η²D) M`` with

    C = (H⊗I + I⊗H)/2,    D = (1 − p) H⊗H + (p/n) Σ H_i⊗H_i,    p = (n − B)/(B (n − 1)),

H the mean of the H_i.  SGD is stable in mean square up to ``η* = 2/λ_max(C⁺D)`` (Mulayoff, Michaeli 2024,
arXiv 2306.07850), gradient descent up to ``2/λ_max(H)``; ``tr H ≤ 2/η`` (Wu, Su 2023, arXiv 2305.17490)
follows for B = 1 and need not hold for larger batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.system import Array


@dataclass(frozen=True)
class Stability:
    """Sharpness and largest stable learning rates at a global minimum.

    Attributes:
        trace: tr H.
        frobenius: ‖H‖_F.
        largest: λ_max(H).
        gradient_descent: ``2/λ_max(H)``.
        by_trace: ``2/tr H``.
        sgd: η* for the batch size asked for.
    """

    trace: float
    frobenius: float
    largest: float
    gradient_descent: float
    by_trace: float
    sgd: float


def stability(hessians: Array, batch_size: int = 1) -> Stability:
    """All of them at one minimum.

    Args:
        hessians: H_i of the samples, ``(n, d, d)``; of a continuous distribution, any equally weighted
            sample with its moments (see :func:`cases.landscapes.models.factorization.product_nodes`).
        batch_size: B, from 1 to n.

    Raises:
        ValueError: for a batch size out of range, or H_i that are not symmetric or vanish altogether.
    """
    mean = hessians.mean(axis=0)
    largest = float(np.linalg.eigvalsh(mean)[-1])
    trace = float(np.trace(mean))
    return Stability(
        trace,
        float(np.linalg.norm(mean)),
        largest,
        2.0 / largest,
        2.0 / trace,
        largest_stable_rate(hessians, batch_size),
    )


def largest_stable_rate(hessians: Array, batch_size: int = 1) -> float:
    """``η* = 2/λ_max(C⁺D)``; see :func:`stability`."""
    n, d = hessians.shape[:2]
    if not 1 <= batch_size <= n:
        raise ValueError(f"a batch of {batch_size} out of {n} samples")
    if not np.allclose(hessians, np.swapaxes(hessians, 1, 2)) or not np.any(hessians):
        raise ValueError("the Hessians of the samples must be symmetric, and not all zero")
    mean = hessians.mean(axis=0)
    p = 0.0 if n == 1 else (n - batch_size) / (batch_size * (n - 1))
    squares = np.einsum("nij,nkl->ikjl", hessians, hessians).reshape(d * d, d * d) / n
    spread = (1 - p) * np.kron(mean, mean) + p * squares
    # In the eigenbasis of H, C is diagonal: C⁺D is similar to a symmetric matrix where C > 0, and D
    # vanishes where C does, for samples with H_i ≥ 0.
    values, vectors = np.linalg.eigh(mean)
    basis = np.kron(vectors, vectors)
    damping = (values[:, None] + values[None, :]).ravel() / 2
    root = np.where(damping > 1e-12 * values[-1], 1 / np.sqrt(np.abs(damping) + 1e-300), 0.0)
    similar = root[:, None] * (basis.T @ spread @ basis) * root[None, :]
    return float(2.0 / np.linalg.eigvalsh(similar)[-1])


def gauss_newton(slopes: Array) -> Array:
    """H_i = ∇f_i ∇f_iᵀ of half squares at a perfect fit, from the slopes ``(n, d)`` of the outputs f_i."""
    return np.einsum("ni,nj->nij", slopes, slopes)
