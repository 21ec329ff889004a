"""Real data that scikit-learn brings along: one feature z and one target y, both ``(n,)``.

A feature of the diabetes data (442 patients) comes with the progression of the disease, mean 0 and
variance 1; a feature of the iris data (150 flowers) with +1 for versicolor and -1 for the two others.
The feature itself always has mean 0 and variance 1.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from solver.system import Array

Feature = Literal[
    "age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6",
    "sepal_length", "sepal_width", "petal_length", "petal_width",
]  # fmt: skip


def feature_and_target(feature: Feature) -> tuple[Array, Array]:
    """The standardised feature and the target that belongs to it."""
    if feature.startswith(("sepal", "petal")):
        return iris(feature)
    return diabetes(feature)


def diabetes(feature: str) -> tuple[Array, Array]:
    """A feature and the progression of the disease, both with mean 0 and variance 1, ``(442,)``."""
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes()
    return standardised(bunch.data[:, bunch.feature_names.index(feature)]), standardised(bunch.target)


def iris(feature: str) -> tuple[Array, Array]:
    """A feature with mean 0 and variance 1, and +1 for versicolor or -1 for another species, ``(150,)``."""
    from sklearn.datasets import load_iris

    bunch = load_iris()
    column = bunch.feature_names.index(feature.replace("_", " ") + " (cm)")
    versicolor = bunch.target == list(bunch.target_names).index("versicolor")
    return standardised(bunch.data[:, column]), np.where(versicolor, 1.0, -1.0)


def standardised(values: Array) -> Array:
    """The values moved and scaled to mean 0 and variance 1."""
    return np.asarray((values - values.mean()) / values.std(), dtype=np.float64)
