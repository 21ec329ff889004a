"""The failures that the solver reports; each message says what failed and what to do about it."""

from __future__ import annotations


class SolverError(Exception):
    """Any failure of a computation that is not a wrong argument."""


class NotConverged(SolverError):
    """An iteration or a search ended before its own checks were satisfied."""


class DegenerateFixedPoints(SolverError):
    """The drift vanishes on a curve, or at a point where its Jacobian is singular."""
