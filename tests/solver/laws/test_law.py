"""Convex duality, the cost of directions, derivatives, and paths of least action."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from solver.errors import Refused
from solver.laws.cost import cost
from solver.laws.cumulant import CumulantLaw
from solver.laws.diffusion import DiffusionLaw
from solver.laws.jumps import JumpLaw
from solver.laws.law import Law, lagrangian
from solver.laws.least_action import LeastAction, least_action
from solver.laws.line import potential_difference
from solver.paths.action import density
from solver.system import Array, System
from tests.solver.laws.examples import double_well_sample, schlogl, turned_product

RNG = np.random.default_rng(2)
SLOPES, OFFSETS = RNG.standard_normal((30, 2, 2)), RNG.standard_normal((30, 2))
CHANGES = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [1.0, -2.0]])


def sample(strength: float = 1.0) -> CumulantLaw:
    """Thirty linear fields, off zero."""

    def fields(x: Array) -> Array:
        return np.asarray(np.einsum("mij,jn->min", SLOPES, x) + OFFSETS[:, :, None])

    return CumulantLaw(2, fields, lambda x, w: np.einsum("mij,mn->ijn", SLOPES, w), strength)


def reactions() -> JumpLaw:
    def rates(x: Array) -> Array:
        u, v = x
        return np.stack([2.0 + 0 * u, 1 + u**2, 1 + v**2, np.exp(0.3 * v), 0.5 + u**2 / 4])

    def slopes(x: Array) -> Array:
        u, v = x
        none = 0 * u
        by_u = np.stack([none, 2 * u, none, none, u / 2])
        return np.stack([by_u, np.stack([none, none, 2 * v, 0.3 * np.exp(0.3 * v), none])], axis=1)

    return JumpLaw(CHANGES, rates, slopes)


def diffusion() -> DiffusionLaw:
    def tensor(x: Array) -> Array:
        u, v = x
        return np.array([[1 + u**2, 0.3 * v], [0.3 * v, 2 + v**2]])

    def divergence(x: Array) -> Array:
        return np.stack([2 * x[0] + 0.3, 2 * x[1]])

    return DiffusionLaw(
        System(
            2,
            lambda x: np.stack([x[0] - x[0] ** 3 - x[1], -x[1] + x[0] ** 2]),
            lambda x: np.array([[1 - 3 * x[0] ** 2, 0 * x[0] - 1], [2 * x[0], 0 * x[0] - 1]]),
            tensor,
            divergence,
        )
    )


LAWS: dict[str, Law] = {
    "diffusion": diffusion(),
    "sample": sample(),
    "scaled sample": sample(0.3),
    "jumps": reactions(),
    "Langevin": DiffusionLaw(reactions().diffusion()),
}
numbers = st.floats(-1.5, 1.5)
pairs = st.tuples(numbers, numbers)


def column(pair: tuple[float, float]) -> Array:
    return np.array(pair)[:, None]


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(sorted(LAWS)), pairs, pairs, pairs)
def test_duality(name: str, at: tuple[float, float], p: tuple[float, float], q: tuple[float, float]) -> None:
    """L(∂H/∂p) = p·∂H/∂p − H, attained at p, and Young's inequality for any other momentum."""
    law, x, p, q = LAWS[name], column(at), column(p), column(q)
    found = law.at(x).values(p)
    value, momentum = lagrangian(law, x, found.velocity)
    exact = np.sum(p * found.velocity) - found.hamiltonian[0]
    assert value[0] == pytest.approx(exact, rel=1e-9, abs=1e-11)
    assert momentum == pytest.approx(p, rel=1e-5, abs=1e-6)
    other = law.at(x).values(q).hamiltonian[0]
    assert np.sum(q * found.velocity) <= value[0] + other + 1e-9 * (1 + abs(other))
    assert value[0] >= -1e-12
    assert law.at(x).values(0 * p).hamiltonian[0] == 0.0


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(sorted(LAWS)), pairs, st.floats(0, 6.28))
def test_cost_of_a_direction_is_the_cheapest_speed(name: str, at: tuple[float, float], angle: float) -> None:
    law, x = LAWS[name], column(at)
    v = np.array([[np.cos(angle)], [np.sin(angle)]])
    found = cost(law, x, v)
    if not np.isfinite(found.value[0]):
        return

    def per_length(log_speed: float) -> float:
        return float(lagrangian(law, x, np.exp(log_speed) * v)[0][0] * np.exp(-log_speed))

    best = minimize_scalar(per_length, bounds=(-12, 4), method="bounded", options={"xatol": 1e-9}).fun
    assert found.value[0] <= best + 1e-7 * (1 + best)
    assert found.value[0] == pytest.approx(best, rel=1e-4, abs=1e-5)
    assert abs(law.at(x).values(found.momentum).hamiltonian[0]) < 1e-9


