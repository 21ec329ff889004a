"""Exponents of the chain of wells: against all graphs, against high precision, against quadrature."""

import itertools

import numpy as np
import pytest

from solver.fokker_planck.chain_exponents import expected_slope, passage_exponents, weight_exponents
from solver.fokker_planck.markov_chain import markov_chain
from tests.exact import Line
from tests.solver.chain_of_wells import EDGES, POTENTIAL, rates_of, three_wells


def random_costs(count, seed, missing=0.0):
    rng = np.random.default_rng(seed)
    costs = rng.uniform(0.5, 3.0, (count, count))
    costs[rng.random((count, count)) < missing] = np.inf
    # a ring both ways: every well leads to every other one
    for k in range(count):
        for end in ((k + 1) % count, k - 1):
            costs[k, end] = rng.uniform(0.5, 3.0)
    return costs


def leads(arrows, start):
    """Where the arrows lead from a well; None for a circle."""
    for _ in range(len(arrows) + 1):
        if start not in arrows:
            return start
        start = arrows[start]
    return None


def cheapest(costs, roots, cut=None):
    """Lowest cost of a graph without circles, one arrow out of every well but the roots; all are tried.

    With ``cut = (i, j)`` only of those in which i does not lead to j.
    """
    rest = [k for k in range(len(costs)) if k not in roots]
    best = np.inf
    for ends in itertools.product(range(len(costs)), repeat=len(rest)):
        arrows = dict(zip(rest, ends, strict=True))
        if cut is not None and leads(arrows, cut[0]) == cut[1]:
            continue
        if all(leads(arrows, k) is not None for k in rest):
            best = min(best, sum(costs[k, end] for k, end in arrows.items()))
    return best


@pytest.mark.parametrize(("count", "missing"), [(2, 0.0), (3, 0.0), (4, 0.0), (5, 0.0), (5, 0.4)])
@pytest.mark.parametrize("seed", range(3))
def test_exponents_are_minima_over_graphs(count, missing, seed):
    costs = random_costs(count, seed, missing)
    trees = np.array([cheapest(costs, {k}) for k in range(count)])
    np.testing.assert_allclose(weight_exponents(costs), trees - trees.min(), rtol=0, atol=1e-13)
    exponents = passage_exponents(costs)
    for i, j in itertools.permutations(range(count), 2):
        # one arrow fewer than in a tree to j: one more root, and i does not lead to j
        apart = min(cheapest(costs, {j, k}, (i, j)) for k in range(count) if k != j)
        assert exponents[i, j] == pytest.approx(trees[j] - apart, abs=1e-13)
    assert (np.diag(exponents) == -np.inf).all()


def test_the_chain_tends_to_its_exponents():
    costs = random_costs(5, 7)
    chain = markov_chain(1e-9, -costs / 1e-9)
    apart = ~np.eye(5, dtype=bool)
    np.testing.assert_allclose(1e-9 * chain.log_mfpt[apart], passage_exponents(costs)[apart], atol=1e-7)
    weights = -1e-9 * chain.log_weight
    np.testing.assert_allclose(weights - weights.min(), weight_exponents(costs), atol=1e-7)


def test_a_well_that_nothing_leaves():
    costs = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, np.inf], [np.inf, np.inf, 0.0]])
    exponents = passage_exponents(costs)
    assert np.isposinf(exponents[0, 1])  # half-way it may fall into well 2 for good
    assert exponents[1, 2] == pytest.approx(3.0 + 2.0 - 1.0)
    assert np.isposinf(exponents[2]).sum() == 2
    unknown = np.array([[0.0, np.nan], [1.0, 0.0]])
    assert np.isnan(passage_exponents(unknown)[0, 1])
    assert passage_exponents(unknown)[1, 0] == 1.0


def test_exponents_and_slopes_of_three_wells_on_the_line():
    """From one end to the other no direct way leads; the exponent is that of a detour."""
    wells, _, costs = three_wells()
    line = Line(lambda x: -POTENTIAL.deriv()(x), np.ones_like, *EDGES)
    exponents = passage_exponents(costs)
    assert exponents[0, 2] == pytest.approx(
        max(costs[0, 1], costs[1, 2], costs[0, 1] + costs[1, 2] - costs[1, 0])
    )
    high, low = 0.04, 0.02
    for i, j in itertools.permutations(range(3), 2):
        times = [line.log_time(wells[i], wells[j], epsilon) for epsilon in (high, low)]
        slope = (times[1] - times[0]) / (1 / low - 1 / high)
        expected, allowed = expected_slope(costs, rates_of(low), high, (i, j))
        assert abs(slope - expected) < 0.5 * allowed
        assert allowed < 0.05 * expected
        assert expected == pytest.approx(exponents[i, j], rel=0.02)


def test_the_slope_between_exponents_that_are_nearly_equal():
    """Two ways of nearly the same height: at no noise level that can be computed one of them has won."""
    costs = np.array([[0.0, 1.0, np.inf], [1.2, 0.0, 1.17], [np.inf, 1.0, 0.0]])
    high, low = 0.1, 0.05
    prefactors = np.array([[1.0, 0.3, 1.0], [2.0, 1.0, 0.1], [1.0, 4.0, 1.0]])
    with np.errstate(divide="ignore"):
        chains = [markov_chain(e, np.log(prefactors) - costs / e) for e in (high, low)]
    slope = (chains[1].log_mfpt[0, 2] - chains[0].log_mfpt[0, 2]) / (1 / low - 1 / high)
    expected, allowed = expected_slope(costs, chains[1], high, (0, 2))
    assert expected == pytest.approx(slope, rel=1e-12)
    assert abs(passage_exponents(costs)[0, 2] - slope) > 0.01


def test_a_wrong_barrier_is_seen():
    _, _, costs = three_wells()
    high, low = rates_of(0.04), rates_of(0.02)
    slope = (low.log_mfpt[0, 2] - high.log_mfpt[0, 2]) / (1 / 0.02 - 1 / 0.04)
    costs[1, 2] *= 1.1
    expected, allowed = expected_slope(costs, low, 0.04, (0, 2))
    assert abs(slope - expected) > allowed
