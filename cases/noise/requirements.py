"""What must hold for a diffusion tensor wherever it is used."""

from __future__ import annotations

from collections.abc import Mapping

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
    """The tensors ``(d, d, N)`` of noise ``name`` at the points must be covariances, of full rank or not."""
    _refuse(case, name, tensor_fault(tensors, points, f"noise.{name}.floor", some_directions=True))


def require_all_directions(case: Case, key: str, diffusions: Mapping[str, Field], point: Array) -> None:
    """Refuse what was tried with noise in all directions only.

    Args:
        case: The case.
        key: What asks for it.
        diffusions: A of its noises.
        point: Where they are looked at, ``(d,)``.

    Raises:
        CaseError: naming the key, if a noise acts in some directions only.
    """
    for name, diffusion in diffusions.items():
        found = tensor_fault(diffusion(point[:, None]), point[:, None], f"noise.{name}.floor")
        if found is not None:
            what, fix = found
            raise case.error(key, f"noise {name!r} acts in some directions only: {what}", fix)


def _refuse(case: Case, name: str, fault: Fault | None) -> None:
    if fault is not None:
        raise case.error(f"noise.{name}.diffusion", *fault)