@pytest.mark.parametrize("name", sorted(LAWS))
def test_derivatives(name: str) -> None:
    """∂H/∂p, ∂²H/∂p², ∂H/∂x and ∂ℓ/∂x by differences."""
    law, h = LAWS[name], 1e-5
    x, p, v = (0.7 * RNG.standard_normal((2, 40)) for _ in range(3))
    values, slope, direct = law.at(x).values(p), law.at(x).slope(p), cost(law, x, v)
    assert np.isfinite(direct.value).any()
    for k in range(2):
        e = h * np.eye(2)[:, k : k + 1]
        ahead, behind = law.at(x).values(p + e), law.at(x).values(p - e)
        assert (ahead.hamiltonian - behind.hamiltonian) / (2 * h) == pytest.approx(
            values.velocity[k], rel=1e-6, abs=1e-6
        )
        assert (ahead.velocity - behind.velocity) / (2 * h) == pytest.approx(
            values.curvature[k], rel=1e-6, abs=1e-6
        )
        by_x = law.at(x + e).values(p).hamiltonian - law.at(x - e).values(p).hamiltonian
        assert by_x / (2 * h) == pytest.approx(slope[k], rel=1e-5, abs=1e-5)
        by_x = cost(law, x + e, v).value - cost(law, x - e, v).value
        fine = np.isfinite(by_x)
        assert (by_x / (2 * h))[fine] == pytest.approx(direct.by_position[k][fine], rel=1e-4, abs=1e-4)


def test_cost_of_the_diffusion_is_its_geometric_action() -> None:
    law = diffusion()
    x, v = RNG.standard_normal((2, 2, 100))
    assert cost(law, x, v).value == pytest.approx(density(law.system, x, v), rel=1e-12)


def test_directions_that_no_sample_pushes_cost_infinitely_much() -> None:
    kicks = np.array([[1.0, 0.1], [-1.0, 0.1], [0.0, 0.3]])
    law = CumulantLaw(
        2, lambda x: np.repeat(kicks[:, :, None], x.shape[1], axis=2), lambda x, w: 0 * x[:, None]
    )
    v = np.array([[0.0, 0.0, 1.0], [1.0, -1.0, 0.0]])
    value = cost(law, np.zeros((2, 3)), v).value
    assert value[0] == pytest.approx(0.0, abs=1e-12)
    assert value[1] == np.inf
    assert value[2] == np.inf
    assert isinstance(least_action(law, np.zeros(2), np.array([0.0, -1.0])), Refused)
    assert lagrangian(law, np.zeros((2, 1)), np.array([[0.0], [-1.0]]))[0][0] == np.inf


@pytest.mark.parametrize("angle", [0.0, 0.5])
def test_least_action_of_a_turned_product(angle: float) -> None:
    law, turn = turned_product(angle), np.array([np.cos(angle), np.sin(angle)])
    exact = potential_difference(double_well_sample(np.zeros(2), np.array([1.0, -1.0])), -1.0, 0.0)
    found = least_action(law, -turn, 0 * turn)
    assert isinstance(found, LeastAction)
    assert found.action == pytest.approx(exact, rel=1e-4)
    assert found.action >= exact * (1 - 1e-7)
    assert found.error < 1e-3 * exact
    assert np.abs(law.at(found.points.T).values(found.momenta.T).hamiltonian).max() < 1e-9
    assert found.actions[-1] == pytest.approx(found.action, rel=1e-6)


def test_least_action_of_a_gradient_system_on_a_curved_way() -> None:
    """A = I and b = −∇U: V = 2U at the saddle, whatever way leads there."""

    def drift(x: Array) -> Array:
        u, v = x
        off = v - u**2
        return np.stack([u - u**3 + 4 * u * off, -2 * off])

    def jacobian(x: Array) -> Array:
        u, v = x
        return np.array([[1 - 3 * u**2 + 4 * (v - 3 * u**2), 4 * u], [4 * u, -2 + 0 * u]])

    flat = System.from_functions(lambda x: drift(x.T).T, bounds=[(-2, 2), (-2, 2)])
    law = DiffusionLaw(System(2, drift, jacobian, flat.diffusion, flat.divergence))
    found = least_action(law, np.array([-1.0, 1.0]), np.zeros(2))
    assert isinstance(found, LeastAction)
    assert 0.5 * (1 - 1e-7) <= found.action <= 0.5 * (1 + 2e-4)


def test_least_action_of_sheared_jumps() -> None:
    """A population with a threshold beside another one, in sheared coordinates: V is that of the first."""
    line, shear = schlogl(), 0.6
    changes = np.array([[1.0, 0.0], [-1.0, 0.0], [shear, 1.0], [-shear, -1.0]])

    def rates(x: Array) -> Array:
        own = line.rates(x[:1] - shear * x[1:])
        return np.concatenate([own, np.array([1 + 0 * x[1], x[1]])])

    def slopes(x: Array) -> Array:
        own = line.slopes(x[:1] - shear * x[1:])
        both = np.concatenate([own, -shear * own], axis=1)
        other = np.zeros((2, 2, x.shape[1]))
        other[1, 1] = 1.0
        return np.concatenate([both, other])

    law = JumpLaw(changes, rates, slopes)
    found = least_action(law, np.array([4.0 + shear, 1.0]), np.array([2.0 + shear, 1.0]))
    assert isinstance(found, LeastAction)
    exact = potential_difference(line, 4.0, 2.0)
    assert found.action == pytest.approx(exact, rel=1e-4)
    assert found.action >= exact * (1 - 1e-7)
