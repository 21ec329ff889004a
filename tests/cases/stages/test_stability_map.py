"""Sharpness along curves of global minima, against closed forms and published numbers."""

from __future__ import annotations

import numpy as np
import pytest

from cases.base.errors import CaseError
from cases.casefile.stability_table import StabilityTable
from cases.landscapes.models.catalogue import MODELS
from cases.landscapes.models.stability import stability
from cases.stages.stability.run import check_stability, curve_of, sample_hessians, stability_map


class FakeCase:
    """As much of a case as the map looks at."""

    def __init__(self, coordinates):
        self.coordinates, self.dim = list(coordinates), len(coordinates)
        self.system = type("System", (), {"parameters": {}})

    def error(self, key, problem, fix):
        return CaseError("case", key, problem, fix)


def built(name):
    chosen = MODELS[name]
    return FakeCase(chosen.coordinates), chosen.build(chosen.options(), {})


def table(**keys):
    return StabilityTable.model_validate({"from": 0.5, "to": 2.0, "count": 31} | keys)


def test_linear_neuron():
    """Trace, Frobenius norm, largest eigenvalue, exact threshold: seven digits computed elsewhere."""
    case, landscape = built("linear_neuron")
    asked = table(curve=["t", "1/t", "0"], at=[0.5, 0.840896, 1.0, 1.5])
    check_stability(case, landscape, asked)
    found = stability_map(case, landscape, asked)
    expected = [
        (4.5, 4.257346591, 4.25, 0.311577491),
        (2.828427125, 2.236067977, 2.121320344, 0.597716981),
        (3.0, 2.236067977, 2.0, 0.609611797),
        (4.944444444, 3.510346260, 2.694444444, 0.401302710),
    ]
    for row, numbers in zip(found["at"], expected, strict=True):
        computed = row["trace"], row["frobenius"], row["largest"], row["sgd"]["batch_1"]
        assert computed == pytest.approx(numbers, rel=2e-6 if row["t"] == 0.840896 else 2e-9)
    assert found["flattest"]["largest"]["t"] == pytest.approx(1.0, abs=1e-6)
    assert found["flattest"]["trace"]["t"] == pytest.approx(2**-0.25, abs=1e-6)
    assert found["flattest"]["batch_1"] == pytest.approx({"t": 0.9412779, "value": 0.6146585}, abs=1e-6)
    assert len(found["notes"]) == 1
    assert "holds for B = 1" in found["notes"][0]


def test_scalar_network():
    """GD: a² + b² ≤ 2/η; SGD with one normal sample: a² + b² ≤ 2/(3η)."""
    case, landscape = built("scalar_network")
    asked = table(curve=["t", "1/t"], batch_sizes=[1, 6])
    check_stability(case, landscape, asked)
    found = stability_map(case, landscape, asked)
    for row in found["along"]:
        size = row["t"] ** 2 + row["t"] ** -2
        assert row["trace"] == pytest.approx(size, rel=1e-10)
        assert row["gradient_descent"] == pytest.approx(2 / size, rel=1e-10)
        assert row["sgd"]["batch_1"] == pytest.approx(2 / (3 * size), rel=1e-9)
        assert row["sgd"]["batch_6"] == pytest.approx(2 / size, rel=1e-9)  # all samples: GD


def test_relu_neuron():
    """tr H = ½ (|w|² + d a²), at least √d; with all samples in the batch tr H ≤ 2/η fails."""
    case, landscape = built("relu_neuron")
    asked = table(curve=["t", "1/t", "0"], batch_sizes=[1, 4])
    check_stability(case, landscape, asked)
    found = stability_map(case, landscape, asked)
    for row in found["along"]:
        assert row["trace"] == pytest.approx(0.5 * (row["t"] ** -2 + 2 * row["t"] ** 2), rel=1e-9)
    assert found["flattest"]["trace"] == pytest.approx({"t": 2**-0.25, "value": np.sqrt(2)}, abs=1e-6)
    words = ["holds for B = 1", "does not hold for B = 4"]
    assert all(word in note for word, note in zip(words, found["notes"], strict=True))


def test_threshold_is_where_second_moments_blow_up():
    """Iterate E x xᵀ of the linearised SGD: it decays just below the threshold and grows just above."""
    case, landscape = built("linear_neuron")
    point = curve_of(case, table(curve=["t", "1/t", "0"]))(0.8)
    hessians = sample_hessians(landscape.samples, point)
    limit = stability(hessians).sgd
    for factor, grows in ((0.99, False), (1.01, True)):
        steps = np.eye(3) - factor * limit * hessians
        # only directions in which the mean Hessian does not vanish
        start = hessians.mean(axis=0)
        moment = start.copy()
        for _ in range(4000):
            moment = np.einsum("nij,jk,nlk->il", steps, moment, steps) / len(steps)
        assert (np.trace(start @ moment) > np.trace(start @ start)) == grows


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"curve": ["t", "1/t", "0.1"]}, "the gradient of some sample does not vanish"),
        ({"curve": ["t", "1/t"]}, "2 expressions for 3 coordinates"),
        ({"curve": ["t", "1/u", "0"]}, "stability.curve.1"),
        ({"curve": ["t", "1/t", "0"], "batch_sizes": [9]}, "a batch of 9 out of 8"),
        ({"curve": ["t", "1/(t - 0.5)", "0"]}, "not finite"),
    ],
)
def test_refused(changes, words):
    case, landscape = built("linear_neuron")
    with pytest.raises(CaseError, match=words):
        check_stability(case, landscape, table(**changes))


@pytest.mark.parametrize(("batch", "rate"), [(1, 0.576039492), (2, 0.938164490), (3, 1.131482908)])
def test_linear_regression(batch, rate):
    """The bound tr H <= 2/eta holds for single samples and not for larger batches."""
    case, landscape = built("linear_regression")
    asked = table(curve=[1.0, 1.0], at=[1.0], batch_sizes=[batch])
    check_stability(case, landscape, asked)
    found = stability_map(case, landscape, asked)
    assert found["at"][0]["sgd"][f"batch_{batch}"] == pytest.approx(rate, rel=1e-8)
    assert found["at"][0]["trace"] == pytest.approx(7 / 3)
    assert ("does not hold" in found["notes"][0]) == (batch > 1)
    x = np.array([[0.3, 1.0], [-0.2, 1.0]])
    rows = np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    expected = 0.5 * np.mean((rows @ (x - 1.0)) ** 2, axis=0)
    np.testing.assert_allclose(landscape.loss(x), expected, rtol=1e-12)


def test_rows_that_span_no_plane():
    with pytest.raises(ValueError, match="do not span the plane"):
        MODELS["linear_regression"].options(rows=[[1.0, 2.0], [2.0, 4.0]])
