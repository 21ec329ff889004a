"""Planes of weight space: the projection, the tables, and PyTorch where it is installed."""

import subprocess
import sys

import numpy as np
import pytest

from cases.landscapes import grid_file
from cases.landscapes.weight_plane import plane, projected, random_plane, save, tabulate, through
from cases.loading.load import load
from cases.loading.validate import validate
from cases.problem import landscape

RNG = np.random.default_rng(1)
Z, Y = RNG.normal(size=(40, 3)), RNG.normal(size=40)
SIZE = 9  # a two-layer network: 3 inputs, 2 hidden units, 3 + 3 + … : 2×3 inner weights, 2 outer, 1 bias


def network(theta):
    """Loss and per-sample gradients (n, P) of f(z) = Σ_j a_j tanh(w_j·z) + c, squared error."""
    inner, outer, shift = theta[:6].reshape(2, 3), theta[6:8], theta[8]
    hidden = np.tanh(Z @ inner.T)
    residual = hidden @ outer + shift - Y
    back = residual[:, None] * outer * (1 - hidden**2)
    gradients = np.hstack(
        [(back[:, :, None] * Z[:, None, :]).reshape(len(Z), 6), residual[:, None] * hidden, residual[:, None]]
    )
    return float(np.mean(residual**2) / 2), gradients


def test_the_stand_in_is_right():
    theta, h = RNG.normal(size=SIZE), 1e-6
    numerical = [(network(theta + h * e)[0] - network(theta - h * e)[0]) / (2 * h) for e in np.eye(SIZE)]
    np.testing.assert_allclose(network(theta)[1].mean(axis=0), numerical, atol=1e-8)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_planes_are_orthonormal_and_keep_their_first_direction(d):
    origin, rows = RNG.normal(size=SIZE), RNG.normal(size=(d, SIZE))
    flat = plane(origin, list(rows))
    np.testing.assert_allclose(flat.directions @ flat.directions.T, np.eye(d), atol=1e-14)
    np.testing.assert_allclose(flat.directions[0], rows[0] / np.linalg.norm(rows[0]), atol=1e-14)
    # the same flat: every given direction is in it
    for row in rows:
        inside = flat.point(flat.coordinates(origin + row))
        np.testing.assert_allclose(inside, origin + row, atol=1e-13)
    np.testing.assert_array_equal(random_plane(origin, d).directions, random_plane(origin, d).directions)


def test_a_plane_through_minima():
    points = RNG.normal(size=(3, SIZE))
    flat = through(*points)
    found = [flat.coordinates(p) for p in points]
    np.testing.assert_allclose(found[0], 0, atol=1e-14)
    np.testing.assert_allclose(found[1], [np.linalg.norm(points[1] - points[0]), 0], atol=1e-13)
    assert found[2][1] > 0
    for c, p in zip(found, points, strict=True):
        np.testing.assert_allclose(flat.point(c), p, atol=1e-13)


def made(points=41):
    flat = random_plane(RNG.normal(size=SIZE), 2, seed=4)
    return flat, tabulate(projected(network, flat), flat, [(-1.0, 1.0), (-0.5, 0.6)], points)


def test_the_landscape_is_that_of_the_network(tmp_path):
    """Its gradient and noise are D ∇loss and D Σ Dᵀ at points between the grid points."""
    flat, table = made()
    assert table.loss.shape == (41, 23)
    save(tmp_path / "net.npz", table, flat)
    (tmp_path / "case.toml").write_text(
        '[system]\ndata = "net.npz"\n[noise.measured]\ndiffusion = "gradient_covariance"\n'
    )
    case, _ = load(str(tmp_path / "case.toml"))
    assert case.coordinates == ["c1", "c2"]
    found = validate(case)
    for c in RNG.uniform([-0.9, -0.4], [0.9, 0.5], (5, 2)):
        loss, gradients = network(flat.point(c))
        slopes = gradients @ flat.directions.T
        x = c.reshape(2, 1)
        assert found.loss(x)[0] == pytest.approx(loss, abs=1e-6)
        np.testing.assert_allclose(-found.drift(x)[:, 0], slopes.mean(axis=0), atol=1e-4)
        np.testing.assert_allclose(found.covariance(x)[:, :, 0], np.cov(slopes.T, bias=True), atol=1e-4)
    again = np.load(tmp_path / "net.npz")
    np.testing.assert_array_equal(again["directions"], flat.directions)
    np.testing.assert_array_equal(again["origin"], flat.origin)
    assert landscape.build(case).interpolation.shape == (41, 23)


