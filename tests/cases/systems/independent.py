"""The answers of named systems by methods that share nothing with the solver, nor with the parser of cases.

A system is read with tomllib and sympy.  The ``source`` of a reference says how its value is derived, in
words that :func:`derived` understands, so that no value in a case file stands unproven:

    twice the rise of the loss to the saddle (x, y), Newton's method
    exact V = EXPRESSION, at the saddle (x, y)          V is checked to solve its Hamilton–Jacobi equation
    exact V = EXPRESSION, at the edge (x, y)            of a set that is left; V is 0 on the attractor
    radial drift EXPRESSION from A to B                 its integral times −2; b is checked to be that
    closed form EXPRESSION                              of a place
    quadrature of -2 b/A                                in one dimension
    mean passage time by a double integral              in one dimension
    quadrature of exp(-2 loss/epsilon) over the box     a moment
    least action to the saddle (x, y) [by way of (x, y)]     tests/minimum_action.py
    least action from the start (x, y) to the edge (x, y)    of a set; from a cycle after one turn
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import brentq, root

from cases.loading.catalogue import files
from tests import minimum_action

Array = np.ndarray
#: numpy's own printing of these does not broadcast, or is missing.
KINKS = {
    "largest": lambda *these: reduce(np.maximum, these),
    "smallest": lambda *these: reduce(np.minimum, these),
    "Heaviside": lambda x, at_zero=0.5: np.heaviside(x, 0.5),
    "DiracDelta": lambda x, order=0: 0 * x,
}
WORDS = {"abs": sp.Abs, "max": sp.Max, "min": sp.Min, "e": sp.E, "pi": sp.pi}


@dataclass(frozen=True)
class Plain:
    """A system as its case file has it, in sympy."""

    data: Mapping[str, Any]

    @classmethod
    def named(cls, name: str) -> Plain:
        return cls(tomllib.loads(files()[name].read_text(encoding="utf-8")))

    @cached_property
    def names(self) -> list[sp.Symbol]:
        return list(sp.symbols(self.data["system"]["coordinates"], real=True))

    @property
    def dim(self) -> int:
        return len(self.names)

    @property
    def bounds(self) -> list[list[float]]:
        return self.data["domain"]["bounds"]

    @property
    def references(self) -> Mapping[str, Mapping[str, Any]]:
        return self.data.get("reference", {})

    def expression(self, text: Any) -> sp.Expr:
        """An expression of the case, its parameters put in."""
        if not isinstance(text, str):
            return sp.Float(text)
        known = WORDS | {str(one): one for one in self.names}
        numbers = self.data["system"].get("parameters", {})
        return sp.sympify(text, locals=known | {key: sp.Float(value) for key, value in numbers.items()})

    @cached_property
    def loss(self) -> sp.Expr | None:
        text = self.data["system"].get("loss")
        return None if text is None else self.expression(text)

    @cached_property
    def drift(self) -> sp.Matrix:
        if self.loss is not None:
            return sp.Matrix([-sp.diff(self.loss, one) for one in self.names])
        return sp.Matrix([self.expression(one) for one in self.data["system"]["drift"]])

    def diffusion(self, noise: str) -> sp.Matrix:
        """A; no reference is for a noise that is rescaled, nor for one that is made of the Hessian."""
        given = self.data["noise"][noise]["diffusion"]
        if given == "identity":
            return sp.eye(self.dim)
        if not isinstance(given, list):
            return self.expression(given) * sp.eye(self.dim)
        return sp.Matrix([[self.expression(one) for one in row] for row in given])

    def function(self, expression: sp.Basic) -> Callable[..., Array]:
        """An expression or a matrix as a function of the coordinates, of an array of any shape each."""
        for kind, name in ((sp.Max, "largest"), (sp.Min, "smallest")):
            expression = expression.replace(kind, lambda *these, name=name: sp.Function(name)(*these))
        return sp.lambdify(self.names, expression, [KINKS, "numpy"])

    @cached_property
    def field(self) -> Callable[..., Array]:
        """b as a function of the coordinates."""
        return self.function(self.drift)

    @cached_property
    def slope(self) -> Callable[..., Array]:
        """∂b_i/∂x_j as a function of the coordinates."""
        return self.function(self.drift.jacobian(self.names))

    @cached_property
    def height(self) -> Callable[..., Array]:
        """The loss as a function of the coordinates."""
        return self.function(self.loss)

    def sample(self) -> Array:
        """Fifty points of the box, ``(d, 50)``."""
        low, high = np.array(self.bounds).T
        return (low + (high - low) * np.random.default_rng(3).random((50, self.dim))).T

    def zero(self, guess: list[float]) -> Array:
        """The zero of the drift near a point; the point itself where the drift has a kink or jumps there."""
        b, slope = self.field, self.slope
        start = np.array(guess, dtype=float)
        with np.errstate(all="ignore"):
            found = root(lambda x: b(*x).ravel(), start, jac=lambda x: slope(*x), tol=1e-13)
        size = np.ptp(np.array(self.bounds), axis=1).max()
        return found.x if found.success and np.abs(found.x - start).max() < 0.02 * size else start


def point(text: str, before: str = "saddle") -> list[float]:
    """The coordinates that follow a word in the source of a reference."""
    found = re.search(before + r" \(([^)]*)\)", text)
    assert found, text
    return [float(one) for one in found[1].split(",")]


def derived(system: Plain, reference: Mapping[str, Any]) -> float:
    """The value of a reference, derived anew."""
    source = reference["source"]
    for words, method in METHODS.items():
        if words in source:
            return method(system, reference)
    raise AssertionError(f"no method for: {source}")


def by_action(reference: Mapping[str, Any]) -> bool:
    """Whether it is an upper bound by an explicit path, to as many digits as the path has nodes."""
    return "least action" in reference["source"]


def rise(system: Plain, reference: Mapping[str, Any]) -> float:
    """``V = 2 ΔU`` for isotropic noise, ``2 ΔU/c`` for A = c I."""
    height = system.height
    a = system.diffusion(reference["noise"])
    strength = float(a[0, 0])
    assert a == a[0, 0] * sp.eye(system.dim)
    start, saddle = system.zero(reference["from"]), system.zero(point(reference["source"]))
    return 2 * float(height(*saddle) - height(*start)) / strength


def exact(system: Plain, reference: Mapping[str, Any]) -> float:
    """V in closed form, after a look whether it solves its equation and has its minimum at the start."""
    source = reference["source"]
    text = re.search(r"exact V = (.*), at the", source)
    assert text
    v = system.expression(text[1])
    slope = sp.Matrix([sp.diff(v, one) for one in system.names])
    a = system.diffusion(reference["noise"])
    residual = system.function((system.drift.T * slope)[0] + (slope.T * a * slope)[0] / 2)
    size = system.function((system.drift.T * system.drift)[0] + (slope.T * slope)[0])
    x, random = system.sample(), np.random.default_rng(4)
    assert np.all(np.abs(residual(*x)) <= 1e-11 * (1 + size(*x)))
    height = system.function(v)
    if "at the edge" in source:
        assert np.all(height(*x) >= 0)
        return float(height(*point(source, "edge")))
    start, saddle = system.zero(reference["from"]), system.zero(point(source))
    width = np.ptp(np.array(system.bounds), axis=1)[:, None]
    near = start[:, None] + 1e-3 * width * random.normal(size=(system.dim, 20))
    assert np.all(height(*near) > height(*start))
    return float(height(*saddle) - height(*start))


def radial(system: Plain, reference: Mapping[str, Any]) -> float:
    """``−2 ∫ R(r) dr`` of a drift that is R(r) outwards and anything round the centre; isotropic noise."""
    text = re.search(r"radial drift (.*) from (.*) to (.*)", reference["source"])
    assert text
    r = sp.Symbol("r", real=True)
    numbers = system.data["system"].get("parameters", {})
    outward = sp.sympify(text[1], locals={"r": r} | {key: sp.Float(value) for key, value in numbers.items()})
    x = system.sample()
    assert system.diffusion(reference["noise"]) == sp.eye(system.dim)
    size = np.sqrt((x**2).sum(axis=0))
    along = (x * system.field(*x).reshape(x.shape)).sum(axis=0) / size
    assert along == pytest.approx(sp.lambdify(r, outward, "numpy")(size), rel=1e-10)
    ends = [
        float(sp.sympify(one, locals={key: sp.Float(v) for key, v in numbers.items()}))
        for one in text.groups()[1:]
    ]
    return float(sp.integrate(-2 * outward, (r, *ends)))


def closed_form(system: Plain, reference: Mapping[str, Any]) -> float:
    """A number that an expression of the parameters gives."""
    return float(system.expression(reference["source"].partition("closed form ")[2]))


def barrier_on_a_line(system: Plain, reference: Mapping[str, Any]) -> float:
    """The integral of ``−2 b/A`` from an attractor up to the first zero of b on the way to the other."""
    (here,), (there,) = reference["from"], reference["to"]
    b = system.function(system.drift[0])
    a = system.function(system.diffusion(reference["noise"])[0, 0])
    here, there = (settled(system, one) for one in (here, there))
    x = np.linspace(here, there, 4003)[1:-1]
    up = np.sign(b(x)) == np.sign(here - there)  # the drift leads back
    turn = int(np.argmin(up))
    assert up[0]
    assert not up[turn]
    top = brentq(b, x[turn - 1], x[turn], xtol=1e-14, rtol=1e-14)
    # Gauss's rule on short pieces: a drift may have a kink
    nodes, weights = np.polynomial.legendre.leggauss(12)
    pieces = np.linspace(here, top, 2001)
    half = np.diff(pieces)[:, None] / 2
    y = pieces[:-1, None] + half * (nodes + 1)
    return float((-2 * b(y) / a(y) * half * weights).sum())


def settled(system: Plain, x: float) -> float:
    """The zero of a drift in one dimension next to a point given to a few digits."""
    b = system.function(system.drift[0])
    step = 0.01 * float(np.ptp(system.bounds[0]))
    if b(x) == 0 or np.sign(b(x - step)) == np.sign(b(x + step)):
        return x
    return float(brentq(b, x - step, x + step, xtol=1e-14, rtol=1e-14))


def log_time_on_a_line(system: Plain, reference: Mapping[str, Any]) -> float:
    """``log E τ`` from one point to another of a line that reflects at its ends, by a double integral."""
    (here,), (there,) = reference["from"], reference["to"]
    epsilon = reference["epsilon"]
    b = system.function(system.drift[0])
    a = system.function(system.diffusion(reference["noise"])[0, 0])
    low, high = system.bounds[0]
    nodes, weights = np.polynomial.legendre.leggauss(8)
    edges = np.linspace(low, high, 4001)
    width = edges[1] - edges[0]
    x = edges[:-1, None] + width * (nodes + 1) / 2
    slope = np.broadcast_to(2 * b(x) / a(x), x.shape)
    # the logarithm of the scale function's density: cumulative integral of 2b/A, to the nodes of each panel
    whole = np.concatenate([[0], np.cumsum(slope @ weights * width / 2)])
    inner = _inner_weights(nodes) * width / 2
    climb = whole[:-1, None] + slope @ inner.T
    top = climb.max()
    spread = np.broadcast_to(a(x), x.shape)
    speed = np.exp((climb - top) / epsilon) * 2 / (epsilon * spread)
    rising = here < there
    part = speed @ weights * width / 2
    mass = (
        np.concatenate([[0], np.cumsum(part)])
        if rising
        else np.concatenate([np.cumsum(part[::-1])[::-1], [0]])
    )
    at = mass[:-1, None] + speed @ inner.T if rising else mass[1:, None] + (part[:, None] - speed @ inner.T)
    between = (x > min(here, there)) & (x < max(here, there))
    logs = np.where(between, -(climb - top) / epsilon + np.log(np.maximum(at, 1e-300)), -np.inf)
    peak = logs.max()
    return float(peak + np.log((np.exp(logs - peak) @ weights * width / 2).sum()))


def _inner_weights(nodes: Array) -> Array:
    """Weights that integrate from −1 to each node the polynomial through the values at the nodes."""
    n = len(nodes)
    powers = nodes[:, None] ** np.arange(n)
    integrals = (nodes[:, None] ** np.arange(1, n + 1) - (-1.0) ** np.arange(1, n + 1)) / np.arange(1, n + 1)
    return np.linalg.solve(powers.T, integrals.T).T


def moment(system: Plain, reference: Mapping[str, Any]) -> float:
    """``E f`` under ``exp(−2 loss/ε)`` on the box, whose boundary reflects; isotropic noise A = I."""
    assert system.diffusion(reference["noise"]) == sp.eye(system.dim)
    count = {1: 2000, 2: 480, 3: 110}[system.dim]
    nodes, weights = np.polynomial.legendre.leggauss(count)
    axes = [(low + (high - low) * (nodes + 1) / 2) for low, high in system.bounds]
    grid = np.meshgrid(*axes, indexing="ij", sparse=True)
    loss = system.height(*grid)
    p = np.exp(-2 * (loss - loss.min()) / reference["epsilon"])
    for axis in range(system.dim):
        p = p * weights.reshape([-1 if i == axis else 1 for i in range(system.dim)])
    f = system.function(system.expression(reference["moment"]))(*grid)
    return float((f * p).sum() / p.sum())


def least_action(
    system: Plain, reference: Mapping[str, Any], counts: Sequence[int] | None = None, iterations: int = 4000
) -> float:
    """The least action from an attractor to a saddle."""
    source = reference["source"]
    start, saddle = system.zero(reference["from"]), system.zero(point(source))
    moving = minimum_action.dynamics(system.names, system.drift, system.diffusion(reference["noise"]))
    if "by way of" not in source:
        return minimum_action.barrier(moving, start, saddle, counts, iterations)[0]
    between = np.array(point(source, "by way of"))
    corners = np.stack([start, between, saddle])
    guess = np.stack([np.interp(np.linspace(0, 2, 60), [0, 1, 2], one) for one in corners.T], axis=1)
    return minimum_action.least(moving, guess, counts or (12, 24, 48, 96), 0.0, iterations)[0]


def least_action_to_an_edge(
    system: Plain, reference: Mapping[str, Any], counts: Sequence[int] | None = None, iterations: int = 4000
) -> float:
    """The least action from a point attractor, or a point of a cycle, to a point of the edge of a set."""
    source = reference["source"]
    start, edge = np.array(point(source, "start")), np.array(point(source, "edge"))
    moving = minimum_action.dynamics(system.names, system.drift, system.diffusion(reference["noise"]))
    if np.abs(moving.drift(start[:, None])).max() < 1e-4 * np.abs(moving.drift(edge[:, None])).max():
        start = system.zero(list(start))
        return minimum_action.barrier(moving, start, edge, counts, iterations)[0]
    guess = minimum_action.round_a_cycle(moving, start, edge)
    return minimum_action.least(moving, guess, counts or (48, 96, 144), 0.0, iterations)[0]


def beside(system: Plain, reference: Mapping[str, Any], step: float) -> Mapping[str, Any]:
    """The same reference to a point of the edge a step further along it."""
    (table,) = [one for one in system.data["exit"] if one["name"] == reference["exit"]]
    edge = np.array(point(reference["source"], "edge"))
    if "ball" in table:
        centre, radius = np.array(table["ball"]["centre"]), table["ball"]["radius"]
        inside = sum((one - c) ** 2 for one, c in zip(system.names, centre, strict=True)) - radius**2
    else:
        inside = system.expression(table["inside"])
    outward = sp.Matrix([sp.diff(inside, one) for one in system.names])
    height, slope = system.function(inside), system.function(outward)
    normal = slope(*edge).ravel()
    moved = edge + step * np.array([-normal[1], normal[0]]) / np.linalg.norm(normal)
    for _ in range(20):  # back to the edge
        normal = slope(*moved).ravel()
        moved = moved - height(*moved) * normal / (normal @ normal)
    text = "edge (" + ", ".join(f"{one:.10g}" for one in moved) + ")"
    return dict(reference) | {"source": re.sub(r"edge \([^)]*\)", text, reference["source"])}


METHODS: dict[str, Callable[[Plain, Mapping[str, Any]], float]] = {
    "twice the rise of the loss": rise,
    "exact V = ": exact,
    "radial drift": radial,
    "closed form ": closed_form,
    "quadrature of -2 b/A": barrier_on_a_line,
    "mean passage time by a double integral": log_time_on_a_line,
    "quadrature of exp(-2 loss/epsilon)": moment,
    "least action to the saddle": least_action,
    "least action from the start": least_action_to_an_edge,
}
