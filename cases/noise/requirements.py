"""What must hold for a diffusion tensor wherever it is used."""

from __future__ import annotations

from cases.casefile.case import Case
from solver.soundness import Fault, divergence_fault, tensor_fault
from solver.system import Array, Field


def check_noise(case: Case, name: str, diffusion: Field, divergence: Field, points: Array) -> None:
    """A must be finite, symmetric and positive definite, and ∇·A finite, at these points.

    Raises:
        CaseError: naming the first point where one of them does not hold.
    """
    if points.shape[1] == 0:
        return
    check_tensors(case, name, diffusion(points), points)
    _refuse(case, name, divergence_fault(divergence(points), points))


def check_tensors(case: Case, name: str, tensors: Array, points: Array) -> None:
    """The tensors ``(d, d, N)`` of noise ``name`` at the points must be covariances."""
    _refuse(case, name, tensor_fault(tensors, points, f"noise.{name}.floor"))


def _refuse(case: Case, name: str, fault: Fault | None) -> None:
    if fault is not None:
        raise case.error(f"noise.{name}.diffusion", *fault)
