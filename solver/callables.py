"""The parts of a system from Python functions of points ``(n, d)``, one point a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from solver.arrays import Array, Field
from solver.derivatives import derivative

PointFunction = Callable[[Array], Array]

# points of the box at which shapes are looked at, and ways to differentiate are compared
SAMPLE = 64


def function_parts(
    bounds: Sequence[tuple[float, float]],
    drift: PointFunction | None,
    diffusion: PointFunction | Array | None,
    more: Mapping[str, PointFunction | None],
) -> dict[str, Any]:
    """The arguments of :class:`solver.system.System` from functions.

    Args:
        bounds: The box in which the functions are used.
        drift: b, or None where there is a loss.
        diffusion: A, a constant tensor ``(d, d)``, or None for the identity.
        more: ``loss``, ``jacobian`` and ``divergence``, None where they are not given.

    Raises:
        ValueError: If a function returns another shape, or neither a drift nor a loss is given.
    """
    box = np.array(bounds, dtype=float)
    if box.ndim != 2 or box.shape[1] != 2 or not (box[:, 0] < box[:, 1]).all():
        raise ValueError(f"bounds must be pairs low < high, one for each coordinate, not {bounds}")
    dim, widths = len(box), box[:, 1] - box[:, 0]
    x = box[:, :1] + widths[:, None] * np.random.default_rng(1).random((dim, SAMPLE))

    def field(name: str, function: PointFunction, shape: tuple[int, ...]) -> Field:
        found = adapted(name, function, shape)
        found(x)
        return found

    def slope(function: Field) -> Field:
        return derivative(function, widths, x).function

    given = more.get("loss")
    loss = None if given is None else field("loss", given, ())
    if drift is not None:
        b = field("drift", drift, (dim,))
    elif loss is not None:
        downhill = slope(loss)
        b = lambda points: -downhill(points)  # noqa: E731
    else:
        raise ValueError("neither a drift nor a loss is given")
    A = field("diffusion", _function_of(diffusion, dim), (dim, dim))
    tensor_slope = slope(A)
    jacobian, divergence = more.get("jacobian"), more.get("divergence")
    return {
        "dim": dim,
        "drift": b,
        "jacobian": slope(b) if jacobian is None else field("jacobian", jacobian, (dim, dim)),
        "diffusion": A,
        "divergence": _trace_of(tensor_slope)
        if divergence is None
        else field("divergence", divergence, (dim,)),
        "loss": loss,
        "diffusion_slope": tensor_slope,
    }


def adapted(name: str, function: PointFunction, shape: tuple[int, ...]) -> Field:
    """A function of rows ``(n, d) -> (n, …)`` as one of columns ``(d, N) -> (…, N)``; no points, no call."""

    def field(x: Array) -> Array:
        points = np.asarray(x)
        count = points.shape[1]
        if count == 0:
            return np.zeros((*shape, 0))
        values = np.asarray(function(points.T))
        if values.shape != (count, *shape):
            wanted = ", ".join(["n", *map(str, shape)])
            raise ValueError(
                f"the {name} returned the shape {values.shape} for points of shape {points.T.shape}: it must "
                f"return ({wanted}{',' if not shape else ''}) for n points"
            )
        return np.moveaxis(values, 0, -1)

    return field


def _function_of(diffusion: PointFunction | Array | None, dim: int) -> PointFunction:
    if callable(diffusion):
        return diffusion
    tensor = np.eye(dim) if diffusion is None else np.asarray(diffusion, dtype=float)
    if tensor.shape != (dim, dim) or not np.allclose(tensor, tensor.T, rtol=1e-12, atol=0.0):
        raise ValueError(f"a constant diffusion must be a symmetric {dim}×{dim} tensor, or a function")
    return lambda points: np.repeat(tensor[None], len(points), axis=0)


def _trace_of(slope: Field) -> Field:
    """∇·A of the derivatives ``∂A_ij/∂x_k``."""
    return lambda x: np.einsum("ijjn->in", slope(x))
