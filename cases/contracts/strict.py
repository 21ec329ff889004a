"""How the tables of a summary are validated, and what several of them have."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

#: A key that is not in the contract is an error, a string is no number, a number is finite.
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)

#: null where there is no result.
Number = float | None
Point = list[float]
Index = Annotated[int, Field(description="its number, from 0, by which all else names it")]
From = Annotated[int, Field(description="number of the attractor that is left")]
To = Annotated[int, Field(description="number of the attractor that is reached")]
Anywhere = Annotated[int | None, Field(description="number of the attractor that is reached; null: none")]
