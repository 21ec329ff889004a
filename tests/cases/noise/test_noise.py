import numpy as np
import pytest

from cases.base.errors import CaseError
from cases.landscapes.landscape import domain_sample
from cases.loading.load import from_data, load
from cases.noise import tensors as noise
from cases.noise.unreached import refuse_unreached
from cases.problem import landscape
from solver.places.attractors import attractor_at
from solver.places.places import Places

START = np.array([0.54852391, 0.30803403])


def case_of(noises, tmp_path, loss="(x**2-1)**2/4 + y**2 + x*y/4", **compare):
    data = {
        "system": {"coordinates": ["x", "y"], "loss": loss, "parameters": {"a": 0.3}},
        "domain": {"bounds": [[-2.0, 2.0], [-1.5, 1.5]]},
        "noise": {name: {"diffusion": text} for name, text in noises.items()},
        "compare": compare,
    }
    return from_data(data, name="case", file="case.toml", folder=tmp_path)[0]


@pytest.mark.parametrize("how", ["trace", "det", "none"])
def test_radial_noises_have_equal_strength(how):
    case, _ = load("radial-diabetes", [f"compare.normalise={how}"])
    scaled = noise.scaled(case, landscape.build(case), START)
    assert set(scaled) == {"measured", "isotropic", "hessian"}
    assert scaled["measured"].scale == 1
    measure = {"trace": np.trace, "det": np.linalg.det, "none": lambda _: 0}[how]
    for one in scaled.values():
        assert measure(one.tensor) == pytest.approx(measure(scaled["measured"].tensor), rel=1e-12)
        np.testing.assert_allclose(one.system.diffusion(START.reshape(2, 1))[:, :, 0], one.tensor, rtol=1e-13)


def test_hessian_noise_is_the_hessian_at_the_start():
    case, _ = load("radial-diabetes")
    built = landscape.build(case)
    one = noise.scaled(case, built, START)["hessian"]
    expected = one.scale * built.hessian(START.reshape(2, 1))[:, :, 0]
    x = np.random.default_rng(0).uniform(-2, 2, (2, 5))
    np.testing.assert_allclose(one.system.diffusion(x), np.repeat(expected[:, :, None], 5, axis=2))
    np.testing.assert_array_equal(one.system.divergence(x), np.zeros((2, 5)))


def test_noise_along_the_top_eigenvector():
    """Rank one, of the trace of the others, without the floor; with it, the floor counts in the trace."""
    for floor in (10.0, 1e-6):
        case, _ = load("sharp-flat", [f"noise.top.floor={floor}"])
        built, start = landscape.build(case), np.array([0.99969677, 0.99969677])
        one = noise.scaled(case, built, start)["top"]
        values, vectors = np.linalg.eigh(one.tensor)
        assert values.sum() == pytest.approx(2, rel=1e-12)
        largest = np.linalg.eigvalsh(built.hessian(start[:, None])[:, :, 0])[-1]
        assert values[0] == pytest.approx(2 * floor / (largest + 2 * floor), rel=1e-6)
        np.testing.assert_allclose(np.abs(vectors[:, 1]), np.sqrt([0.5, 0.5]), rtol=1e-9)
        x = np.random.default_rng(3).uniform(-2, 1, (2, 4))
        np.testing.assert_allclose(one.system.diffusion(x), np.repeat(one.tensor[:, :, None], 4, axis=2))


def test_rank_one_that_is_not_handed_on_needs_a_floor():
    """By symmetry the drift hands nothing on from x + y to x − y."""
    case, _ = load("sharp-flat", ["noise.top.floor=0"])
    built, start = landscape.build(case), np.array([0.99969677, 0.99969677])
    scaled = noise.scaled(case, built, start)
    places = Places((attractor_at(scaled["top"].system, start),))
    with pytest.raises(CaseError, match="no noise reaches the combination 0.7071 x − 0.7071 y") as caught:
        refuse_unreached(case, scaled, places)
    assert "noise.top.floor" in str(caught.value)
    refuse_unreached(case, {"isotropic": scaled["isotropic"]}, places)


def test_loss_noise_is_the_loss_times_the_hessian(tmp_path):
    case = case_of(
        {"isotropic": "identity", "l": "loss"}, tmp_path, "(x**2-1)**2/4 + y**2 + x*y/4 + 1", normalise="none"
    )
    built, start = landscape.build(case), np.array([0.9842509842514763, -0.12303137303143454])
    system = noise.scaled(case, built, start)["l"].system
    x = np.random.default_rng(2).uniform(-1.5, 1.5, (2, 6))
    h = np.array([[3 * start[0] ** 2 - 1, 0.25], [0.25, 2.0]])
    loss = (x[0] ** 2 - 1) ** 2 / 4 + x[1] ** 2 + x[0] * x[1] / 4 + 1
    np.testing.assert_allclose(system.diffusion(x), 2 * h[:, :, None] * loss, rtol=1e-12)
    slope = np.array([x[0] * (x[0] ** 2 - 1) + x[1] / 4, 2 * x[1] + x[0] / 4])
    np.testing.assert_allclose(system.divergence(x), 2 * h @ slope, rtol=1e-12, atol=1e-13)