def test_progress_and_boxes():
    said = []
    flat = random_plane(np.zeros(SIZE), 3)
    table = tabulate(
        lambda theta: (float(theta @ theta), np.outer([1.0, -1.0], flat.coordinates(theta))),
        flat, [(-1.0, 1.0)] * 3, 22, ["u", "v", "w"], lambda done, total: said.append((done, total)),
    )  # fmt: skip
    assert said[-1] == (22**3, 22**3)
    c = np.array([axis[5] for axis in table.axes])
    assert table.loss[5, 5, 5] == pytest.approx(c @ c)
    np.testing.assert_allclose(table.covariance[5, 5, 5], np.outer(c, c), atol=1e-14)
    assert table.coordinates == ("u", "v", "w")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: plane(np.zeros(3), []), "1 to 3"),
        (lambda: plane(np.zeros(3), [np.ones(4)]), "1 to 3"),
        (lambda: plane(np.zeros(3), [np.ones(3), 2 * np.ones(3)]), "independent"),
        (lambda: plane(np.zeros(3), [np.zeros(3)]), "independent"),
        (lambda: plane(np.zeros(3), [np.full(3, np.nan)]), "finite"),
        (lambda: through(np.zeros(3), np.zeros(3)), "independent"),
        (lambda: made(points=5), "too few"),
        (
            lambda: tabulate(network, random_plane(np.zeros(SIZE)), [(1.0, -1.0), (-1.0, 1.0)]),
            "lower < upper",
        ),
        (lambda: tabulate(network, random_plane(np.zeros(SIZE)), [(-1.0, 1.0)] * 2), "slopes have shape"),
        (
            lambda: tabulate(
                lambda _: (np.nan, np.zeros((3, 1))), random_plane(np.zeros(4), 1), [(-1.0, 1.0)]
            ),
            "not finite at c = [-1.]",
        ),
        (
            lambda: projected(lambda _: (0.0, np.zeros((3, 2))), random_plane(np.zeros(4)))(np.zeros(4)),
            "(3, 2)",
        ),
    ],
)
def test_what_does_not_fit(call, words):
    with pytest.raises(ValueError, match=".") as caught:
        call()
    assert words in str(caught.value)


def test_torch_is_not_needed_to_import_the_helper():
    code = "import sys; import cases.landscapes.torch_landscape; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_a_torch_model(penalty, tmp_path):
    torch = pytest.importorskip("torch")
    from cases.landscapes.torch_landscape import evaluator, tabulate_model, weights

    net = torch.nn.Sequential(torch.nn.Linear(3, 2, bias=False), torch.nn.Tanh(), torch.nn.Linear(2, 1))
    theta = weights(net)
    assert theta.shape == (SIZE,)
    flat = random_plane(theta, 2, seed=4)

    def loss(outputs, targets):
        return 0.5 * (outputs[:, 0] - targets) ** 2

    found = evaluator(net, loss, Z, Y, flat, penalty, chunk=7)
    for c in ([0.0, 0.0], [0.3, -0.8]):
        value, slopes = found(flat.point(np.array(c)))
        expected, gradients = network(flat.point(np.array(c)))
        assert value == pytest.approx(
            expected + 0.5 * penalty * np.sum(flat.point(np.array(c)) ** 2), rel=1e-12
        )
        np.testing.assert_allclose(slopes, gradients @ flat.directions.T, atol=1e-12)
    assert next(net.parameters()).dtype == torch.float32
    tabulate_model(net, loss, Z, Y, flat, [(-1, 1), (-1, 1)], 22, path=tmp_path / "net.h5")
    assert grid_file.read(tmp_path / "net.h5").coordinates == ("c1", "c2")
    with pytest.raises(ValueError, match="apart"):
        evaluator(net, torch.nn.MSELoss(), Z, Y, flat)(theta)
    with pytest.raises(ValueError, match="another number"):
        evaluator(net, loss, Z, Y, random_plane(np.zeros(4)))
