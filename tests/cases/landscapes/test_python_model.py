"""Landscapes from Python functions: derivatives that are made, compared or refused, and every bad input."""

import textwrap

import numpy as np
import pytest

from cases.cli import main
from cases.loading.load import load
from cases.loading.validate import validate
from cases.problem import landscape
from solver.derivatives import central, derivative

CASE = """
[system]
coordinates = ["x", "y"]
model = "{model}"
parameters = {{ kappa = 2.0, unused = 1.0 }}
[domain]
bounds = [[-2.0, 2.0], [-1.5, 1.5]]
[mesh]
resolution = 12
[noise.isotropic]
diffusion = "identity"
"""
MEASURED = '[noise.measured]\ndiffusion = "gradient_covariance"\n'
HEAD = "import numpy as np\n"


def write(folder, code, case=CASE, model="my_module:build"):
    (folder / "my_module.py").write_text(HEAD + textwrap.dedent(code))
    (folder / "case.toml").write_text(case.format(model=model))
    return str(folder / "case.toml")


def built(folder, code, case=CASE):
    return validate(load(write(folder, code, case))[0])


def points(n=30):
    return np.random.default_rng(2).uniform([[-1.9], [-1.4]], [[1.9], [1.4]], (2, n))


def loss(x, y, kappa=2.0):
    return (x**2 - 1) ** 2 / 4 + kappa * y**2 / 2 + 0.1 * np.exp(x * y / 2)


def slope(x, y, kappa=2.0):
    bump = 0.05 * np.exp(x * y / 2)
    return np.array([x**3 - x + bump * y, kappa * y + bump * x])


def curvature(x, y, kappa=2.0):
    bump = 0.025 * np.exp(x * y / 2)
    mixed = bump * (2 + x * y)
    return np.array([[3 * x**2 - 1 + bump * y**2, mixed], [mixed, kappa + bump * x**2]])


LOSS = """
def build(kappa):
    return lambda x: (x[0]**2 - 1)**2/4 + kappa*x[1]**2/2 + 0.1*np.exp(x[0]*x[1]/2)
"""
REAL = """
def build(kappa):
    def loss(x):
        x, y = np.asarray(x, dtype=float)
        return (x**2 - 1)**2/4 + kappa*y**2/2 + 0.1*np.exp(x*y/2)
    return {"loss": loss}
"""
GRADIENT = """
def build(kappa):
    def loss(p):
        x, y = p
        return (x**2 - 1)**2/4 + kappa*y**2/2 + 0.1*np.exp(x*y/2)
    def gradient(p):
        x, y = p
        bump = 0.05*np.exp(x*y/2)
        return np.array([x**3 - x + bump*y, kappa*y + bump*x])
    return {"loss": loss, "gradient": gradient}
"""


@pytest.mark.parametrize(
    ("code", "first", "second"),
    [(LOSS, 1e-13, 1e-9), (REAL, 1e-9, 1e-7), (GRADIENT, 1e-14, 1e-13)],
    ids=["complex step", "central differences", "gradient given"],
)
def test_missing_derivatives_are_made(code, first, second, tmp_path):
    x = points()
    found = built(tmp_path, code)
    np.testing.assert_allclose(found.loss(x), loss(*x), atol=1e-14)
    np.testing.assert_allclose(found.drift(x), -slope(*x), atol=first)
    np.testing.assert_allclose(found.hessian(x), curvature(*x), atol=second)
    np.testing.assert_allclose(found.jacobian(x), -curvature(*x), atol=second)
    assert found.drift(np.empty((2, 0))).shape == (2, 0)
    assert found.jacobian(np.empty((2, 0))).shape == (2, 2, 0)


def test_order_of_the_differences():
    x = points()
    errors = [np.abs(central(lambda p: loss(*p), np.full(2, h))(x) - slope(*x)).max() for h in (0.4, 0.2)]
    assert np.log2(errors[0] / errors[1]) > 7.5


@pytest.mark.parametrize("noise", [0.0, 1e-7])
def test_the_estimate_is_near_the_error(noise):
    x, rng = points(), np.random.default_rng(3)

    def noisy(p):
        return loss(*p.real) + noise * rng.normal(size=p.shape[1:])

    made = derivative(noisy, [4.0, 3.0], x)
    assert made.method == "central differences"
    error = np.abs(made.function(x) - slope(*x)).max() / made.size
    assert error / 10 < made.error
    assert made.error < 300 * max(error, 1e-14)