def test_loss_noise_needs_a_positive_loss(tmp_path):
    case = case_of({"isotropic": "identity", "l": "loss"}, tmp_path, loss="x**2 + y**2")
    with pytest.raises(CaseError, match="not positive definite") as caught:
        noise.scaled(case, landscape.build(case), np.zeros(2))
    assert "floor" in str(caught.value)


def test_the_reference_sets_the_budget(tmp_path):
    case = case_of({"isotropic": "identity", "other": [[3, 0], [0, 1]]}, tmp_path, reference="other")
    scaled = noise.scaled(case, landscape.build(case), np.array([1.0, 0.0]))
    assert scaled["other"].scale == 1
    assert scaled["isotropic"].scale == pytest.approx(2)
    case = case_of({"other": [[3, 0], [0, 1]], "isotropic": "identity"}, tmp_path)
    scaled = noise.scaled(case, landscape.build(case), np.array([1.0, 0.0]))
    assert scaled["other"].scale == pytest.approx(0.5)


def test_expressions_and_their_divergence(tmp_path):
    tensor = [["1 + x**2", "a*x*y"], ["a*x*y", "2 + sin(y)"]]
    case = case_of(
        {"isotropic": "identity", "scalar": "1 + a*x**2", "full": tensor}, tmp_path, normalise="none"
    )
    systems = {
        name: one.system for name, one in noise.scaled(case, landscape.build(case), np.zeros(2)).items()
    }
    x, y = points = np.random.default_rng(1).uniform(-1, 1, (2, 7))
    one = np.ones(7)
    np.testing.assert_allclose(systems["isotropic"].diffusion(points), [[one, 0 * one], [0 * one, one]])
    np.testing.assert_allclose(systems["scalar"].divergence(points), [0.6 * x, 0 * x])
    expected = [[1 + x**2, 0.3 * x * y], [0.3 * x * y, 2 + np.sin(y)]]
    np.testing.assert_allclose(systems["full"].diffusion(points), expected)
    np.testing.assert_allclose(systems["full"].divergence(points), [2 * x + 0.3 * x, 0.3 * y + np.cos(y)])
    assert systems["full"].diffusion(np.zeros((2, 0))).shape == (2, 2, 0)


def test_floor(tmp_path):
    case, _ = load("double-well-1d", ["noise.flat.diffusion=x**2", "noise.flat.floor=0.5"])
    built = noise.build(case, landscape.build(case), "flat", None)
    np.testing.assert_allclose(built.diffusion(np.array([[0.0, 2.0]])), [[[0.5, 4.5]]])
    built.check(case, domain_sample(case))


@pytest.mark.parametrize(
    ("diffusion", "word"),
    [
        ("x", "eigenvalue"),
        ("1/x", "finite"),
        ([["1", "x"], ["0", "1"]], "symmetric"),
        ([[1, 2], [2, 1]], "eigenvalue -1"),
    ],
)
def test_bad_at_the_start(diffusion, word, tmp_path):
    case = case_of({"isotropic": "identity", "bad": diffusion}, tmp_path)
    start = np.array([0.0, 0.0]) if word != "symmetric" else np.array([1.0, 0.0])
    with pytest.raises(CaseError, match=word) as caught:
        noise.scaled(case, landscape.build(case), start)
    assert caught.value.key == "noise.bad.diffusion"


def test_hessian_at_a_saddle_is_refused(tmp_path):
    case = case_of({"isotropic": "identity", "h": "hessian"}, tmp_path)
    with pytest.raises(CaseError, match="not positive definite"):
        noise.scaled(case, landscape.build(case), np.array([0.0, 0.0]))


def test_strength():
    tensor = np.array([[2.0, 1.0], [1.0, 3.0]])
    assert noise.strength(tensor, "trace") == pytest.approx(2.5)
    assert noise.strength(tensor, "det") == pytest.approx(5**0.5)
    assert noise.strength(tensor, "none") == 1


def test_rotated_well_has_the_stated_tensor():
    case, _ = load("rotated-well", ["system.parameters.phi=60"])
    one = noise.scaled(case, landscape.build(case), np.array([-1.0, 0.0]))["rotated"]
    np.testing.assert_allclose(one.tensor, [[0.7, 0.3 * 3**0.5], [0.3 * 3**0.5, 1.3]], rtol=1e-13)
