"""Densities that cannot be normalised are recognised, and those that can are not refused."""

import numpy as np
import pytest
import sympy as sp
from mpi4py import MPI

from meshes.box import box
from solver.fokker_planck.existence import NotNormalisable, collapse_onto, require_density, tail
from tests.exact import X, Y, gradient_system, system

COMM = MPI.COMM_WORLD
ORIGIN = np.zeros(1)


@pytest.mark.mpi
@pytest.mark.parametrize("strength", [-0.6, -0.25, 0.0, 0.5])
def test_power_law_on_a_line(strength):
    """``b = −a x``, ``A = 1 + x²``: ``p ∝ (1 + x²)^{−1−a/ε}``, normalisable for a/ε > −½."""
    epsilon = 0.4
    case = system([-strength * epsilon * X], sp.Matrix([[1 + X**2]]))
    found = tail(case, box(COMM, [(-64.0, 64.0)], 1024), epsilon, 3, ORIGIN)
    assert found.exponent == pytest.approx(2 * (1 + strength), abs=5e-3)
    assert found.normalisable == (strength > -0.5)
    # E x² is finite for 2(1 + a/ε) > 3
    assert found.finite_moment(2) == (strength > 0.5)
    if not found.normalisable:
        with pytest.raises(NotNormalisable, match="does not fall towards the boundary"):
            require_density(case, [], found)


def test_valley_of_a_factorisation():
    """``½(xy − 1)²`` with additive noise: x has the density 1/|x|; not so with noisy gradients."""
    plain = (X * Y - 1) ** 2 / 2
    penalised = plain + sp.Rational(9, 200) * (X**2 + Y**2)
    domain = box(COMM, [(-4.0, 4.0)] * 2, 48)
    start = np.zeros(2)
    open_valley = tail(gradient_system(plain, sp.eye(2)), domain, 0.5, 3, start)
    # p ∝ e^{−2f/ε} whatever the box
    side = np.linspace(-4.0, 4.0, 1601)
    x, y = np.meshgrid(side[:-1] + 0.0025, side[:-1] + 0.0025)
    weight, size = np.exp(-((x * y - 1) ** 2) / 0.5), np.maximum(abs(x), abs(y))
    exact = weight[size > 2].sum() / weight[(size > 1) & (size <= 2)].sum()
    assert open_valley.ratio == pytest.approx(exact, rel=5e-3)
    assert not open_valley.normalisable
    closed = tail(gradient_system(penalised, sp.eye(2)), domain, 0.2, 3, start)
    assert closed.normalisable
    require_density(gradient_system(penalised, sp.eye(2)), [], closed)


def test_noise_that_vanishes_with_the_loss():
    """``A = 2 L H`` with ``L = ½xᵀHx + L₀``: collapse for L₀ = 0, a density for L₀ > 0."""
    H = sp.Matrix([[3, 1], [1, 2]])
    loss = (3 * X**2 + 2 * X * Y + 2 * Y**2) / 2
    point = np.zeros(2)
    collapsing = gradient_system(loss, 2 * loss * H)
    assert "collapse" in collapse_onto(collapsing, point)
    with pytest.raises(NotNormalisable, match="noise vanishes at the attractor"):
        require_density(collapsing, [point], None)
    require_density(gradient_system(loss, 2 * (loss + sp.Rational(1, 10**6)) * H), [point], None)


def test_tail_of_loss_noise():
    """``L = ½h|x|² + L₀``: ``p ∝ L^{−(1+1/θ)}``, θ = εh; in two dimensions E|x|² is finite for θ < 1."""
    for theta, finite in ((0.5, True), (1.5, False)):
        loss = (X**2 + Y**2) / 2 + sp.Rational(1, 100)
        case = gradient_system(loss, 2 * loss * sp.eye(2))
        found = tail(case, box(COMM, [(-4.0, 4.0)] * 2, 48), theta, 3, np.zeros(2), octaves=2)
        assert found.exponent == pytest.approx(2 * (1 + 1 / theta), abs=0.05)
        assert found.normalisable
        assert found.finite_moment(2) == finite
