"""``[trajectories]``: iterates of gradient descent, with and without the noise of the samples.

```toml
[trajectories]
start = [3.0, 0.2]
learning_rate = 0.01
steps = 200_000
observe = { xx = "x**2", yy = "y**2" }         # polynomials of degree 2
plain = "(x*y - 1)**2/2"                       # a loss without any noise, for comparison
```
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator

Positive = Annotated[FiniteFloat, Field(gt=0)]


class TrajectoryTable(BaseModel):
    """``[trajectories]``: what to iterate, from where, for how long."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    start: Annotated[list[FiniteFloat], Field(min_length=1, max_length=3)] = Field(
        description="starting point"
    )
    learning_rate: Positive = Field(description="learning rate of all iterations")
    steps: Annotated[int, Field(ge=1, le=100_000_000)] = Field(description="number of steps")
    batch_size: Annotated[int, Field(ge=1)] = Field(1, description="samples in a batch")
    paths: Annotated[int, Field(ge=2, le=100_000)] = Field(32, description="independent paths with noise")
    seed: Annotated[int, Field(ge=0, lt=2**62)] = Field(1, description="seed of the random numbers")
    left_out: Annotated[FiniteFloat, Field(ge=0, lt=1)] = Field(
        0.25, description="share of the steps before averages are taken"
    )
    observe: dict[str, str] = Field({}, description="polynomials of degree 2 whose averages are wanted")
    plain: str | None = Field(None, description="a loss without noise, for a third path")

    alone: bool = Field(False, description="no attractors, potentials and rates: the trajectories only")

    @field_validator("observe")
    @classmethod
    def _names(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not name.isidentifier() or not name.isascii():
                raise ValueError(f"'{name}' cannot name an average|use letters, digits and _")
        return value
