"""Exits from sets in ``summary.json``."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from pydantic import with_config

from cases.contracts.strict import STRICT, From, Number, Point

_Exit = TypedDict("_Exit", {"from": From})


@with_config(STRICT)
class ExitTime(TypedDict):
    """The mean exit time from a set at one noise level."""

    epsilon: float
    """noise level"""
    log_exit_time: float
    """log of the mean exit time"""
    log_exit_time_error: NotRequired[Number]
    """its estimated error; null where there is only the direct solution"""
    log_rate: float
    """minus that"""
    log_exit_time_direct: Number
    """from the backward equation"""
    log_exit_time_flux: Number
    """from the flux of the density through the boundary"""
    flux_difference: Number
    """difference of two evaluations of this flux, in log T"""
    log_exit_time_simulated: NotRequired[Number]
    """of simulated paths"""
    simulated_ci: NotRequired[list[float] | None]
    """its 95 % interval"""
    simulated_by: NotRequired[Literal["paths", "splitting"] | None]
    """by plain paths or by splitting"""
    simulated_paths: NotRequired[int | None]
    """number of paths"""


@with_config(STRICT)
class ExitEntry(_Exit):
    """Exit from one set, ``from`` an attractor."""

    name: str
    """name of the set"""
    set: str
    """the set, for people"""
    asked: bool
    """whether the case names it"""
    barrier: Number
    """lowest V on the boundary; null where V is known nowhere on it"""
    barrier_above: Number
    """what V is at least on the boundary, where it is not known"""
    barrier_point: Point | None
    """where V is lowest"""
    unknowns: int | None
    """size of the discrete problem"""
    times: list[ExitTime]
    """mean exit times by noise level; empty where they could not be computed"""
