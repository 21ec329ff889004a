"""The parts of a system from sympy expressions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import sympy as sp

from solver import symbolic
from solver.arrays import Array

# where it is looked whether a tensor is symmetric, and how far from it rounding may take it
SAMPLE, ROUNDING = 64, 1e-12


def system_parts(
    coordinates: Sequence[sp.Symbol],
    diffusion: Any = None,
    *,
    loss: Any = None,
    drift: Sequence[Any] | None = None,
) -> dict[str, Any]:
    """The arguments of :class:`solver.system.System` from expressions.

    Args:
        coordinates: The d symbols.
        diffusion: d×d expressions, one expression a for ``A = a I``, or None for the identity.
        loss: U.
        drift: The components of b; by default −∇U.

    Raises:
        ValueError: For shapes that do not fit, other symbols, an A that is not symmetric, or no drift.
    """
    xs = list(coordinates)
    dim = len(xs)
    if loss is None and drift is None:
        raise ValueError("neither a loss nor a drift is given")
    potential = None if loss is None else _expression("loss", loss, xs)
    if drift is not None:
        slope = [_expression("drift", b, xs) for b in drift]
    else:
        slope = [-g for g in symbolic.gradient(potential, xs)]
    if len(slope) != dim:
        raise ValueError(f"the drift has {len(slope)} components for {dim} coordinates: give one for each")
    tensor = _tensor(diffusion, xs)
    slopes = [[symbolic.gradient(entry, xs) for entry in row] for row in tensor]
    return {
        "dim": dim,
        "coordinates": tuple(str(x) for x in xs),
        "drift": symbolic.to_numpy(slope, xs),
        "jacobian": symbolic.to_numpy(symbolic.jacobian(slope, xs), xs),
        "diffusion": symbolic.to_numpy(tensor, xs),
        "divergence": symbolic.to_numpy(symbolic.divergence(tensor, xs), xs),
        "loss": None if potential is None else symbolic.to_numpy(potential, xs),
        "diffusion_slope": symbolic.to_numpy(slopes, xs),
    }


def _expression(what: str, value: Any, xs: Sequence[sp.Symbol]) -> sp.Expr:
    expr = sp.sympify(value)
    unknown = expr.free_symbols - set(xs)
    if unknown:
        names = ", ".join(sorted(str(symbol) for symbol in unknown))
        raise ValueError(f"the {what} has the symbol {names}, which is no coordinate: put a number for it")
    return expr


def _tensor(diffusion: Any, xs: Sequence[sp.Symbol]) -> list[list[sp.Expr]]:
    """A as rows of expressions."""
    dim = len(xs)
    if diffusion is None:
        diffusion = sp.Integer(1)
    if isinstance(diffusion, sp.MatrixBase):
        diffusion = diffusion.tolist()
    if not isinstance(diffusion, Iterable):
        scalar = _expression("diffusion", diffusion, xs)
        return [[scalar if i == j else sp.Integer(0) for j in range(dim)] for i in range(dim)]
    rows = [list(row) for row in diffusion]
    if len(rows) != dim or any(len(row) != dim for row in rows):
        raise ValueError(f"the diffusion must be {dim}×{dim} expressions, or one expression")
    tensor = [[_expression("diffusion", entry, xs) for entry in row] for row in rows]
    _require_symmetric(symbolic.to_numpy(tensor, xs)(_sample(dim)))
    return tensor


def _sample(dim: int) -> Array:
    return np.random.default_rng(1).uniform(-1.0, 1.0, (dim, SAMPLE))


def _require_symmetric(values: Array) -> None:
    gap = np.abs(values - np.swapaxes(values, 0, 1))
    if (
        gap[np.isfinite(gap)] > ROUNDING * np.max(np.abs(values), initial=0.0, where=np.isfinite(values))
    ).any():
        raise ValueError("the diffusion A = σσᵀ must be symmetric: give A, not σ")
