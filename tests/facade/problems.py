"""Problems with known answers, solved through the Python interface, once for all tests."""

from __future__ import annotations

import functools

import numpy as np
import sympy as sp

import quasipot as qp
from tests.exact import Line

x, y, z = sp.symbols("x y z")


@functools.cache
def line():
    """A double well on the line under A = e^{x/2}, and its exact solution."""
    system = qp.System.from_loss((x**2 - 1) ** 2 / 4 + x / 20, [x], diffusion=sp.exp(x / 2))
    places = qp.find_places(system, [(-2.2, 2.2)])
    result = qp.solve(system, places, epsilon=[0.04, 0.08], tolerance=1e-4)
    exact = Line(lambda s: s - s**3 - 0.05, lambda s: np.exp(s / 2), -2.2, 2.2)
    return result, exact


@functools.cache
def printed():
    """The double well of the README, and the exact solution of its first coordinate."""
    system = qp.System.from_loss(
        (x**2 - 1) ** 2 / 4 + y**2 / 2, [x, y], diffusion=[[1 + x**2 / 4, 0], [0, 1]]
    )
    places = qp.find_places(system, [(-1.8, 1.8), (-1.2, 1.2)])
    result = qp.solve(system, places, epsilon=[0.1, 0.05], tolerance=1e-3)
    exact = Line(lambda s: s - s**3, lambda s: 1 + s**2 / 4, -1.8, 1.8)
    return result, exact


@functools.cache
def space():
    """Linear relaxation in space under rotation, from Python functions: V is a quadratic form."""
    matrix = np.array([[-1.0, -0.5, 0.2], [0.5, -1.5, 0.0], [-0.1, 0.3, -1.0]])
    noise = np.array([[1.0, 0.2, 0.0], [0.2, 0.8, 0.1], [0.0, 0.1, 1.2]])
    box = [(-1, 1)] * 3
    system = qp.System.from_functions(lambda points: points @ matrix.T, noise, bounds=box)
    result = qp.solve(system, qp.find_places(system, box), epsilon=0.05, tolerance=1e-2)
    return result, matrix, noise
