"""Noises side by side, and references beside results, in ``summary.json``."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from pydantic import Field, with_config

from cases.contracts.strict import STRICT, Anywhere, From, Number

_Pair = TypedDict("_Pair", {"from": From, "to": Anywhere})


@with_config(STRICT)
class RatioEntry(TypedDict):
    """A noise beside the baseline at one noise level."""

    epsilon: Annotated[Number, Field(description="noise level; null where only barriers are compared")]
    noise: Annotated[str, Field(description="the noise")]
    baseline: Annotated[str, Field(description="the noise in the denominator")]
    barrier_ratio: Annotated[Number, Field(description="barrier over that of the baseline")]
    log_rate_ratio: Annotated[Number, Field(description="log of the rate over that of the baseline")]


@with_config(STRICT)
class ComparisonEntry(RatioEntry, _Pair):
    """Escape ``from`` one attractor ``to`` another."""


@with_config(STRICT)
class ExitComparisonEntry(RatioEntry):
    """Exit from a set."""

    exit: str
    """name of the set"""


@with_config(STRICT)
class DisagreementEntry(TypedDict):
    """Where two measures of escape order a noise and the baseline differently."""

    kind: Literal["exponent", "set"]
    """barrier against rate, or one set against another"""
    noise: str
    """the noise"""
    baseline: str
    """the noise it is compared with"""
    epsilon: list[float]
    """noise levels at which it is so"""
    text: str
    """the same in words"""


@with_config(STRICT)
class ReferenceEntry(TypedDict):
    """A value to reproduce beside the computed one."""

    name: str
    """its name in the case"""
    label: str
    """what it is, in words"""
    quantity: str
    """kind of quantity"""
    computed: Number
    """the value of the run"""
    reference: float
    """the value to reproduce"""
    error: Number
    """relative error; of a logarithm the difference"""
    tolerance: float
    """largest accepted error"""
    ok: bool | None
    """whether they agree; null without a computed value"""
    source: str
    """where the reference value is from"""
