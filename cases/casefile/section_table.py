"""``[section]``: the stationary density along a curve, and the curvature of the loss there.

```toml
[section]
curve = ["t", "(1 - s1*s2)/t"]                 # the coordinates as expressions of t
from = 0.3
to = 4.0
marks = ["sqrt((1 - s1*s2)*s1/s2)"]            # values of t to mark, as predictions
plain = "(x*y - 1)**2/2"                       # a loss whose Hessian is shown instead of that of the case
```
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FiniteFloat

from cases.casefile.curve_table import CurveTable


class SectionTable(CurveTable):
    """``[section]``: the curve, and what to mark on it."""

    curve: Annotated[list[str | FiniteFloat], Field(min_length=1, max_length=3)] = Field(
        description="coordinates as expressions of t, parameters and options of the model"
    )
    count: Annotated[int, Field(ge=8, le=10_000)] = Field(200, description="points along the curve")
    marks: list[str | FiniteFloat] = Field([], description="values of t to mark, expressions as well")
    plain: str | None = Field(None, description="a loss whose Hessian is shown instead of that of the case")
