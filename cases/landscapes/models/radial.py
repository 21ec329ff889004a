"""One radial unit with a linear term, fitted by least squares to a real data set.

    f(z; c, w) = 2 exp(−2 (z − c)²) − 1 + w z,     loss = mean ½ (f(z) − y)² + l2 (c² + w²)

on a feature z and a target y of :mod:`cases.landscapes.models.datasets`.  With bmi and s5 of the diabetes
data it has two different minima, with petal length of the iris data three, and at all of them and the
saddles between them the covariance of the per-sample gradients is well conditioned.  The model
``radial_bias`` frees the bias: f(z; c, w, b) = 2 exp(−2 (z − c)²) + b + w z.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import sympy as sp
from pydantic import Field, FiniteFloat

from cases.casefile.schema import Table
from cases.expressions.parse import symbols
from cases.landscapes import sample_loss
from cases.landscapes.landscape import Landscape, from_samples
from cases.landscapes.models.datasets import Feature, diabetes, feature_and_target
from cases.landscapes.models.registry import model

__all__ = ["RadialOptions", "diabetes", "radial", "radial_bias"]

COORDINATES = ("c", "w")
WITH_BIAS = ("c", "w", "b")


class RadialOptions(Table):
    """Options of the models ``radial`` and ``radial_bias``."""

    feature: Feature = Field("bmi", description="column of the diabetes or iris data that is the input z")
    l2: Annotated[FiniteFloat, Field(ge=0)] = Field(
        0.005, description="factor of the sum of the squared parameters in the loss"
    )


@model("radial", coordinates=COORDINATES, options=RadialOptions)
def radial(options: RadialOptions, parameters: Mapping[str, float]) -> Landscape:
    """The landscape of the radial unit with the bias -1."""
    return _landscape(options, COORDINATES, sp.Integer(-1), parameters)


@model("radial_bias", coordinates=WITH_BIAS, options=RadialOptions)
def radial_bias(options: RadialOptions, parameters: Mapping[str, float]) -> Landscape:
    """The landscape of the radial unit with a free bias."""
    return _landscape(options, WITH_BIAS, symbols(["b"])[0], parameters)


def _landscape(
    options: RadialOptions, coordinates: Sequence[str], bias: sp.Expr, parameters: Mapping[str, float]
) -> Landscape:
    z, y = feature_and_target(options.feature)
    thetas = symbols(coordinates)
    c, w = thetas[:2]
    feature, target = symbols(["z", "y"])
    residual = 2 * sp.exp(-2 * (feature - c) ** 2) + bias + w * feature - target
    penalty = options.l2 * sum(theta**2 for theta in thetas)
    samples = sample_loss.build(residual**2 / 2, penalty, coordinates, {"z": z, "y": y})
    return from_samples(samples, coordinates, parameters)
