"""``[reference.NAME]``: a number that a run of the case has to reproduce, and where it is from.

```toml
[reference.barrier-30deg]
quantity = "barrier"
noise = "rotated"
from = [-1.0, 0.0]
to = [1.0, 0.0]
parameters = { kappa = 0.6, phi = 30.0 }       # holds for these values only
value = 0.384615384615
relative = 1e-6
source = "closed form 1/(2 A_xx)"
```
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

Point = Annotated[list[FiniteFloat], Field(min_length=1, max_length=3)]
Quantity = Literal[
    "barrier",
    "law_barrier",
    "barrier_limit",
    "barrier_ratio",
    "log_mfpt",
    "log_mfpt_direct",
    "log_rate",
    "eigenvalue",
    "mass",
    "moment",
    "exit_barrier",
    "exit_time",
    "log_exit_time",
    "expectation",
    "entry",
]

# keys that each quantity needs beside value
NEEDED: dict[str, tuple[str, ...]] = {
    "barrier": ("noise", "from", "to"),
    "law_barrier": ("noise", "from", "to"),
    "barrier_limit": ("noise", "from", "to"),
    "barrier_ratio": ("noise", "baseline", "from", "to"),
    "log_mfpt": ("noise", "from", "to", "epsilon"),
    "log_mfpt_direct": ("noise", "from", "to", "epsilon"),
    "log_rate": ("noise", "from", "to", "epsilon"),
    "eigenvalue": ("noise", "epsilon"),
    "mass": ("noise", "epsilon", "attractor"),
    "moment": ("noise", "epsilon", "moment"),
    "exit_barrier": ("noise", "exit"),
    "exit_time": ("noise", "exit", "epsilon"),
    "log_exit_time": ("noise", "exit", "epsilon"),
    "expectation": ("noise", "observe", "time"),
    "entry": ("entry",),
}


class ReferenceTable(BaseModel):
    """One reference value, with what it is to be compared with."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)

    quantity: Quantity = Field(
        description="what it is; log_… are natural logarithms, barrier_limit the barrier without the floor, "
        "law_barrier that of noise.NAME.law"
    )
    value: FiniteFloat = Field(description="the reference value")
    relative: Annotated[FiniteFloat, Field(gt=0)] = Field(
        1e-3, description="accepted relative error; of log_… quantities, accepted difference"
    )
    label: str | None = Field(None, description="what it is, in words; else from the other keys")
    source: str = Field("", description="where the value is from")
    noise: str | None = Field(None, description="the noise that it is about")
    baseline: str | None = Field(None, description="for a ratio: the noise in the denominator")
    from_: int | Point | None = Field(
        None, alias="from", description="index or point of the attractor escaped from"
    )
    to: int | Point | None = Field(None, description="index or point of the attractor escaped to")
    attractor: int | Point | None = Field(None, description="for a mass: index or point of the attractor")
    exit: str | None = Field(None, description="name of the set that is left")
    epsilon: Annotated[FiniteFloat, Field(gt=0)] | None = Field(None, description="noise level")
    observe: str | None = Field(None, description="name of an expectation of [transient]")
    time: FiniteFloat | None = Field(None, description="time of a snapshot of [transient]")
    moment: str | None = Field(
        None, description="for a moment: polynomial of the coordinates, up to degree 2"
    )
    entry: str | None = Field(None, description="any other number: its path in summary.json, dotted")
    parameters: dict[str, FiniteFloat | str] = Field(
        {},
        description="it holds for these parameters, options of the model, noise.NAME.floor or "
        "system.friction only",
    )

    @model_validator(mode="after")
    def _complete(self) -> ReferenceTable:
        for key in NEEDED[self.quantity]:
            if getattr(self, "from_" if key == "from" else key) is None:
                raise ValueError(f"a reference of quantity '{self.quantity}' lacks {key}|add it")
        return self
