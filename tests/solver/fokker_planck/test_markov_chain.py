"""The Markov chain of the wells: exact whatever the range of the rates."""

import itertools
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from solver.fokker_planck.markov_chain import markov_chain

NONE = -np.inf


def random_log_rates(count, spread, seed):
    log_rate = np.random.default_rng(seed).uniform(-spread, spread, (count, count))
    log_rate[np.diag_indices(count)] = NONE
    return log_rate


def solve(matrix, right):
    """Gaussian elimination in whatever arithmetic the entries have."""
    n = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for k in range(n):
        pivot = max(range(k, n), key=lambda r: abs(rows[r][k]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for r in range(n):
            if r != k:
                factor = rows[r][k] / rows[k][k]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[k], strict=True)]
    return [rows[k][n] / rows[k][k] for k in range(n)]


def reference(rate):
    """Weights and first passage times from linear equations, in the arithmetic of the entries."""
    n = len(rate)
    out = [sum((rate[i][j] for j in range(n) if j != i), 0 * rate[0][1]) for i in range(n)]
    zero, one = 0 * rate[0][1], 0 * rate[0][1] + 1
    # Σ_i π_i k_ij = π_j out_j, one of the equations replaced by Σ π = 1
    balance = [[rate[i][j] if i != j else -out[j] for i in range(n)] for j in range(n)]
    balance[-1] = [one] * n
    weights = solve(balance, [zero] * (n - 1) + [one])
    times = {}
    for target in range(n):
        others = [i for i in range(n) if i != target]
        matrix = [[out[i] if i == j else -rate[i][j] for j in others] for i in others]
        for i, value in zip(others, solve(matrix, [one] * (n - 1)), strict=True):
            times[i, target] = value
    return weights, times


@pytest.mark.parametrize("seed", range(3))
def test_four_states_against_linear_algebra(seed):
    log_rate = random_log_rates(4, 1.5, seed)
    chain = markov_chain(0.1, log_rate)
    weights, times = reference([[float(k) for k in row] for row in np.exp(log_rate)])
    np.testing.assert_allclose(np.exp(chain.log_weight), weights, rtol=1e-12)
    for pair, time in times.items():
        assert np.exp(chain.log_mfpt[pair]) == pytest.approx(time, rel=1e-12)
    assert chain.epsilon == 0.1
    assert (np.diag(chain.log_mfpt) == NONE).all()


@pytest.mark.parametrize("seed", range(3))
def test_rates_of_a_thousand_e_folds_against_high_precision(seed):
    log_rate = random_log_rates(4, 500.0, 10 + seed)
    chain = markov_chain(0.1, log_rate)
    with mpmath.workdps(3000):
        rate = [
            [mpmath.exp(mpmath.mpf(float(k))) if np.isfinite(k) else mpmath.mpf(0) for k in row]
            for row in log_rate
        ]
        weights, times = reference(rate)
        log_weights = [float(mpmath.log(w)) for w in weights]
        log_times = {pair: float(mpmath.log(t)) for pair, t in times.items()}
    np.testing.assert_allclose(chain.log_weight, log_weights, rtol=0, atol=1e-11)
    for pair, value in log_times.items():
        assert chain.log_mfpt[pair] == pytest.approx(value, abs=1e-11)


def test_two_states():
    chain = markov_chain(0.1, np.array([[NONE, -700.0], [-3.0, NONE]]))
    assert chain.log_mfpt[0, 1] == 700.0
    assert chain.log_mfpt[1, 0] == 3.0
    np.testing.assert_allclose(chain.log_weight, [0.0, -697.0], atol=1e-12)


def test_states_in_a_row_with_rational_rates():
    # 0 ⇄ 1 ⇄ 2: no direct rate between the ends
    k = {(0, 1): Fraction(1, 7), (1, 0): Fraction(3), (1, 2): Fraction(2, 5), (2, 1): Fraction(11)}
    rate = [[k.get((i, j), Fraction(0)) for j in range(3)] for i in range(3)]
    weights, times = reference(rate)
    with np.errstate(divide="ignore"):
        log_rate = np.log(np.array(rate, dtype=float))
    chain = markov_chain(0.1, log_rate)
    np.testing.assert_allclose(np.exp(chain.log_weight), [float(w) for w in weights], rtol=1e-13)
    for i, j in itertools.permutations(range(3), 2):
        assert np.exp(chain.log_mfpt[i, j]) == pytest.approx(float(times[i, j]), rel=1e-13)
