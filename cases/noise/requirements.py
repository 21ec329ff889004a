"""What must hold for a diffusion tensor wherever it is used."""

from __future__ import annotations

import numpy as np

from cases.base.errors import CaseError
from cases.casefile.case import Case
from cases.landscapes.landscape import at_point
from solver.system import Array, Field


def check_noise(case: Case, name: str, diffusion: Field, divergence: Field, points: Array) -> None:
    """A must be finite, symmetric and positive definite, and ∇·A finite, at these points.

    Raises:
        CaseError: naming the first point where one of them does not hold.
    """
    if points.shape[1] == 0:
        return
    check_tensors(case, name, diffusion(points), points)
    bad = ~np.isfinite(divergence(points)).all(axis=0)
    if bad.any():
        at = at_point(points[:, int(np.argmax(bad))])
        raise _bad_noise(case, name, f"the divergence of A is not finite at {at}", "change A or the domain")


def check_tensors(case: Case, name: str, tensors: Array, points: Array) -> None:
    """The tensors ``(d, d, N)`` of noise ``name`` at the points must be covariances."""
    finite = np.isfinite(tensors).all(axis=(0, 1))
    if not finite.all():
        at = at_point(points[:, int(np.argmin(finite))])
        raise _bad_noise(case, name, f"A is not finite at {at}", "change A or the domain")
    size = np.abs(tensors).max(axis=(0, 1))
    skew = np.abs(tensors - tensors.transpose(1, 0, 2)).max(axis=(0, 1))
    if (skew > 1e-12 * size).any():
        at = at_point(points[:, int(np.argmax(skew - 1e-12 * size))])
        raise _bad_noise(case, name, f"A is not symmetric at {at}", "make entry [i][j] equal to entry [j][i]")
    smallest = np.linalg.eigvalsh(np.moveaxis(tensors, 2, 0))[:, 0]
    bad = smallest <= 1e-12 * size
    if bad.any():
        k = int(np.argmin(smallest))
        raise _bad_noise(
            case,
            name,
            f"A is not positive definite at {at_point(points[:, k])}: smallest eigenvalue {smallest[k]:.3g}",
            f"change A or the domain, or add noise.{name}.floor",
        )


def _bad_noise(case: Case, name: str, problem: str, fix: str) -> CaseError:
    return case.error(f"noise.{name}.diffusion", problem, fix)
