import numpy as np
import pytest
from scipy.integrate import quad

from cases import cli
from cases.landscapes.models.catalogue import MODELS
from cases.loading import load as casefile
from cases.loading.validate import validate
from cases.noise.vanishing_noise import left_eigenvector, vanishing_noise
from solver.drift.connections import connections
from solver.drift.fixed_points import fixed_points
from solver.system import System

BOX = [(-2.2, 2.2), (-1.6, 1.6)]


@pytest.fixture(scope="module")
def neuron():
    chosen = MODELS["symmetric_neuron"]
    landscape = chosen.build(chosen.options.model_validate({}), {})
    samples = landscape.samples
    system = System(
        2, landscape.drift, landscape.jacobian, samples.covariance, samples.divergence, landscape.loss
    )
    points = fixed_points(system, BOX)
    attractors = [p for p in points if p.kind == "attractor"]
    return system, connections(system, points, BOX), attractors[0].point


def test_the_trap_is_found(neuron):
    system, saddles, start = neuron
    (found,) = vanishing_noise(system.diffusion, saddles, start)
    assert found.saddle == 0
    np.testing.assert_allclose(found.point, 0, atol=1e-9)
    assert found.relative < 1e-15
    assert "at the saddle (0, 0): the action over it diverges" in found.complaint("measured")[0]


def test_a_floor_or_other_noise_is_no_trap(neuron):
    system, saddles, start = neuron
    eye = np.eye(2)[:, :, None]
    assert vanishing_noise(lambda x: system.diffusion(x) + 1e-6 * eye, saddles, start) == []
    assert vanishing_noise(lambda x: eye + 0 * x[0], saddles, start) == []
    # noise that vanishes only across the way out does no harm
    left = left_eigenvector(saddles[0].fixed_point.jacobian, saddles[0].unstable_eigenvalue)
    assert vanishing_noise(lambda x: np.outer(left, left)[:, :, None] + 0 * x[0], saddles, start) == []


def test_the_action_of_the_unstable_line_grows_as_predicted(neuron):
    # action of the unstable line for A + floor I: its growth per e-fold tends to lambda/c
    system, saddles, start = neuron
    (found,) = vanishing_noise(system.diffusion, saddles, start)
    way = saddles[0].unstable_eigenvector

    def action(floor):
        def slope(s):
            x = (s * way)[:, None]
            a = way @ system.diffusion(x)[:, :, 0] @ way + floor
            return 2 * float(way @ system.drift(x)[:, 0]) / a

        return quad(slope, 0, 0.3, points=[10 * floor**0.5] if 10 * floor**0.5 < 0.3 else None, epsabs=1e-10)[
            0
        ]

    growth = (action(1e-9) - action(1e-8)) / np.log(10)
    assert growth == pytest.approx(found.growth, rel=1e-3)


def test_left_eigenvector():
    jacobian = np.array([[1.0, 3.0], [0.0, -2.0]])
    left = left_eigenvector(jacobian, 1.0)
    np.testing.assert_allclose(left @ jacobian, left, atol=1e-14)


def test_the_case_is_refused_in_one_line(tmp_path, capsys):
    arguments = ["symmetric-neuron", "--set", "noise.measured.floor=0"]
    for command in (["check", *arguments], ["run", *arguments, "-o", str(tmp_path / "run")]):
        assert cli.main(command) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("symmetric-neuron: noise.measured.diffusion: A vanishes along the unstable")
        assert line.endswith("give noise.measured.floor to see the barrier as a function of it")
    assert not (tmp_path / "run").exists()


CASE = """
[system]
coordinates = ["x", "y"]
loss = "(x**2 - 1)**2/4 + y**2/2"
[domain]
bounds = [[-2.0, 2.1], [-1.0, 1.1]]
[noise.weak]
diffusion = "{diffusion}"
"""


@pytest.mark.parametrize(
    ("diffusion", "words"),
    [
        ("x**2 + y**2", "A vanishes along the unstable direction at the saddle (0, 0)"),
        ("x**2 + y**2 - 0.1", "A is not positive definite"),  # it vanishes on a circle, not at the saddle
        ("(x - 1.5)**2 + y**2", None),
    ],
)
def test_only_a_saddle_matters(diffusion, words, tmp_path, capsys):
    """A vanishes at one point, which no sample of the domain hits."""
    (tmp_path / "case.toml").write_text(CASE.format(diffusion=diffusion))
    case = casefile.load(str(tmp_path / "case.toml"))[0]
    if words is None:
        validate(case)
        return
    assert cli.main(["run", str(tmp_path / "case.toml"), "-o", str(tmp_path / "run")]) == 2
    assert words in capsys.readouterr().err


POPULATION = """
[system]
coordinates = ["x", "y"]
drift = ["x*(1 - x) + {into}", "y*(1 - y)"]
[domain]
bounds = [[{low}, 2.0], [{low}, 2.0]]
[noise.births]
diffusion = [["x", "0"], ["0", "y"]]
[compare]
epsilon = [0.1]
[[exit]]
name = "extinction"
inside = "{inside}"
reflect = {reflect}
"""


def population(folder, low, inside="0.02 - x", reflect="true", into="0"):
    (folder / "case.toml").write_text(POPULATION.format(low=low, inside=inside, reflect=reflect, into=into))
    return str(folder / "case.toml")


def test_noise_that_vanishes_on_sides_of_the_domain(tmp_path, capsys):
    """The line says extinction, and what to write; what it says to write is a case."""
    assert cli.main(["check", population(tmp_path, 0.0)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "A vanishes at the edge of the domain, x = 0 and y = 0, and so does the drift across it" in line
    assert "(extinction)" in line
    assert "domain.bounds = [[0.02, 2], [0.02, 2]]" in line
    assert '[[exit]] with inside = "max(0.02 - x, 0.02 - y)" and reflect = true' in line
    assert cli.main(["check", population(tmp_path, 0.02, "max(0.02 - x, 0.02 - y)")]) == 0
    capsys.readouterr()
    # immigration: x = 0 is left again, and only y dies out
    assert cli.main(["check", population(tmp_path, 0.0, into="0.3")]) == 2
    assert 'inside = "0.02 - y"' in capsys.readouterr().err
