"""``[stability]``: up to which learning rate SGD stays at the global minima along a curve.

```toml
[stability]
curve = ["t", "1/t", "0"]                      # a global minimum for every t
from = 0.4
to = 2.0
at = [0.5, 1.0]                                # further values of t, for tables and references
batch_sizes = [1, 2]
```
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator


class StabilityTable(BaseModel):
    """``[stability]``: the curve of minima, and the batch sizes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)

    curve: Annotated[list[str | FiniteFloat], Field(min_length=1, max_length=3)] = Field(
        description="coordinates of a global minimum as expressions of t"
    )
    from_: FiniteFloat = Field(alias="from", description="first t")
    to: FiniteFloat = Field(description="last t")
    count: Annotated[int, Field(ge=3, le=10_000)] = Field(121, description="minima along the curve")
    at: list[FiniteFloat] = Field([], description="further values of t, for tables and references")
    batch_sizes: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)] = Field(
        [1], description="batch sizes"
    )

    @model_validator(mode="after")
    def _ordered(self) -> StabilityTable:
        if not self.from_ < self.to:
            raise ValueError(f"t runs from {self.from_:g} to {self.to:g}|the smaller one comes first")
        return self
