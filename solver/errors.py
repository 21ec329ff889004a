"""The failures that the solver reports; each message says what failed and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


class SolverError(Exception):
    """Any failure of a computation that is not a wrong argument."""


class NotConverged(SolverError):
    """An iteration or a search ended before its own checks were satisfied."""


class DegenerateFixedPoints(SolverError):
    """The drift vanishes on a curve, or at a point where its Jacobian is singular."""


class UnsuitableDomain(SolverError):
    """The domain does not hold what is asked about: no attractor, or one on its boundary."""


@dataclass(frozen=True)
class Refused:
    """In place of a result that is not given, where all others stand without it.

    Attributes:
        reason: Why not, for whoever asked.
    """

    reason: str
