"""Noise that acts in some directions only, and that the drift does not hand on to all others."""

from __future__ import annotations

from collections.abc import Mapping

from cases.casefile.case import Case
from cases.noise.tensors import ScaledNoise
from solver.analysis.driven_well import unreached_direction
from solver.places.places import Places


def refuse_unreached(case: Case, noises: Mapping[str, ScaledNoise], places: Places) -> None:
    """Refuse a noise that leaves a direction without noise at an attractor or a saddle.

    Raises:
        CaseError: naming the noise, the place and the direction.
    """
    for name, noise in noises.items():
        problem = unreached_direction(noise.system, places, tuple(case.coordinates))
        if problem is not None:
            fix = f"let the drift or A couple it, or give noise.{name}.floor"
            raise case.error(f"noise.{name}.diffusion", problem, fix)
