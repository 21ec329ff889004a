"""Attractors, saddles and other fixed points in ``summary.json``, and the noise at them."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import Field, with_config

from cases.contracts.strict import STRICT, Index, Number, Point


@with_config(STRICT)
class PlaceEntry(TypedDict):
    """A point, or a closed curve."""

    index: Index
    kind: Annotated[Literal["point", "cycle"], Field(description="what it is")]
    point: Annotated[Point, Field(description="the point; of a cycle one of its points")]
    curve: NotRequired[Annotated[list[Point], Field(description="of a cycle: points all along it")]]
    period: NotRequired[Annotated[float, Field(description="of a cycle: the time it takes")]]
    multipliers: NotRequired[
        Annotated[
            list[list[float]], Field(description="of a cycle: Floquet multipliers as [real, imaginary]")
        ]
    ]


@with_config(STRICT)
class AttractorEntry(PlaceEntry):
    """An attractor: a stable fixed point or limit cycle."""


@with_config(STRICT)
class PassEntry(PlaceEntry):
    """A saddle or unstable cycle between two basins."""

    between: list[int | None]
    """the attractors on its two sides, null: none in the domain"""
    unstable_eigenvalue: Number
    """rate at which the drift leaves it; null for a cycle"""


@with_config(STRICT)
class FixedPointEntry(TypedDict):
    """A fixed point that is neither attractor nor pass."""

    kind: str
    """what it is"""
    point: Point
    """where it is"""


@with_config(STRICT)
class TensorEntry(TypedDict):
    """A at one place, as scaled for the comparison."""

    trace: float
    """its trace"""
    eigenvalues: list[float]
    """in increasing order"""
    matrix: list[list[float]]
    """the tensor itself"""


@with_config(STRICT)
class AnisotropyEntry(TypedDict):
    """A at all places, in their order."""

    attractors: list[TensorEntry]
    """at the attractors"""
    saddles: list[TensorEntry]
    """at the saddles"""
