"""All that can be checked of a case before anything is solved."""

from __future__ import annotations

import numpy as np

from cases.base.errors import CaseError
from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape, check_drift, domain_sample
from cases.landscapes.tabulated import figures
from cases.noise.vanishing_noise import explained
from cases.problem import landscape as landscapes
from cases.problem.memory import check_memory
from cases.problem.soundness import check_at
from cases.stages.catalogue import STAGES
from solver.elements.petsc_options import refusal

#: Interpolation error of the loss over its standard deviation beyond which a table is refused.
ROUGH = 0.2


def validate(case: Case) -> Landscape:
    """The landscape of a case whose drift and noises are sound over a sample of the domain.

    Noises that depend on the starting attractor are checked by :func:`cases.noise.tensors.scaled` later;
    so is everything at the attractors.

    Raises:
        CaseError: with the first thing that is wrong.
    """
    check_memory(case)
    if (found := refusal(case.solver.petsc)) is not None:
        raise case.error(f"solver.petsc.{found[0]}", *found[1:])
    if case.mean_field is not None:
        from cases.stages.mean_field import problem as mean_field_problem

        return mean_field_problem.checked_landscape(case)
    landscape = landscapes.build(case)
    _check_interpolation(case, landscape)
    points = domain_sample(case)
    if case.system.attractors:
        points = np.hstack([points, np.array(case.system.attractors, dtype=np.float64).T])
    check_drift(case, landscape, points)
    try:
        check_at(case, landscape, points)
    except CaseError as error:
        raise explained(case, landscape, error) from None
    for stage in STAGES:
        stage.check(case, landscape)
    return landscape


def _check_interpolation(case: Case, landscape: Landscape) -> None:
    """A table that its own points contradict is refused; smaller errors are a check of the run.

    Raises:
        CaseError: when leaving points out changes the loss by more than a fifth of its spread.
    """
    if landscape.interpolation is None:
        return
    key = "system.data" if case.system.data is not None else "system.tabulate"
    if landscape.interpolation.loss.size < 4**case.dim:
        raise case.error(key, "fewer than four grid points along a side of the domain", "use a finer grid")
    share = figures(landscape.interpolation)["loss"] or 0.0
    if share > ROUGH:
        raise case.error(
            key,
            f"the loss is too rough on its grid: the interpolation error is {share:.2g} of its spread",
            "use a finer grid, or smooth the loss",
        )


def notes(landscape: Landscape) -> list[str]:
    """What ``quasipot check`` has to say about a landscape, line by line."""
    found = landscape.interpolation
    if found is None:
        return []
    errors = figures(found)
    text = (
        f"loss {errors['loss']:.1e} of its spread, gradient {errors['gradient']:.1e} of its root mean square"
    )
    if errors["covariance"] is not None:
        text += f", covariance {errors['covariance']:.1e} of its norm"
    grid = " × ".join(str(n) for n in found.shape)
    return [f"loss on a grid of {grid} points; largest estimated interpolation errors in the domain: {text}"]
