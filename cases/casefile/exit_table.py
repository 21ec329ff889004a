"""``[[exit]]``: a set round the starting attractor whose mean exit time is wanted.

```toml
[[exit]]
name = "level"
loss_below = 1.0                               # the part of {loss < 1} round the attractor

[[exit]]
name = "ball"
ball = { centre = [0.0, 0.0], radius = 1.0 }

[[exit]]
name = "strip"
inside = "x**2 - 1 + 0.1*y**2"                 # where this is negative

[[exit]]
name = "line"
inside = "x - 1"                               # the time to reach the line x = 1 …
reflect = true                                 # … from a set that ends at the boundary of the domain
from = [-1.0, 0.0]                             # starting attractor, if not that of [compare]
```
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


class BallTable(BaseModel):
    """The ball of an exit."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    centre: Annotated[list[FiniteFloat], Field(min_length=1, max_length=3)] = Field(description="its centre")
    radius: Annotated[FiniteFloat, Field(gt=0)] = Field(description="its radius")


class ExitTable(BaseModel):
    """One set to leave: exactly one of loss_below, ball and inside."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)

    name: str = Field(description="what the set is called in tables and references")
    loss_below: FiniteFloat | None = Field(None, description="the sublevel set {loss < loss_below}")
    ball: BallTable | None = Field(None, description="{ centre, radius }")
    inside: str | None = Field(None, description="expression of the coordinates, negative inside the set")
    from_: int | Annotated[list[FiniteFloat], Field(min_length=1, max_length=3)] | None = Field(
        None, alias="from", description="index or point of the attractor to start at; compare.from"
    )
    reflect: bool = Field(
        False, description="the set may reach the boundary of the domain, which reflects (1D and 2D)"
    )
    shells: Annotated[int, Field(ge=3, le=60)] | None = Field(
        None, description="cells from the attractor to the boundary; 12, or 5 in 3D"
    )

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not NAME.fullmatch(value):
            raise ValueError(f"'{value}' cannot name an exit|use letters, digits, - and _")
        return value

    @model_validator(mode="after")
    def _one_set(self) -> ExitTable:
        given = [key for key in ("loss_below", "ball", "inside") if getattr(self, key) is not None]
        if len(given) != 1:
            found = "none is given" if not given else f"{' and '.join(given)} are given"
            raise ValueError(
                f"exactly one of loss_below, ball and inside is needed but {found}|keep one of them"
            )
        return self
