"""The phase space of a case with ``system.friction``: of a loss in one coordinate x, the plane (x, v)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape
from solver.phase_space import Line, phase_parts
from solver.system import Array, Field, System, constant_tensor

#: The names of the momentum, the first that is free.
NAMES = ("v", "velocity", "momentum_of_x")


def position(case: Case) -> Case:
    """The case of the loss alone, in its one coordinate, as a case without momentum has it."""
    changes: dict[str, object] = {"friction": None, "momentum": None, "learning_rate": None}
    if case.system.coordinates is not None:
        changes["coordinates"] = case.system.coordinates[:1]
    domain = case.domain
    if domain.bounds is not None:
        domain = domain.model_copy(update={"bounds": domain.bounds[:1]})
    return replace(case, system=case.system.model_copy(update=changes), domain=domain)


def phase_space(line: Landscape, friction: float, coordinates: list[str]) -> Landscape:
    """The landscape in (x, v) of one in x.

    Args:
        line: The loss in x.
        friction: γ.
        coordinates: Names of x and v.
    """
    system = _system(line, constant_tensor(np.eye(1))[0], None, friction)
    return Landscape(
        coordinates=tuple(coordinates),
        drift=system.drift,
        jacobian=system.jacobian,
        parameters=line.parameters,
        interpolation=None,
        line=line,
        friction=friction,
    )


def phase_system(landscape: Landscape, diffusion: Field, slope: Field | None, scale: float) -> System:
    """The system in (x, v) under a noise in x, ``(1, N) -> (1, 1, N)``, that is multiplied by a number."""
    assert landscape.line is not None
    assert landscape.friction is not None

    def scaled(x: Array) -> Array:
        return np.asarray(scale * diffusion(x))

    steep = None if slope is None else lambda x: scale * slope(x)
    return _system(landscape.line, scaled, steep, landscape.friction)


def _system(line: Landscape, diffusion: Field, slope: Field | None, friction: float) -> System:
    assert line.loss is not None
    known = Line(line.loss, line.drift, line.jacobian, diffusion, slope)
    return System(**phase_parts(known, friction, line.coordinates[0]))


def name_of_momentum(name: str, taken: set[str]) -> str:
    """A name for the momentum that belongs to x."""
    return next((one for one in NAMES if one != name and one not in taken), f"{name}_v")
