"""The C² step from 0 to 1, ``S(t) = 10t³ − 15t⁴ + 6t⁵`` on 0 ≤ t ≤ 1, for arrays and for UFL expressions."""

from __future__ import annotations

from typing import Any


def smooth_step(t: Any) -> Any:
    """S(t) for t in [0, 1]: its first two derivatives vanish at both ends."""
    return t**3 * (10.0 - 15.0 * t + 6.0 * t**2)


def smooth_step_slope(t: Any) -> Any:
    """``S'(t) = 30 t² (1 − t)²``."""
    return 30.0 * (t * (1.0 - t)) ** 2
