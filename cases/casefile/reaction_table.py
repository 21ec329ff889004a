"""``[[reaction]]``: one kind of jump of a population process.

```toml
[[reaction]]
rate = "7*x**2/4 + 2"                          # per unit of time, in units of Ω, of the densities x = n/Ω
change = [1]                                   # individuals gained and lost
```
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator


class ReactionTable(BaseModel):
    """One reaction: Ω individuals a unit of density jump ``n → n + change`` at the rate Ω·rate(n/Ω)."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    rate: str | FiniteFloat = Field(description="its rate, an expression of the coordinates, not negative")
    change: Annotated[list[FiniteFloat], Field(min_length=1, max_length=3)] = Field(
        description="by how many individuals each coordinate changes"
    )

    @field_validator("change")
    @classmethod
    def _changes(cls, value: list[float]) -> list[float]:
        if not any(value):
            raise ValueError("nothing changes|give the individuals that are gained and lost")
        return value
