"""``[[marginal]]``: the stationary density of a function of the coordinates, beside its closed form.

```toml
[[marginal]]
name = "r"
of = "sqrt(x**2 + y**2)"                       # expression of coordinates, parameters, options of the model
range = [0.0, 3.8]
bins = 60
exact = { isotropic = "r*exp(-(r**2-1)**2/(2*epsilon))" }    # by noise, of r and epsilon; up to a factor
```
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator

from cases.expressions.parse import CONSTANTS, FUNCTIONS

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")


class MarginalTable(BaseModel):
    """One function, and the bins for its values."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str = Field(description="what the function is called in tables, and in exact")
    of: str = Field(description="expression of the coordinates")
    range: Annotated[list[FiniteFloat], Field(min_length=2, max_length=2)] = Field(
        description="where the bins begin and end; a density is compared within"
    )
    bins: Annotated[int, Field(ge=2, le=1000)] = Field(60, description="number of bins, equally wide")
    exact: dict[str, str | FiniteFloat] = Field(
        {}, description="closed form up to a factor by noise: of the name, epsilon, parameters"
    )
    tolerance: Annotated[FiniteFloat, Field(gt=0, le=1)] = Field(
        0.01, description="largest accepted total variation distance from the closed form"
    )

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not NAME.fullmatch(value) or "__" in value:
            raise ValueError(f"'{value}' cannot name a marginal|use a letter, then letters, digits and _")
        if value in (*FUNCTIONS, *CONSTANTS, "epsilon"):
            raise ValueError(f"'{value}' means something else in expressions|choose another name")
        return value

    @field_validator("range")
    @classmethod
    def _ordered(cls, value: list[float]) -> list[float]:
        if not value[0] < value[1] or value[1] - value[0] < 1e-9 * max(map(abs, value)):
            raise ValueError(f"the range is [{value[0]:g}, {value[1]:g}]|the lower end comes first")
        return value