SAMPLES = """
data = np.array([[1.0, 0.3], [-0.4, 1.2], [0.5, -0.9], [0.2, 0.1], [-1.0, 0.7]])
def build(exact=False):
    def residual(x):
        return data[:, 0, None]*x[0] + np.tanh(x[1])*data[:, 1, None] - 0.3
    def slopes(x):
        r = residual(x)
        return np.stack([r*data[:, 0, None], r*data[:, 1, None]/np.cosh(x[1])**2], axis=1)
    return {
        "loss": lambda x: (residual(x)**2).mean(axis=0)/2 + 0.05*(x[0]**2 + x[1]**2),
        "sample_gradients": slopes,
    }
"""
DATA = np.array([[1.0, 0.3], [-0.4, 1.2], [0.5, -0.9], [0.2, 0.1], [-1.0, 0.7]])


def test_covariance_of_sample_gradients(tmp_path):
    found, x = built(tmp_path, SAMPLES, CASE + MEASURED), points(8)
    for k in range(8):
        r = DATA[:, 0] * x[0, k] + DATA[:, 1] * np.tanh(x[1, k]) - 0.3
        g = np.array([r * DATA[:, 0], r * DATA[:, 1] / np.cosh(x[1, k]) ** 2])
        np.testing.assert_allclose(found.covariance(x)[:, :, k], np.cov(g, bias=True), atol=1e-14)
    h, steps = 1e-5, 1e-5 * np.eye(2)[:, :, None]
    slopes = np.stack([(found.covariance(x + s) - found.covariance(x - s)) / (2 * h) for s in steps], axis=-2)
    np.testing.assert_allclose(found.divergence(x), np.einsum("ijjn->in", slopes), atol=1e-9)


def test_tabulated_function(tmp_path):
    case = CASE.replace("[domain]", "tabulate = 81\n[domain]") + MEASURED
    direct, table = built(tmp_path, SAMPLES, CASE + MEASURED), built(tmp_path, SAMPLES, case)
    x = points()
    np.testing.assert_allclose(table.loss(x), direct.loss(x), atol=1e-8)
    np.testing.assert_allclose(table.drift(x), direct.drift(x), atol=1e-6)
    np.testing.assert_allclose(table.covariance(x), direct.covariance(x), atol=1e-7)
    np.testing.assert_allclose(table.divergence(x), direct.divergence(x), atol=1e-5)
    assert table.interpolation.shape == (81, 61)
    assert direct.interpolation is None


def test_a_constant_covariance_has_divergence_zero(tmp_path):
    code = LOSS.replace("return lambda x:", "loss = lambda x:") + (
        "    A = np.array([[2.0, 0.5], [0.5, 1.0]])\n"
        "    return {'loss': loss, 'covariance': lambda x: np.repeat(A[:, :, None], x.shape[1], axis=2)}\n"
    )
    found = built(tmp_path, code, CASE + MEASURED)
    assert np.abs(found.divergence(points())).max() < 1e-10


def test_where_modules_are_found(tmp_path, monkeypatch):
    write(tmp_path, LOSS)
    case, effective = load(str(tmp_path / "case.toml"))
    assert case.system.model == f"{tmp_path}/my_module.py:build"
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "again.toml").write_text(effective)
    assert landscape.build(load(str(tmp_path / "below" / "again.toml"))[0]).dim == 2
    # importable, not beside the case
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "far_module.py").write_text(HEAD + "from far_helper import build\n")
    (tmp_path / "far" / "far_helper.py").write_text(HEAD + LOSS)
    monkeypatch.syspath_prepend(str(tmp_path / "far"))
    (tmp_path / "case.toml").write_text(CASE.format(model="far_module:build"))
    assert landscape.build(load(str(tmp_path / "case.toml"))[0]).dim == 2
    # two modules of one name beside two cases are two modules
    (tmp_path / "below" / "my_module.py").write_text("def build(): return lambda x: x[0]**2 + 5*x[1]**2\n")
    (tmp_path / "below" / "own.toml").write_text(CASE.format(model="my_module:build"))
    one = landscape.build(load(str(tmp_path / "below" / "own.toml"))[0])
    assert one.loss(np.ones((2, 1)))[0] == 6.0


def returning(text):
    return f"def build():\n    return {text}\n"


