"""A loss with momentum: the phase space ``(x, v)`` of a system on the line, whose noise acts on v only.

    dx = v dt,        dv = (−U'(x) − γ v) dt + √(2γ ε a(x)) dW,        A = diag(0, 2γ a(x)),

from ``b = −U'`` and ``A = a`` in one coordinate: friction γ, and noise of the strength that goes with it
(fluctuation and dissipation).  Where a is constant the stationary density is ``e^{−(U + v²/2)/(aε)}``
whatever γ, and ``V = (U + v²/2)/a`` less its value at the minimum (Kramers, Physica 7 (1940) 284).  For large
γ, in the time t/γ, it is the loss with ``A = 2a``.  Where a depends on x there is no closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from solver.arrays import Array, Field

#: Intervals over which the force over the strength is integrated.
PANELS = 2000


@dataclass(frozen=True)
class Line:
    """A loss in one coordinate and its noise, functions of points ``(1, N)``.

    Attributes:
        loss: U, ``(N,)``.
        drift: ``−U'``, ``(1, N)``.
        jacobian: ``−U''``, ``(1, 1, N)``.
        diffusion: a, ``(1, 1, N)``.
        diffusion_slope: a', ``(1, 1, 1, N)``, where it is known.
    """

    loss: Field
    drift: Field
    jacobian: Field
    diffusion: Field
    diffusion_slope: Field | None = None


@dataclass(frozen=True)
class Momentum:
    """What a phase space is made of.

    Attributes:
        line: The loss and its noise.
        friction: γ.
    """

    line: Line
    friction: float

    @property
    def shape(self) -> Array:
        """``diag(0, 2γ)``: A where a = 1, ``(2, 2)``."""
        return np.diag([0.0, 2.0 * self.friction])

    def energy(self, x: Array) -> Array:
        """``U(x) + v²/2`` at points ``(2, N)``, ``(N,)``."""
        return np.asarray(self.line.loss(x[:1]) + 0.5 * x[1] ** 2)

    def slope(self, x: Array) -> Array:
        """``(U'/a, v/a)``, ∇V to leading order in 1/γ, and exactly where a is constant; ``(2, N)``."""
        strength = self.line.diffusion(x[:1])[0, 0]
        return np.asarray(np.stack([-self.line.drift(x[:1])[0], x[1]]) / strength)

    def balance(self, low: float, high: float) -> Field:
        """``∫ U'/a dx + v²/(2a)`` for x between two numbers: V to leading order in 1/γ, up to a constant."""
        nodes = np.linspace(low, high, PANELS + 1)[None]
        ratio = -self.line.drift(nodes)[0] / self.line.diffusion(nodes)[0, 0]
        climbed = CubicSpline(nodes[0], ratio).antiderivative()

        def height(x: Array) -> Array:
            return np.asarray(climbed(x[0]) + 0.5 * x[1] ** 2 / self.line.diffusion(x[:1])[0, 0])

        return height

    @staticmethod
    def reversed(points: Array) -> Array:
        """Points ``(…, 2)`` with the momentum turned round."""
        return np.asarray(points * np.array([1.0, -1.0]))


def phase_parts(line: Line, friction: float, name: str = "x") -> dict[str, Any]:
    """What the system in ``(x, v)`` is made of.

    Args:
        line: The loss and its noise.
        friction: γ.
        name: Of x, for people.

    Raises:
        ValueError: If γ is not positive.
    """
    if not 0.0 < friction < np.inf:
        raise ValueError(f"friction is {friction:g}: it must be positive")
    momentum = Momentum(line, friction)

    def drift(x: Array) -> Array:
        return np.stack([x[1], line.drift(x[:1])[0] - friction * x[1]])

    def jacobian(x: Array) -> Array:
        zero = np.zeros(x.shape[1])
        return np.array([[zero, zero + 1.0], [line.jacobian(x[:1])[0, 0], zero - friction]])

    def diffusion(x: Array) -> Array:
        return np.asarray(momentum.shape[:, :, None] * line.diffusion(x[:1])[0, 0])

    def diffusion_slope(x: Array) -> Array:
        assert line.diffusion_slope is not None
        result = np.zeros((2, 2, 2, x.shape[1]))
        result[1, 1, 0] = 2.0 * friction * line.diffusion_slope(x[:1])[0, 0, 0]
        return result

    return {
        "dim": 2,
        "drift": drift,
        "jacobian": jacobian,
        "diffusion": diffusion,
        "divergence": lambda x: np.zeros((2, x.shape[1])),
        "diffusion_slope": None if line.diffusion_slope is None else diffusion_slope,
        "coordinates": (name, "v" if name != "v" else "u"),
        "momentum": momentum,
    }
