"""Linear regression on rows of data that are given in the case: ``loss = mean ½ (x_i·w − x_i·w*)²``.

Every row x_i fits at w = w*, where H_i = x_i x_iᵀ exactly and everywhere: the smallest example in which the
largest stable learning rate of SGD depends on the batch size (:mod:`cases.landscapes.models.stability`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import sympy as sp
from pydantic import Field, FiniteFloat, field_validator

from cases.casefile.schema import Table
from cases.expressions.parse import symbols
from cases.landscapes import sample_loss
from cases.landscapes.landscape import Landscape, from_samples
from cases.landscapes.models.registry import model

WEIGHTS = ("w1", "w2")
Pair = Annotated[list[FiniteFloat], Field(min_length=2, max_length=2)]


class RegressionOptions(Table):
    """Options of the model ``linear_regression``."""

    rows: Annotated[list[Pair], Field(min_length=2)] = Field(
        [[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], description="the inputs x of the samples, two numbers each"
    )
    optimum: Pair = Field([1.0, 1.0], description="the weights w* that fit every sample")

    @field_validator("rows")
    @classmethod
    def _spans(cls, value: list[list[float]]) -> list[list[float]]:
        if np.linalg.matrix_rank(np.array(value)) < 2:
            raise ValueError("the rows do not span the plane, so that the minimum is not isolated")
        return value


@model("linear_regression", coordinates=WEIGHTS, options=RegressionOptions)
def linear_regression(options: RegressionOptions, parameters: Mapping[str, float]) -> Landscape:
    """``½ (x·(w − w*))²`` over the rows."""
    w1, w2, x1, x2 = symbols([*WEIGHTS, "x1", "x2"])
    first, second = (sp.Float(value) for value in options.optimum)
    residual = (w1 - first) * x1 + (w2 - second) * x2
    columns = np.array(options.rows, dtype=np.float64).T
    data = {"x1": columns[0], "x2": columns[1]}
    return from_samples(sample_loss.build(residual**2 / 2, sp.Integer(0), WEIGHTS, data), WEIGHTS, parameters)
