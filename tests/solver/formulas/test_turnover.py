"""Laws of escape with friction, from energy diffusion to Kramers' strong friction."""

import numpy as np
import pytest
import sympy as sp

from solver.errors import Refused
from solver.formulas.turnover import log_depopulation, turnover
from solver.places.search import find_places
from solver.system import System

X = sp.Symbol("x")
BOX = [(-2.2, 2.2), (-2.0, 2.0)]


def law(friction, loss=(X**2 - 1) ** 2 / 4, diffusion=None, start=0):
    system = System.from_loss(loss, [X], diffusion).with_momentum(friction)
    return turnover(system.momentum, find_places(system, BOX), start, 0, BOX[0])


def test_depopulation_at_both_ends():
    # Υ = Δ (1 + ζ(½) √(Δ/π) + …) for small Δ (Mel'nikov and Meshkov, eq. 4.18)
    for delta in (1e-4, 1e-3):
        assert log_depopulation(delta) == pytest.approx(
            np.log(delta) - 1.4603545 * np.sqrt(delta / np.pi), abs=2.0 * delta
        )
    # the nearest of those that come back, for large Δ: Υ = 1 − 2 e^{−Δ/4}/√(πΔ) + …
    assert log_depopulation(60.0) == pytest.approx(-2.0 * np.exp(-15.0) / np.sqrt(60.0 * np.pi), rel=0.05)


def test_losses_of_a_double_well_in_closed_form():
    # ∮ v dx of the quartic at the height of its pass: 4/3
    found = law(0.3)
    assert found.losses == pytest.approx((0.4, 0.4), rel=1e-8)
    assert found.barrier == pytest.approx(0.25)
    # from strong friction on Kramers' law is left
    strong = law(10.0)
    assert strong.log_rate(0.02) == pytest.approx(strong.log_kramers(0.02), abs=1e-6)
    assert strong.log_kramers(0.02) == pytest.approx(
        np.log(np.sqrt(2.0) / 10.0 / (2 * np.pi)) - 12.5, abs=0.02
    )


def test_energy_diffusion():
    """k → half of γ S/(2π aε) ω₀ e^{−ΔV/ε}/… : of those that reach the pass every other one goes over."""
    weak, epsilon = law(1e-3), 0.02
    delta = 1e-3 * 4 / 3 / epsilon
    leading = np.log(delta / 2 * np.sqrt(2.0) / (2 * np.pi)) - 0.25 / epsilon
    # the next order is of the root of Δ
    assert weak.log_rate(epsilon) == pytest.approx(leading, abs=1.5 * np.sqrt(delta))


def test_strength_scales_temperature():
    one, two = law(0.2), law(0.2, diffusion=2)
    assert two.log_rate(0.01) == pytest.approx(one.log_rate(0.02))


def test_refusals_and_ways_out_of_the_box():
    assert isinstance(law(0.2, diffusion=1 + X**2 / 10), Refused)
    open_side = law(0.2, loss=X**2 / 2 - X**3 / 3)
    assert np.isinf(open_side.losses[1])
    assert open_side.log_rate(0.02) < open_side.log_kramers(0.02)
