"""The stochastic system: drift and diffusion as vectorised functions of position.

The whole solver sees a problem only through :class:`System`: the Itô equation

    dX = b(X) dt + √ε σ(X) dW,        A(x) = σ(x) σ(x)ᵀ,

given by NumPy functions of an array of points of shape ``(d, N)``.  Where the functions come from
(expressions, data, tables) is of no concern here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
Field = Callable[[Array], Array]


@dataclass(frozen=True)
class System:
    """Drift b and diffusion tensor A of ``dX = b dt + √ε σ dW`` with their first derivatives.

    Every function takes points of shape ``(d, N)``, is called on any rank with any N (also 0), and
    is not collective.

    Attributes:
        dim: Number of coordinates d, 1 to 3.
        drift: b, ``(d, N) -> (d, N)``.
        jacobian: ∇b, ``(d, N) -> (d, d, N)``; entry ``[i, j]`` is ∂b_i/∂x_j.
        diffusion: A, ``(d, N) -> (d, d, N)``, symmetric.
        divergence: ∇·A, ``(d, N) -> (d, N)``; entry ``[i]`` is Σ_j ∂A_ij/∂x_j.
        diffusion_slope: ``∂A_ij/∂x_k``, ``(d, N) -> (d, d, d, N)`` with k last but one, where it is known;
            else it is made of differences of A.
        loss: U with ``b = -∇U`` where there is one, ``(d, N) -> (N,)``.
    """

    dim: int
    drift: Field
    jacobian: Field
    diffusion: Field
    divergence: Field
    loss: Field | None = None
    diffusion_slope: Field | None = None

    def __post_init__(self) -> None:
        if self.dim not in (1, 2, 3):
            raise ValueError(f"a system has 1, 2 or 3 coordinates, not {self.dim}")
