"""Derivatives of functions known by their values only: complex step, or central differences of order eight.

For f analytic in its arguments, ``∂f/∂x_k = Im f(x + i h e_k) / h`` to rounding, for tiny h (Squire and
Trapp, SIAM Review 40, 1998).  Otherwise

    ∂f/∂x_k ≈ Σ_{m=1..4} c_m (f(x + m h e_k) − f(x − m h e_k)) / h,    c = 4/5, −1/5, 4/105, −1/280,

with an error of O(h⁸) and rounding of order 10⁻¹⁶/h; h is the one of several for which halving it
changes the result least, and that change is the estimate of the error.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from solver.arrays import Array, Field

WEIGHTS = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
TINY = 1e-30
#: Steps that are tried, in units of the width of the domain.
STEPS = tuple(0.03 / 2**k for k in range(10))
AGREEMENT = 1e-5


@dataclass(frozen=True)
class Derivative:
    """A derivative and how it was made.

    Attributes:
        function: ``(d, N) -> (…, d, N)`` for ``f: (d, N) -> (…, N)``: the new axis is the direction.
        method: "complex step" or "central differences".
        error: Largest estimated error at the sample, over ``size``.
        size: Root mean square of the derivative at the sample.
    """

    function: Field
    method: str
    error: float
    size: float


def derivative(function: Field, widths: Sequence[float], sample: Array) -> Derivative:
    """The derivative of a function, by the complex step where that works.

    It works where the function takes complex numbers and then agrees with central differences.

    Args:
        function: f, ``(d, N) -> (…, N)``.
        widths: Widths of the domain, the scale of the steps.
        sample: Points ``(d, n)`` at which methods are compared.
    """
    scale = np.asarray(widths, dtype=np.float64)
    trials = [central(function, step * scale)(sample) for step in STEPS]
    changes = [float(np.abs(b - a).max()) for a, b in itertools.pairwise(trials)]
    best = int(np.argmin(np.nan_to_num(changes, nan=np.inf)))
    # the second term counts for functions that are constant to rounding
    flat = 1e-3 * float(np.sqrt(np.mean(function(sample) ** 2))) / float(scale.max())
    size = float(np.sqrt(np.mean(trials[best] ** 2))) + flat + 1e-300
    error = changes[best] / size
    exact = _complex_step(function)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            difference = float(np.abs(exact(sample) - trials[best]).max()) / size
    except Exception:  # whatever the function does with complex numbers: it does not take them
        difference = np.inf
    if difference <= AGREEMENT + 10 * error:
        return Derivative(exact, "complex step", 0.0, size)
    return Derivative(central(function, STEPS[best] * scale), "central differences", error, size)


def central(function: Field, steps: Array) -> Field:
    """Central differences of order eight with one step per coordinate."""

    def differences(x: Array) -> Array:
        parts = []
        for k, step in enumerate(steps):
            shift = np.zeros((len(steps), 1))
            shift[k] = step
            parts.append(
                sum(
                    c / step * (function(x + m * shift) - function(x - m * shift))
                    for m, c in enumerate(WEIGHTS, start=1)
                )
            )
        return np.stack(parts, axis=-2)

    return differences


def _complex_step(function: Field) -> Field:
    def derivatives(x: Array) -> Array:
        parts = []
        for k in range(len(x)):
            shift = np.zeros((len(x), 1), dtype=complex)
            shift[k] = 1j * TINY
            value = function(x + shift)
            if value.dtype.kind != "c":
                raise TypeError("the function drops the imaginary part")
            parts.append(value.imag / TINY)
        return np.stack(parts, axis=-2)

    return derivatives
