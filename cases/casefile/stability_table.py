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

from pydantic import Field, FiniteFloat

from cases.casefile.curve_table import CurveTable


class StabilityTable(CurveTable):
    """``[stability]``: the curve of minima, and the batch sizes."""

    curve: Annotated[list[str | FiniteFloat], Field(min_length=1, max_length=3)] = Field(
        description="coordinates of a global minimum as expressions of t"
    )
    count: Annotated[int, Field(ge=3, le=10_000)] = Field(121, description="minima along the curve")
    at: list[FiniteFloat] = Field([], description="further values of t, for tables and references")
    batch_sizes: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)] = Field(
        [1], description="batch sizes"
    )
