"""One coordinate: momenta, quasi-potentials and passage times against independent computations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expi, roots_legendre

from solver.laws.cumulant import CumulantLaw
from solver.laws.diffusion import DiffusionLaw
from solver.laws.line import potential_difference, root
from solver.laws.one_step import extinction_time, log_passage_time, pass_time
from solver.system import Array, System, constant_tensor
from tests.solver.laws.examples import births_and_deaths, double_well_sample, epidemic, schlogl

RNG = np.random.default_rng(5)
SAMPLES = {
    2: (np.zeros(2), np.array([1.0, -1.0])),
    3: (np.array([0.2, -0.1, -0.1]), np.array([1.0, 0.3, -1.3])),
    50: (0.3 * RNG.standard_normal(50), RNG.standard_normal(50)),
}


def by_brackets(law: CumulantLaw, start: float, end: float) -> float:
    """V(end) − V(start) by another root finder and another rule: Brent's method on 200 Gauss nodes."""
    nodes, weights = roots_legendre(200)
    total = 0.0
    for node, weight in zip(nodes, weights, strict=True):
        x = start + (end - start) * (node + 1) / 2
        f = law.fields(np.array([[x]]))[:, 0, 0]

        def h(p: float, f: Array = f) -> float:
            return float(np.sum(np.expm1(p * f)))

        sign = -np.sign(f.mean())
        low, high = 1e-9 * sign, 1e-2 * sign
        while h(high) < 0:
            low, high = high, 2 * high
        total += weight * brentq(h, low, high, xtol=1e-15, rtol=1e-14) * (end - start) / 2
    return total


def test_births_and_deaths_are_exact() -> None:
    law = births_and_deaths()
    x = np.linspace(0.02, 0.98, 40)
    assert root(law, x[None]) == pytest.approx(np.log(x), rel=1e-13)
    assert potential_difference(law, 1.0, 0.0) == pytest.approx(1.0, rel=1e-10)


@pytest.mark.parametrize("count", [2, 3, 50])
def test_sampled_fields_against_another_quadrature(count: int) -> None:
    law = double_well_sample(*SAMPLES[count])
    for start in (-1.0, 1.0):
        exact = by_brackets(law, start, 0.0)
        assert potential_difference(law, start, 0.0) == pytest.approx(exact, rel=1e-10)
    if count == 2:
        # the two kicks differ from Gaussian ones of the same variance: V of the diffusion is 1/2
        assert potential_difference(law, -1.0, 0.0) > 0.502


def test_the_diffusion_is_the_integral_of_its_drift() -> None:
    tensor, divergence = constant_tensor(np.array([[2.0]]))
    system = System(1, lambda x: x - x**3, lambda x: (1 - 3 * x**2)[None], tensor, divergence)
    assert potential_difference(DiffusionLaw(system), -1.0, 0.0) == pytest.approx(0.25, rel=1e-12)


@pytest.mark.parametrize(("count", "order"), [(2, 2), (3, 1), (50, 1)])
def test_weak_samples_tend_to_their_diffusion_at_the_predicted_order(count: int, order: int) -> None:
    """V_δ = V + V₁/δ + O(1/δ²), V₁ = −∫ δH dt along the diffusion's path; V₁ = 0 for symmetric samples."""
    steep, shift = (part - part.mean() for part in SAMPLES[count])
    x, w = roots_legendre(200)
    x = -0.5 + 0.5 * x
    bend = x**3 - x
    off = -steep[:, None] * bend + shift[:, None]
    spread, skew = (off**2).mean(axis=0), (off**3).mean(axis=0)
    p = 2 * bend / spread
    limit = np.sum(0.5 * w * p)
    first = -np.sum(0.5 * w * skew * p**3 / 6 / bend)  # dt = dx/(−b)
    errors = []
    for delta in (25.0, 50.0):
        found = potential_difference(double_well_sample(*SAMPLES[count], delta), -1.0, 0.0)
        errors.append(found - limit - first / delta)
    assert abs(first) > 1e-2 or order == 2
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.15)


def test_what_no_sample_pushes_costs_infinitely_much() -> None:
    law = double_well_sample(np.zeros(2), np.array([0.1, -0.1]))  # the drift is up to 0.385
    assert potential_difference(law, -1.0, 0.0) == np.inf


def test_momenta_do_not_depend_on_units() -> None:
    steep, shift = SAMPLES[50]
    plain = double_well_sample(steep, shift)
    for unit in (1e-6, 1e7):
        other = CumulantLaw(1, lambda x, c=unit: c * plain.fields(x / c), plain.jacobian)
        assert potential_difference(other, -unit, 0.0) == pytest.approx(
            potential_difference(plain, -1.0, 0.0), rel=1e-11
        )


def test_the_chain_of_births_and_deaths_is_summed_exactly() -> None:
    """From one individual to none: Σ_j Ω^j/(j j!) = Ei(Ω) − log Ω − γ."""
    for size in (20, 300):
        exact = np.log(expi(size) - np.log(size) - np.euler_gamma)
        assert log_passage_time(births_and_deaths(), size, 1 / size, 0.0, 5.0) == pytest.approx(
            exact, abs=1e-9
        )


def test_extinction_times_tend_to_their_law() -> None:
    law = epidemic()
    assert potential_difference(law, 0.5, 0.0) == pytest.approx(np.log(2) - 0.5, rel=1e-12)
    gaps = [
        log_passage_time(law, size, 0.5, 0.0, 1.0) - extinction_time(law, size, 0.5) for size in (1000, 6000)
    ]
    assert abs(gaps[1]) < 1e-3
    assert gaps[0] / gaps[1] == pytest.approx(6.0, rel=0.1)
    with pytest.raises(ValueError, match="not linear"):
        extinction_time(births_and_deaths(), 100, 1.0)


@pytest.mark.parametrize(("start", "end", "wall"), [(1.0, 4.0, 0.0), (4.0, 1.0, 12.0)])
def test_times_over_a_pass_tend_to_their_law(start: float, end: float, wall: float) -> None:
    law = schlogl()
    gap = [
        log_passage_time(law, size, start, end, wall) - pass_time(law, size, start, 2.0)
        for size in (6000, 24000)
    ]
    assert abs(gap[1]) < 1e-3
    assert gap[0] / gap[1] == pytest.approx(4.0, rel=0.2)


def test_chains_that_are_none_are_refused() -> None:
    law = epidemic()
    with pytest.raises(ValueError, match="order"):
        log_passage_time(law, 100, 0.5, 0.6, 1.0)
    with pytest.raises(ValueError, match="states"):
        log_passage_time(law, 1e8, 0.5, 0.0, 1.0)
    assert log_passage_time(law, 100, 1.0, 1.0 - 1e-2, 1.0) == pytest.approx(-np.log(100.0))


def test_the_sum_of_a_chain_is_the_solution_of_its_equations() -> None:
    """Times from every state by a dense solve, up and down, with the wall reflecting."""
    law, size = schlogl(), 12
    for start, end, wall in ((1.0, 4.0, 0.0), (4.0, 1.0, 9.0)):
        states = np.arange(size * min(wall, end), size * max(wall, end) + 1)
        up, down = size * law.rates(states[None] / size)
        up[-1], down[0] = 0.0, 0.0
        generator = np.diag(up[:-1], 1) + np.diag(down[1:], -1) - np.diag(up + down)
        inside = states != size * end
        times = np.linalg.solve(-generator[np.ix_(inside, inside)], np.ones(inside.sum()))
        exact = np.log(times[states[inside] == size * start][0])
        assert log_passage_time(law, size, start, end, wall) == pytest.approx(exact, rel=1e-9)