WELL = "x[0]**2 + x[1]**2"
BAD = {
    # name: (code, key, words)
    "syntax error": ("def build(:\n", "system.model", "SyntaxError"),
    "failing module": ("1/0\n", "system.model", "module 'my_module.py' failed with ZeroDivisionError"),
    "leaving module": ("raise SystemExit(3)\n", "system.model", "SystemExit"),
    "missing import": ("import no_such_thing\n", "system.model", "no_such_thing"),
    "no function": ("def biuld(): pass\n", "system.model", "did you mean 'biuld'?"),
    "no callable": ("build = 3\n", "system.model", "no function"),
    "argument missing": ("def build(nu): pass\n", "system.options", "needs 'nu'"),
    "failing function": ("def build(): return [][1]\n", "system.model", "IndexError"),
    "returns nothing": ("def build(): pass\n", "system.model", "NoneType"),
    "unknown key": (returning("{'los': abs}"), "system.model", "did you mean 'loss'?"),
    "no loss": (returning("{'gradient': abs}"), "system.model", "no 'loss'"),
    "value for a function": (returning("{'loss': 3.0}"), "system.model", "'loss' is no function"),
    "both covariances": (
        returning("{'loss': abs, 'covariance': abs, 'sample_gradients': abs}"),
        "system.model",
        "both",
    ),
    "wrong shape": (returning("lambda x: x"), "system.model", "loss returned the shape (2, 60)"),
    "one number": (returning("lambda x: 1.0"), "system.model", "shape ()"),
    "text": (returning("lambda x: 'a'"), "system.model", "type <U1"),
    "wrong gradient shape": (
        returning(f"{{'loss': lambda x: {WELL}, 'gradient': lambda x: (2*x).T}}"),
        "system.model",
        "gradient returned the shape (60, 2)",
    ),
    "wrong sample shape": (
        returning(f"{{'loss': lambda x: {WELL}, 'sample_gradients': lambda x: 2*x}}"),
        "system.model",
        "(samples, 2, 60)",
    ),
    "wrong gradient": (
        returning(f"{{'loss': lambda x: {WELL}, 'gradient': lambda x: -2*x}}"),
        "system.model",
        "gradient is not the derivative of loss at (",
    ),
    "wrong hessian": (
        returning(f"{{'loss': lambda x: {WELL}, 'hessian': lambda x: np.ones((2, 2, x.shape[1]))}}"),
        "system.model",
        "hessian is not the derivative of gradient",
    ),
    "NaN": (returning("lambda x: np.log(x[0])"), "system.model", "loss is not finite at ("),
    "failing loss": (returning("lambda x: x[2]"), "system.model", "loss failed with IndexError"),
    "single precision": (
        returning(f"lambda x: ({WELL} + 100).astype(np.float32)"),
        "system.model",
        "numerical derivatives for its gradient",
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", BAD)
def test_bad_functions(kind, tmp_path, capsys):
    code, key, words = BAD[kind]
    path = write(tmp_path, code)
    assert main(["check", path]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"{path}: {key}: ")
    assert "; " in err
    assert words in err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("my_module:build", "no_module_of_this_name:build"), "system.model: there is no module"),
        (("my_module:build", "no/such.py:build"), "system.model: no such file 'no/such.py'"),
        (("my_module:build", "my_module:"), "system.model: 'my_module:' is not module:function"),
        (("my_module:build", "my_module:a.b"), "is not module:function"),
        (("my_module:build", ":build"), "is not module:function"),
        (('coordinates = ["x", "y"]', ""), "system: coordinates are missing"),
        (("[domain]", "options = {{ a = 1 }}\n[domain]"), "system.options.a: the function does not take it"),
        (("[domain]", "tabulate = 3\n[domain]"), "system.tabulate: 3 is not accepted"),
        (('"identity"', '"gradient_covariance"'), "noise.isotropic.diffusion: the system has no data"),
    ],
)
def test_bad_cases(change, words, tmp_path, capsys):
    path = write(tmp_path, LOSS, CASE.replace("{model}", "my_module:build").replace(*change))
    assert main(["check", path]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert words in err


def test_a_covariance_that_is_none(tmp_path, capsys):
    code = LOSS.replace("return lambda x:", "loss = lambda x:") + (
        "    return {'loss': loss, 'covariance': lambda x: np.einsum('i,jn->ijn', [1, 0], x)}\n"
    )
    for tabulate in ("", "tabulate = 41\n"):
        path = write(tmp_path, code, CASE.replace("[domain]", f"{tabulate}[domain]") + MEASURED)
        assert main(["check", path]) == 2
        assert "not symmetric at" in capsys.readouterr().err
