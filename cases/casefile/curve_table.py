"""What tables with a curve in them have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator


class CurveTable(BaseModel):
    """A range of the parameter t."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)

    from_: FiniteFloat = Field(alias="from", description="first t")
    to: FiniteFloat = Field(description="last t")

    @model_validator(mode="after")
    def _ordered(self) -> CurveTable:
        if not self.from_ < self.to:
            raise ValueError(f"t runs from {self.from_:g} to {self.to:g}|the smaller one comes first")
        return self
