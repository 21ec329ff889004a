"""``[mean_field]``: energy plus entropy of a density of neurons, instead of noises in a landscape.

    minimise  F(m) + λ KL(m | e^{−U}/∫e^{−U}),      F(m) = Σ_k (⟨h_k⟩_m − y_k)² / (2K)

```toml
[mean_field]
temperature = [0.1]                            # λ, one or several
confinement = "(w**2 + b**2)/2"                # U
unit = "tanh(w*z + b)"                         # h_k is the unit at the input z = z_k …
inputs = [-1.0, 0.5]                           # z_k
targets = [-0.6, 0.4]                          # y_k
# features = ["tanh(2*x)"]                     # … or the h_k themselves
# coupling = 1.0                               # F = −(J/2) Σ_k ⟨h_k⟩² instead of targets
observe = { product = "w*b" }                  # further expectations in every stationary state
times = [0.0, 1.0, 5.0, 20.0]                  # the flow: energy at these times …
start = { mean = [0.0, 0.0], covariance = [[0.2, 0.0], [0.0, 0.2]] }      # … from this density
particles = [5, 10, 20]                        # N·(E F(m^N) − F(m*)) beside its limit c
```
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

from cases.casefile.transient_table import GaussianTable

Positive = Annotated[FiniteFloat, Field(gt=0)]
Expression = str | FiniteFloat


class MeanFieldTable(BaseModel):
    """``[mean_field]``: the problem, and what is wanted of it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    temperature: Annotated[list[Positive], Field(min_length=1)] = Field(description="λ, one or several")
    confinement: Expression = Field(description="U: the entropy is relative to exp(-U)")
    features: list[Expression] | None = Field(None, description="h_k, expressions of the coordinates")
    unit: str | None = Field(None, description="h as an expression of the coordinates and the input z")
    inputs: list[FiniteFloat] | None = Field(None, description="z_k, one for each feature")
    targets: list[FiniteFloat] | None = Field(None, description="y_k: F = sum (<h_k> - y_k)^2 / (2K)")
    coupling: FiniteFloat | None = Field(None, description="J: F = -(J/2) sum <h_k>^2, instead of targets")
    observe: dict[str, Expression] = Field({}, description="expressions whose expectations are wanted")
    times: list[Annotated[FiniteFloat, Field(ge=0)]] = Field(
        [], description="times at which the energy along the flow is wanted"
    )
    start: GaussianTable | str | None = Field(
        None, description="density at time 0: { mean, covariance } or an expression"
    )
    tolerance: Positive = Field(1e-6, description="relative error of a time step")
    particles: list[Annotated[int, Field(ge=1, le=100_000)]] = Field(
        [], description="numbers N of particles to simulate, at the first temperature"
    )
    replicas: Annotated[int, Field(ge=2, le=1_000_000)] = Field(400, description="systems of particles each")
    particle_step: Positive = Field(0.1, description="time step of the particles")
    seed: Annotated[int, Field(ge=0, lt=2**62)] = Field(1, description="seed of the random numbers")

    @field_validator("temperature", "particles")
    @classmethod
    def _distinct(cls, value: list[float]) -> list[float]:
        if len(set(value)) != len(value):
            raise ValueError("its values are not distinct|remove the repeated one")
        return value

    @field_validator("times")
    @classmethod
    def _increasing(cls, value: list[float]) -> list[float]:
        if any(later <= earlier for earlier, later in pairwise(value)):
            raise ValueError("the times do not increase|sort them, each once")
        return value

    @model_validator(mode="after")
    def _complete(self) -> MeanFieldTable:
        if (self.features is None) == (self.unit is None):
            raise ValueError("exactly one of features and unit is needed|give one of them")
        if (self.unit is None) != (self.inputs is None):
            raise ValueError("unit and inputs belong together|give both or neither")
        if (self.targets is None) == (self.coupling is None):
            raise ValueError("exactly one of targets and coupling is needed|give one of them")
        if self.count == 0:
            raise ValueError("there is no feature|give at least one")
        if self.targets is not None and len(self.targets) != self.count:
            raise ValueError(
                f"{len(self.targets)} targets for {self.count} features|give one for each feature"
            )
        if bool(self.times) != (self.start is not None):
            raise ValueError("times and start belong together|give both or neither")
        if self.particles and self.targets is None:
            raise ValueError("particles are compared with a limit that needs a convex F|leave them out")
        return self

    @property
    def count(self) -> int:
        """The number K of features."""
        return len(self.features if self.features is not None else self.inputs or [])
