"""One radial unit with a linear term, fitted by least squares to a real data set.

    f(z; c, w) = 2 exp(−2 (z − c)²) − 1 + w z,     loss = mean ½ (f(z) − y)² + l2 (c² + w²)

on a feature z and a target y of the diabetes data that scikit-learn brings along, both
standardised.  With bmi it has two different minima and a saddle between them, at all of which the
covariance of the per-sample gradients is well conditioned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
import sympy as sp
from pydantic import Field, FiniteFloat

from cases import sample_loss
from cases.expressions import symbols
from cases.landscape import Landscape, from_samples
from cases.models import model
from cases.schema import Table
from solver.system import Array

COORDINATES = ("c", "w")
Feature = Literal["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]


class RadialOptions(Table):
    """Options of the model ``radial``."""

    feature: Feature = Field("bmi", description="column of the diabetes data that is the input z")
    l2: Annotated[FiniteFloat, Field(ge=0)] = Field(0.005, description="factor of c² + w² in the loss")


@model("radial", coordinates=COORDINATES, options=RadialOptions)
def radial(options: RadialOptions, parameters: Mapping[str, float]) -> Landscape:
    """The landscape of the radial unit on the diabetes data."""
    z, y = diabetes(options.feature)
    c, w = symbols(COORDINATES)
    feature, target = symbols(["z", "y"])
    residual = 2 * sp.exp(-2 * (feature - c) ** 2) - 1 + w * feature - target
    samples = sample_loss.build(residual**2 / 2, options.l2 * (c**2 + w**2), COORDINATES, {"z": z, "y": y})
    return from_samples(samples, COORDINATES, parameters)


def diabetes(feature: str) -> tuple[Array, Array]:
    """A feature and the progression of the disease, both with mean 0 and variance 1, ``(442,)``."""
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes()
    return _standardised(bunch.data[:, bunch.feature_names.index(feature)]), _standardised(bunch.target)


def _standardised(values: Array) -> Array:
    return np.asarray((values - values.mean()) / values.std(), dtype=np.float64)
