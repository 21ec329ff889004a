"""The stochastic system: drift and diffusion as vectorised functions of position.

The whole solver sees a problem only through :class:`System`: the Itô equation

    dX = b(X) dt + √ε σ(X) dW,        A(x) = σ(x) σ(x)ᵀ,

given by NumPy functions of an array of points of shape ``(d, N)``.  Where the functions come from
(expressions, data, tables) is of no concern to the rest of the solver; the constructors here take sympy
expressions and Python functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from solver.arrays import Array, Field

if TYPE_CHECKING:
    import sympy as sp

    from solver.callables import PointFunction
    from solver.phase_space import Momentum


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
        coordinates: Their names, for people; may be empty.
        momentum: What a phase space is made of (:mod:`solver.phase_space`); None for any other system.
    """

    dim: int
    drift: Field = field(repr=False)
    jacobian: Field = field(repr=False)
    diffusion: Field = field(repr=False)
    divergence: Field = field(repr=False)
    loss: Field | None = field(default=None, repr=False)
    diffusion_slope: Field | None = field(default=None, repr=False)
    coordinates: tuple[str, ...] = ()
    momentum: Momentum | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.dim not in (1, 2, 3):
            raise ValueError(f"a system has 1, 2 or 3 coordinates, not {self.dim}")

    @classmethod
    def from_loss(cls, loss: sp.Expr, coordinates: Sequence[sp.Symbol], diffusion: Any = None) -> System:
        """The gradient system ``b = −∇U`` of a sympy expression.

        Args:
            loss: U.
            coordinates: The d symbols, in the order of the components.
            diffusion: A: d×d expressions (lists or a sympy matrix), or one expression a for ``A = a I``;
                default the identity.

        Raises:
            ValueError: For shapes that do not fit, other symbols, or an A that is not symmetric.

        Example:
            >>> import sympy as sp
            >>> x, y = sp.symbols("x y")
            >>> loss = (x**2 - 1) ** 2 / 4 + y**2 / 2
            >>> system = System.from_loss(loss, [x, y], diffusion=[[1 + x**2 / 4, 0], [0, 1]])
            >>> system.drift(np.array([[2.0], [1.0]])).ravel().tolist()
            [-6.0, -1.0]
        """
        from solver.expressions import system_parts

        return cls(**system_parts(coordinates, diffusion, loss=loss))

    @classmethod
    def from_drift(
        cls, drift: Sequence[sp.Expr], coordinates: Sequence[sp.Symbol], diffusion: Any = None
    ) -> System:
        """A system from the components of any drift, gradient or not, as sympy expressions.

        Args:
            drift: The d components of b.
            coordinates: The d symbols.
            diffusion: A, as for :meth:`from_loss`.

        Raises:
            ValueError: As :meth:`from_loss`.

        Example:
            >>> import sympy as sp
            >>> u, v = sp.symbols("u v")
            >>> maier_stein = System.from_drift([u - u**3 - 10 * u * v**2, -(1 + u**2) * v], [u, v])
            >>> maier_stein.jacobian(np.array([[1.0], [1.0]]))[..., 0].tolist()
            [[-12.0, -20.0], [-2.0, -2.0]]
        """
        from solver.expressions import system_parts

        return cls(**system_parts(coordinates, diffusion, drift=drift))

    @classmethod
    def from_sympy(
        cls,
        coordinates: Sequence[sp.Symbol],
        *,
        loss: sp.Expr | None = None,
        drift: Sequence[sp.Expr] | None = None,
        diffusion: Any = None,
    ) -> System:
        """A system from a loss, or from a drift: :meth:`from_loss` and :meth:`from_drift` in one.

        Args:
            coordinates: The d symbols.
            loss: U with ``b = −∇U``.
            drift: b; given both, the loss is believed.
            diffusion: A, as for :meth:`from_loss`.

        Raises:
            ValueError: As :meth:`from_loss`, or if neither a loss nor a drift is given.
        """
        from solver.expressions import system_parts

        return cls(**system_parts(coordinates, diffusion, loss=loss, drift=drift))

    @classmethod
    def from_functions(
        cls,
        drift: PointFunction | None = None,
        diffusion: PointFunction | Array | None = None,
        *,
        bounds: Sequence[tuple[float, float]],
        loss: PointFunction | None = None,
        jacobian: PointFunction | None = None,
        divergence: PointFunction | None = None,
    ) -> System:
        """A system from Python functions of points ``(n, d)``, one point a row.

        Derivatives that are not given are made by the complex step where the function takes complex numbers,
        else by differences of order eight (:mod:`solver.derivatives`).

        Args:
            drift: b, ``(n, d) -> (n, d)``; may be left out where there is a loss.
            diffusion: A, ``(n, d) -> (n, d, d)``, or one tensor ``(d, d)``; default the identity.
            bounds: The box ``[(low, high), …]`` in which the functions are used: it gives d, and the scale
                of differences.
            loss: U with ``b = −∇U`` where there is one, ``(n, d) -> (n,)``.
            jacobian: ∇b, ``(n, d) -> (n, d, d)``, entry ``[:, i, j]`` ∂b_i/∂x_j.
            divergence: ∇·A, ``(n, d) -> (n, d)``.

        Raises:
            ValueError: If a function returns another shape, or neither a drift nor a loss is given.

        Example:
            >>> system = System.from_functions(lambda x: -(x**3), bounds=[(-2, 2), (-2, 2)])
            >>> system.jacobian(np.array([[1.0], [0.5]]))[..., 0].round(12).tolist()
            [[-3.0, -0.0], [-0.0, -0.75]]
        """
        from solver.callables import function_parts

        given = {"loss": loss, "jacobian": jacobian, "divergence": divergence}
        return cls(**function_parts(bounds, drift, diffusion, given))

    def with_momentum(self, friction: float) -> System:
        """The phase space ``(x, v)`` of a loss in one coordinate, with friction γ.

        See :mod:`solver.phase_space`.

        Raises:
            ValueError: If there is no loss, or more than one coordinate, or γ is not positive.

        Example:
            >>> import sympy as sp
            >>> x = sp.Symbol("x")
            >>> system = System.from_loss((x**2 - 1) ** 2 / 4, [x]).with_momentum(0.5)
            >>> system.drift(np.array([[2.0], [1.0]])).ravel().tolist()
            [1.0, -6.5]
        """
        from solver.phase_space import Line, phase_parts

        if self.dim != 1 or self.loss is None:
            raise ValueError("momentum is for a loss in one coordinate")
        line = Line(self.loss, self.drift, self.jacobian, self.diffusion, self.diffusion_slope)
        return System(**phase_parts(line, friction, *self.coordinates))

    def reversed(self) -> System:
        """The system with the drift −b: what attracts here repels there."""
        loss = self.loss
        return replace(
            self,
            drift=lambda x: -self.drift(x),
            jacobian=lambda x: -self.jacobian(x),
            loss=None if loss is None else lambda x: -loss(x),
            momentum=None,
        )

    def with_floor(self, delta: float) -> System:
        """The system with the diffusion ``A + δI``: positive definite also where A is not."""

        def diffusion(x: Array) -> Array:
            return np.asarray(self.diffusion(x) + delta * np.eye(self.dim)[:, :, None])

        return replace(self, diffusion=diffusion, momentum=None)

    def plus_drift(self, drift: Field, jacobian: Field) -> System:
        """The system with the drift ``b + c``; it has no loss then.

        Args:
            drift: c, ``(d, N) -> (d, N)``.
            jacobian: ∇c, ``(d, N) -> (d, d, N)``.
        """
        return replace(
            self,
            drift=lambda x: self.drift(x) + drift(x),
            jacobian=lambda x: self.jacobian(x) + jacobian(x),
            loss=None,
            momentum=None,
        )

    def isotropic(self) -> System:
        """The system with the same drift and ``A = I``."""
        tensor, divergence = constant_tensor(np.eye(self.dim))
        return replace(self, diffusion=tensor, divergence=divergence, diffusion_slope=None, momentum=None)


def constant_tensor(tensor: Array) -> tuple[Field, Field]:
    """A tensor ``(d, d)`` that is the same everywhere, and its divergence, zero, as functions of points."""
    dim = len(tensor)

    def everywhere(x: Array) -> Array:
        return np.repeat(tensor[:, :, None], np.asarray(x).reshape(dim, -1).shape[1], axis=2)

    return everywhere, lambda x: np.zeros((dim, np.asarray(x).reshape(dim, -1).shape[1]))
