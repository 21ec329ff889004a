"""``[transient]``: densities at given times, from a given one.

```toml
[transient]
epsilon = 0.2
times = [0.0, 0.5, 1.0]
start = { mean = [1.5, 0.0], covariance = [[0.04, 0.0], [0.0, 0.04]] }      # or an expression, not negative
observe = { r2 = "x**2 + y**2" }

[transient.drift]                              # added to b under one noise; may use epsilon
drifted = ["-0.25*epsilon*x/(x**2 + y**2)", "-0.25*epsilon*y/(x**2 + y**2)"]
```
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

Positive = Annotated[FiniteFloat, Field(gt=0)]
Row = Annotated[list[FiniteFloat], Field(min_length=1, max_length=3)]


class GaussianTable(BaseModel):
    """A normal density."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    mean: Row = Field(description="its mean")
    covariance: Annotated[list[Row], Field(min_length=1, max_length=3)] = Field(description="its covariance")


class TransientTable(BaseModel):
    """``[transient]``: evolution of a density under every noise."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    epsilon: Positive = Field(description="noise level")
    times: Annotated[list[Annotated[FiniteFloat, Field(ge=0)]], Field(min_length=1, max_length=500)] = Field(
        description="times of the snapshots, increasing"
    )
    start: GaussianTable | str = Field(description="density at time 0: { mean, covariance } or an expression")
    observe: dict[str, str | FiniteFloat] = Field({}, description="expressions whose expectations are wanted")
    drift: dict[str, list[str | FiniteFloat]] = Field(
        {}, description="added to the drift under the noise of this name; may use epsilon"
    )
    tolerance: Positive = Field(1e-7, description="relative error of a time step")
    positive: bool = Field(False, description="a scheme that is never negative, of second order")
    step: Positive | None = Field(None, description="time step of that scheme")
    alone: bool = Field(False, description="no attractors, potentials and rates: the evolution only")

    @field_validator("times")
    @classmethod
    def _increasing(cls, value: list[float]) -> list[float]:
        if any(later <= earlier for earlier, later in pairwise(value)):
            raise ValueError("the times do not increase|sort them, each once")
        return value

    @field_validator("observe")
    @classmethod
    def _names(cls, value: dict[str, str | float]) -> dict[str, str | float]:
        for name in value:
            if not name.isidentifier() or not name.isascii():
                raise ValueError(f"'{name}' cannot name an expectation|use letters, digits and _")
        return value

    @model_validator(mode="after")
    def _step_of_what(self) -> TransientTable:
        if self.positive and self.step is None:
            raise ValueError("the positive scheme needs a step|give step, say a hundredth of the last time")
        if self.step is not None and not self.positive:
            raise ValueError("step belongs to positive = true|leave it out: tolerance controls the steps")
        return self


def symmetric_positive(covariance: list[list[float]]) -> bool:
    """Whether a matrix is a covariance, by its leading minors (at most 3×3, so without NumPy)."""
    d = len(covariance)
    if any(len(row) != d for row in covariance):
        return False
    if any(covariance[i][j] != covariance[j][i] for i in range(d) for j in range(d)):
        return False
    rows = [list(row) for row in covariance]
    for k in range(d):
        if not rows[k][k] > 0 or not math.isfinite(rows[k][k]):
            return False
        for i in range(k + 1, d):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return True
