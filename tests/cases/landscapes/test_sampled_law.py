"""The law of minibatches: built from the samples of models and of functions of one's own."""

import numpy as np
import pytest
import sympy as sp

from cases.landscapes import sample_loss
from cases.landscapes.sampled_law import sampled_law

RNG = np.random.default_rng(4)
COLUMNS = {"z": RNG.standard_normal(12), "t": RNG.standard_normal(12)}
A, B, Z, T = sp.symbols("a b z t", real=True)


def model():
    loss, penalty = (sp.sin(A * Z) + B * Z**2 - T) ** 2 / 2, A**4 / 8 + A * B / 5
    from cases.expressions.parse import symbols

    a, b, z, t = symbols(["a", "b", "z", "t"])
    names = {A: a, B: b, Z: z, T: t}
    return sample_loss.build(loss.subs(names), penalty.subs(names), ["a", "b"], COLUMNS)


def points(n=7):
    return RNG.uniform(-1, 1, (2, n))


def test_its_first_two_cumulants_are_drift_and_covariance():
    samples, x = model(), points()
    values = samples.law.at(x).values(np.zeros_like(x))
    assert values.hamiltonian == pytest.approx(0.0, abs=1e-15)
    assert values.velocity == pytest.approx(-samples.gradient(x), rel=1e-12)
    assert values.curvature == pytest.approx(samples.covariance(x), rel=1e-10)


def test_its_fields_are_those_that_sgd_draws():
    samples, x = model(), points(1)
    out = np.empty(2)
    for k in range(samples.size):
        samples.sample_gradient(x[:, 0], k, out)
        assert samples.law.fields(x)[k, :, 0] == pytest.approx(-out, rel=1e-13)


def test_a_function_without_its_penalty_gives_the_same_law():
    samples, x = model(), points()
    p = RNG.standard_normal(x.shape)

    def bare(y):
        a, b = y
        z, t = COLUMNS["z"][:, None], COLUMNS["t"][:, None]
        rest = np.sin(a * z) + b * z**2 - t
        return np.stack([rest * z * np.cos(a * z), rest * z**2], axis=1)

    own = sampled_law(bare, samples.gradient, samples.hessian, [2.0, 2.0], points(60))
    for law in (samples.law, own):
        here = law.at(x)
        assert here.values(p).hamiltonian == pytest.approx(samples.law.at(x).values(p).hamiltonian, rel=1e-10)
        for k in range(2):
            e = 1e-5 * np.eye(2)[:, k : k + 1]
            by_x = law.at(x + e).values(p).hamiltonian - law.at(x - e).values(p).hamiltonian
            assert here.slope(p)[k] == pytest.approx(by_x / 2e-5, rel=1e-6, abs=1e-7)
