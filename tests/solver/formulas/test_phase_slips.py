"""Turns of a phase against the Fourier series of its density, its closed forms and a matrix of rates."""

from __future__ import annotations

import numpy as np
import pytest

from solver.errors import NotConverged
from solver.formulas.phase_slips import phase_slips, rests
from solver.system import Array, System

PERIOD = 2 * np.pi


def oscillator(omega: float, bend: float = 0.0) -> System:
    """b = ω − sin θ, A = 1 + bend cos θ."""
    return System(
        1,
        lambda x: omega - np.sin(x),
        lambda x: -np.cos(x)[None],
        lambda x: (1 + bend * np.cos(x))[None],
        lambda x: -bend * np.sin(x),
    )


def velocity_by_modes(omega: float, epsilon: float, count: int = 400) -> float:
    """``v = 2π J`` from ``(ω − sin θ) p − (ε/2) p' = J`` in Fourier modes; ∫p = 1."""
    k = np.arange(-count, count + 1)
    matrix = np.diag(omega - 0.5j * epsilon * k)
    # sin θ p: (p_{k−1} − p_{k+1})/(2i)
    matrix = matrix - (np.eye(len(k), k=-1) - np.eye(len(k), k=1)) / 2j
    p = np.zeros(len(k), complex)
    p[count] = 1 / (2 * np.pi)
    others = k != 0
    p[others] = np.linalg.solve(matrix[np.ix_(others, others)], -matrix[others, count] * p[count])
    return float(2 * np.pi * (matrix[count] @ p).real)


@pytest.mark.parametrize(("omega", "epsilon"), [(0.5, 0.3), (0.5, 0.1), (-0.3, 0.5), (1.4, 0.05), (0.0, 0.2)])
def test_mean_velocity(omega: float, epsilon: float) -> None:
    found = phase_slips(oscillator(omega), 0.3, PERIOD, epsilon)
    assert found.velocity == pytest.approx(velocity_by_modes(omega, epsilon), rel=1e-6, abs=1e-12)
    # up against down: the work of ω over a turn
    assert found.log_up - found.log_down == pytest.approx(2 * omega * PERIOD / epsilon, rel=1e-10)


def test_barriers_and_rates_of_slips() -> None:
    """Kramers' law on the circle, and its exponent in closed form."""
    omega = 0.5
    one = rests(oscillator(omega), 0.0, PERIOD)
    assert len(one) == 1
    assert one[0].phase == pytest.approx(np.arcsin(omega), rel=1e-12)
    root, angle = np.sqrt(1 - omega**2), np.arcsin(omega)
    assert one[0].up == pytest.approx(2 * (2 * root - omega * (np.pi - 2 * angle)), rel=1e-6)
    assert one[0].down == pytest.approx(2 * (2 * root + omega * (np.pi + 2 * angle)), rel=1e-6)
    gaps = []
    for epsilon in (0.02, 0.01):
        found = phase_slips(oscillator(omega), 0.0, PERIOD, epsilon)
        gaps.append(found.log_up - (np.log(root / (2 * np.pi)) - one[0].up / epsilon))
    assert abs(gaps[1]) < 2e-2
    assert gaps[0] / gaps[1] == pytest.approx(2.0, rel=0.1)


def test_noise_that_depends_on_the_phase_against_a_chain() -> None:
    """Jumps between neighbouring points with the drift and the variance."""
    system, epsilon = oscillator(0.4, 0.6), 0.4
    found = phase_slips(system, 0.0, PERIOD, epsilon).velocity

    def chain(points: int) -> float:
        h = PERIOD / points
        x = h * np.arange(points)
        b, a = system.drift(x[None])[0], epsilon * system.diffusion(x[None])[0, 0]
        up, down = a / (2 * h * h) + b / (2 * h), a / (2 * h * h) - b / (2 * h)
        generator = np.diag(-(up + down))
        generator[np.arange(points), (np.arange(points) + 1) % points] += up
        generator[np.arange(points), (np.arange(points) - 1) % points] += down
        balance = np.vstack([generator.T, np.ones(points)])
        p = np.linalg.lstsq(balance, np.r_[np.zeros(points), 1.0], rcond=None)[0]
        return float(p @ b)

    coarse, fine = chain(150), chain(300)
    assert found == pytest.approx(fine + (fine - coarse) / 3, rel=1e-6)


def test_a_phase_that_runs_has_no_rest() -> None:
    assert rests(oscillator(1.2), 0.0, PERIOD) == []


def test_kinks_are_said() -> None:
    def rough(x: Array) -> Array:
        return np.asarray(0.2 - np.sign(np.sin(x)))

    system = System(1, rough, lambda x: 0 * x[None], lambda x: 1 + 0 * x[None], lambda x: 0 * x)
    with pytest.raises(NotConverged, match="turns"):
        phase_slips(system, 0.0, PERIOD, 0.05)
