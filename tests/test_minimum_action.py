"""The independent minimiser of actions, against systems whose quasi-potential is known."""

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import check_grad

from tests import minimum_action as action

X, Y = sp.symbols("x y", real=True)
HERE, TOP = np.array([-1.0, 0.0]), np.zeros(2)


def made(potential, diffusion, rotation):
    """``b = −½A∇V + J∇V``."""
    slope = sp.Matrix([sp.diff(potential, one) for one in (X, Y)])
    diffusion = sp.Matrix(diffusion)
    turn = sp.Matrix([[0, rotation], [-rotation, 0]])
    return action.dynamics([X, Y], -diffusion * slope / 2 + turn * slope, diffusion)


@pytest.mark.parametrize(
    ("diffusion", "rotation"),
    [
        ([[1, 0], [0, 1]], 0.0),
        ([[1, 0], [0, 1]], 0.8),
        ([[1 + X**2 / 2, X / 4], [X / 4, 1 + Y**2]], 0.5),
    ],
)
def test_barriers_of_given_potentials(diffusion, rotation):
    system = made((X**2 - 1) ** 2 + Y**2 + X * Y**2 / 4, diffusion, rotation)
    found, _ = action.barrier(system, HERE, TOP, counts=(12, 24))
    assert found == pytest.approx(1.0, rel=1e-3)


def test_a_focus_needs_a_spiral():
    system = made((X**2 - 1) ** 2 + 2 * Y**2, [[1, 0], [0, 1]], 1.5)
    assert action.turns(system, HERE)
    found, _ = action.barrier(system, HERE, TOP, counts=(24, 48))
    assert found == pytest.approx(1.0, rel=5e-3)


def test_an_escape_path_off_the_axis():
    """Maier and Stein at β = 10: 0.3400414, not the 0.4905 of the path that stays near the axis."""
    drift = sp.Matrix([X - X**3 - 10 * X * Y**2, -(1 + X**2) * Y])
    system = action.dynamics([X, Y], drift, sp.eye(2))
    bent = action.straight(HERE, TOP)
    bent[:, 1] = 0.2 * np.sin(np.pi * np.linspace(0, 1, len(bent)))
    found, _ = action.least(system, bent, counts=(12, 24))
    assert found == pytest.approx(0.3400414, rel=3e-5)


def test_derivatives_of_the_action():
    system = made((X**2 - 1) ** 2 + Y**2, [[1 + X**2 / 2, X / 4], [X / 4, 1 + Y**2]], 0.5)
    splines = action.Splines.through(6, 1.0)
    path = action.straight(HERE, TOP)[::8] + 0.1 * np.random.default_rng(1).normal(size=(7, 2))

    def value(x):
        return action._action(system, splines, x.reshape(7, 2))[0]

    def slope(x):
        return action._action(system, splines, x.reshape(7, 2))[1].ravel()

    assert check_grad(value, slope, path.ravel()) < 1e-5
