"""Losses over a data set: exact mean loss, derivatives, and the covariance of per-sample gradients.

For a per-sample loss ℓ(θ; z) given as one sympy expression, and a penalty r(θ) that every sample
shares, with g_k = ∇ℓ(θ; z_k), H_k = ∇∇ℓ(θ; z_k) and bars for means over the n samples:

    loss = ℓ̄ + r,      A = (1/n) Σ g_k g_kᵀ − ḡ ḡᵀ,
    (∇·A)_i = (1/n) Σ_k [H_k g_k + tr(H_k) g_k]_i − [H̄ ḡ + tr(H̄) ḡ]_i.

The penalty drops out of A.  All of it comes from passes over the samples per point, in loops that numba
compiles from the expression (:mod:`cases.landscapes.sample_kernels`), so memory does not grow with points
times samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp

from cases.expressions.parse import symbols
from cases.landscapes import sample_kernels as kernels
from solver import symbolic
from solver.laws.cumulant import CumulantLaw
from solver.system import Array, Field


@dataclass(frozen=True)
class Samples:
    """A data set's loss in d parameters; functions take points ``(d, N)``.

    Attributes:
        size: Number of samples n.
        data: The data columns, ``(m, n)``.
        loss: Mean loss with the penalty, ``(N,)``.
        gradient: Its gradient, ``(d, N)``.
        hessian: Its second derivatives, ``(d, d, N)``.
        covariance: Covariance A of the per-sample gradients, ``(d, d, N)``.
        covariance_slope: ``∂A_ij/∂x_k``, ``(d, d, d, N)`` with k last but one.
        divergence: ∇·A, ``(d, N)``.
        sample_gradient: numba-compiled ``(theta (d,), index, out (d,)) -> None``: the gradient of
            the loss of one sample, penalty included; what minibatch SGD averages.
        law: The large-deviation law of minibatch SGD, from these gradients.
    """

    size: int
    data: Array
    loss: Field
    gradient: Field
    hessian: Field
    covariance: Field
    covariance_slope: Field
    divergence: Field
    sample_gradient: kernels.SampleGradient
    law: CumulantLaw


def build(loss: sp.Expr, penalty: sp.Expr, parameters: Sequence[str], columns: dict[str, Array]) -> Samples:
    """Compile a per-sample loss.

    Args:
        loss: ℓ in symbols of the parameters and of the data columns.
        penalty: r in symbols of the parameters.
        parameters: Names of the d parameters.
        columns: The data, one array ``(n,)`` per name used in ``loss``.
    """
    thetas = symbols(parameters)
    d = len(thetas)
    data = np.ascontiguousarray(np.stack(list(columns.values())), dtype=np.float64)
    all_moments = kernels.moments(loss, thetas, symbols(list(columns)), data)
    mean = kernels.mean_loss(loss, thetas, symbols(list(columns)), data)
    spread, bend = kernels.covariance_and_slope(loss, thetas, symbols(list(columns)), data)
    upper = [(i, j) for i in range(d) for j in range(i, d)]
    gradients = kernels.all_gradients(loss + penalty, thetas, symbols(list(columns)), data)
    hessian = kernels.weighted_hessian(loss + penalty, thetas, symbols(list(columns)), data)
    shared = symbolic.gradient(penalty, thetas)
    value_of, slope_of, curvature_of = (
        symbolic.to_numpy(item, thetas) for item in (penalty, shared, symbolic.jacobian(shared, thetas))
    )
    starts = np.cumsum([0, d, len(upper), d])

    def part(x: Array, k: int) -> Array:
        return all_moments(x)[starts[k] : starts[k + 1]]

    def tensor(entries: Array) -> Array:
        out = np.empty((d, d, entries.shape[1]))
        for entry, (i, j) in zip(entries, upper, strict=True):
            out[i, j] = out[j, i] = entry
        return out

    def slopes(x: Array) -> Array:
        entries = bend(x)
        return np.stack([tensor(entries[k::d]) for k in range(d)], axis=2)

    return Samples(
        size=data.shape[1],
        data=data,
        loss=lambda x: mean(x) + value_of(x),
        gradient=lambda x: part(x, 0) + slope_of(x),
        hessian=lambda x: tensor(part(x, 1)) + curvature_of(x),
        covariance=lambda x: tensor(spread(x)),
        covariance_slope=slopes,
        divergence=lambda x: part(x, 2).copy(),
        sample_gradient=kernels.sample_gradient(loss + penalty, thetas, symbols(list(columns)), data),
        law=CumulantLaw(d, lambda x: -gradients(x), lambda x, weights: -hessian(x, weights)),
    )
