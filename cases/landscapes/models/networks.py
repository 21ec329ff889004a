"""Small networks with a valley of global minima: what stability selects among them.

Loss: mean of ½ (f(x; θ) − f*(x))² over inputs x with E x xᵀ = I.  The inputs are equally weighted samples
with the moments up to fourth order of the distribution that is meant, which decide everything at a minimum.

``scalar_network``
    f = a b x with x normal (fourth moment 3); minima a b = 1.
``linear_neuron``
    f = a wᵀx with x uniform on the circle of radius √2; minima a w = (1, 0).
``relu_neuron``
    f = a max(wᵀx, 0) with x uniform on the four points (±1, ±1); minima a w = (1, 0), a > 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import sympy as sp

from cases.casefile.schema import Table
from cases.expressions.parse import parse, symbols
from cases.landscapes import sample_loss
from cases.landscapes.landscape import Landscape, from_samples
from cases.landscapes.models.factorization import NODES
from cases.landscapes.models.registry import model
from solver.system import Array

PAIR = ("a", "b")
NEURON = ("a", "w1", "w2")
#: Points on the circle: means of trigonometric polynomials of degree 7 over them are exact.
ON_CIRCLE = 8


class NetworkOptions(Table):
    """These models have no options."""


@model("scalar_network", coordinates=PAIR, options=NetworkOptions)
def scalar_network(options: NetworkOptions, parameters: Mapping[str, float]) -> Landscape:
    """``½ (a b − 1)² x²`` over a normal x."""
    a, b, x = symbols([*PAIR, "x"])
    return _landscape((a * b - 1) * x, PAIR, {"x": NODES}, parameters)


@model("linear_neuron", coordinates=NEURON, options=NetworkOptions)
def linear_neuron(options: NetworkOptions, parameters: Mapping[str, float]) -> Landscape:
    """``½ (a w·x − x₁)²`` over the circle."""
    a, w1, w2, x1, x2 = symbols([*NEURON, "x1", "x2"])
    angles = 2 * np.pi * (np.arange(ON_CIRCLE) + 0.5) / ON_CIRCLE
    data = {"x1": np.sqrt(2) * np.cos(angles), "x2": np.sqrt(2) * np.sin(angles)}
    return _landscape(a * (w1 * x1 + w2 * x2) - x1, NEURON, data, parameters)


@model("relu_neuron", coordinates=NEURON, options=NetworkOptions)
def relu_neuron(options: NetworkOptions, parameters: Mapping[str, float]) -> Landscape:
    """``½ (a max(w·x, 0) − max(x₁, 0))²`` over the corners of a square."""
    data = {"x1": np.array([1.0, 1.0, -1.0, -1.0]), "x2": np.array([1.0, -1.0, 1.0, -1.0])}
    residual = parse("a*max(w1*x1 + w2*x2, 0) - max(x1, 0)", [*NEURON, "x1", "x2"])
    return _landscape(residual, NEURON, data, parameters)


def _landscape(
    residual: sp.Expr,
    coordinates: tuple[str, ...],
    data: Mapping[str, Array],
    parameters: Mapping[str, float],
) -> Landscape:
    samples = sample_loss.build(residual**2 / 2, sp.Integer(0), coordinates, dict(data))
    return from_samples(samples, coordinates, parameters)
