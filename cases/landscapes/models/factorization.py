"""Matrix factorization with noise in the factors: ``f(X, Y) = ½‖X Yᵀ − M‖²`` of rank one.

The gradient is taken at (X + ξ₁, Y + ξ₂), ξᵢ ~ N(0, sᵢ²) in every entry (Liu, Li, Wei, Zhou, Zhao
2021, arXiv 2102.12430).  Its mean is the gradient of

    f̄ = E f = f + ½ d₂ s₂² ‖X‖² + ½ d₁ s₁² ‖Y‖² + const,

which has isolated minima where f has a valley; its covariance is polynomial of degree 4 in each
noise.  The mean over six equally weighted nodes per noise, s (−√3, 0, 0, 0, 0, √3), is that of the
normal distribution up to degree 5 (Gauss and Hermite's three-point rule with its weights 1/6, 2/3,
1/6 written out), so the products of the nodes form a *data set* whose loss is f̄ and whose gradient
covariance A is exact.  SGD on it, one sample a step, is noisy gradient descent with ε = η.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Annotated

import numpy as np
import sympy as sp
from pydantic import Field, FiniteFloat

from cases.casefile.schema import Table
from cases.expressions.parse import symbols
from cases.landscapes import sample_loss
from cases.landscapes.landscape import Landscape, from_samples
from cases.landscapes.models.registry import model
from solver.system import Array

Strength = Annotated[FiniteFloat, Field(gt=0)]

NODES = np.array([-(3.0**0.5), 0.0, 0.0, 0.0, 0.0, 3.0**0.5])
PLANE = ("x", "y")
SPACE = ("x1", "x2", "y")


class FactorizationOptions(Table):
    """Options of the models ``factorization`` and ``factorization_rectangular``."""

    s1: Strength = Field(0.3, description="standard deviation of the noise in X")
    s2: Strength = Field(0.3, description="standard deviation of the noise in Y")
    target: FiniteFloat = Field(1.0, description="the singular value m of M")


@model("factorization", coordinates=PLANE, options=FactorizationOptions)
def factorization(options: FactorizationOptions, parameters: Mapping[str, float]) -> Landscape:
    """The mean of ``½ (x y − m)²`` over noise in x and in y."""
    x, y = symbols(PLANE)
    u, v = symbols(["u", "v"])
    loss = ((x + u) * (y + v) - sp.Float(options.target)) ** 2 / 2
    data = product_nodes({"u": options.s1, "v": options.s2})
    return from_samples(sample_loss.build(loss, sp.Integer(0), PLANE, data), PLANE, parameters)


@model("factorization_rectangular", coordinates=SPACE, options=FactorizationOptions)
def factorization_rectangular(options: FactorizationOptions, parameters: Mapping[str, float]) -> Landscape:
    """The mean of ``½ [(x₁ y − m)² + (x₂ y)²]`` over noise in x₁, x₂ (s1) and in y (s2)."""
    x1, x2, y = symbols(SPACE)
    u1, u2, v = symbols(["u1", "u2", "v"])
    loss = (((x1 + u1) * (y + v) - sp.Float(options.target)) ** 2 + ((x2 + u2) * (y + v)) ** 2) / 2
    data = product_nodes({"u1": options.s1, "u2": options.s1, "v": options.s2})
    return from_samples(sample_loss.build(loss, sp.Integer(0), SPACE, data), SPACE, parameters)


def product_nodes(scales: Mapping[str, float]) -> dict[str, Array]:
    """All products of the six nodes times the scales: 6^k equally weighted samples of k noises."""
    nodes = np.array(list(itertools.product(NODES, repeat=len(scales)))).T
    return {name: scale * row for (name, scale), row in zip(scales.items(), nodes, strict=True)}
