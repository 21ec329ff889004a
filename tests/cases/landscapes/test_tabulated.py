"""Tabulated landscapes: splines and their error estimate, files, and what is refused."""

import zipfile

import h5py
import numpy as np
import pytest

from cases.cli import main
from cases.expressions import splines
from cases.landscapes.grid_file import BadTable, Table, read, write
from cases.landscapes.tabulated import accuracy, barrier_share, figures, interpolate
from cases.loading.load import load
from cases.loading.validate import validate
from cases.problem import landscape

CASE = """
[system]
data = "{name}"
[domain]
bounds = [[-2.0, 2.0], [-1.5, 1.5]]
[mesh]
resolution = 12
[noise.isotropic]
diffusion = "identity"
[noise.measured]
diffusion = "gradient_covariance"
"""


def wavy(x, y):
    return (x**2 - 1) ** 2 / 4 + y**2 / 2 + 0.1 * np.sin(3 * x * y)


def wavy_slope(x, y):
    wave = 0.3 * np.cos(3 * x * y)
    return np.array([x**3 - x + wave * y, y + wave * x])


def tensor(x, y):
    """The covariance of seeds (a4), turned a little."""
    g, c = 1 + 0.5 * np.tanh(2 * x), 0.2 * np.sin(x + y)
    return np.array([[g, c], [c, 2 - g]])


def table(n=65, loss=wavy):
    axes = np.linspace(-2, 2, n), np.linspace(-1.5, 1.5, n)
    x, y = np.meshgrid(*axes, indexing="ij")
    return Table(axes, loss(x, y), np.moveaxis(tensor(x, y), (0, 1), (2, 3)), ("u", "v"))


@pytest.fixture
def points():
    return np.random.default_rng(1).uniform([[-2], [-1.5]], [[2], [1.5]], (2, 4000))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_splines_reproduce_polynomials_of_degree_five(d):
    rng = np.random.default_rng(d)
    axes = [np.sort(rng.uniform(-1, 1, 12 + k)) for k in range(d)]
    grid = np.meshgrid(*axes, indexing="ij")
    coefficients = rng.normal(size=(d, 6))
    spline = splines.fit(
        axes, np.prod([np.polyval(c, x) for c, x in zip(coefficients, grid, strict=True)], axis=0)
    )
    x = np.array([rng.uniform(axis[0], axis[-1], 50) for axis in axes])
    values = [np.polyval(c, row) for c, row in zip(coefficients, x, strict=True)]
    np.testing.assert_allclose(spline(x), np.prod(values, axis=0), atol=1e-8)
    for k in range(d):
        changed = list(values)
        changed[k] = np.polyval(np.polyder(coefficients[k]), x[k])
        order = [int(i == k) for i in range(d)]
        np.testing.assert_allclose(spline(x, *order), np.prod(changed, axis=0), atol=1e-6)


def test_order_of_the_splines(points):
    errors, slopes = [], []
    for n in (41, 81):
        smooth = interpolate(table(n))
        errors.append(np.abs(smooth.loss(points) - wavy(*points)).max())
        slopes.append(np.abs(smooth.gradient(points) - wavy_slope(*points)).max())
    assert np.log2(errors[0] / errors[1]) > 5.3
    assert np.log2(slopes[0] / slopes[1]) > 4.3


@pytest.mark.parametrize("n", [33, 65, 129])
def test_the_estimate_is_near_the_error(n, points):
    values, found = table(n), accuracy(table(n))
    smooth = interpolate(values)
    for estimate, error in (
        (found.loss_error, np.abs(smooth.loss(points) - wavy(*points))),
        (found.gradient_error, np.linalg.norm(smooth.gradient(points) - wavy_slope(*points), axis=0)),
    ):
        assert error.max() / 3 < estimate.max() < 10 * error.max()


def test_a_kink_does_not_pass_for_smooth(points):
    rough = table(65, lambda x, y: np.abs(x - 0.011) + y**2)
    error = np.abs(interpolate(rough).loss(points) - np.abs(points[0] - 0.011) - points[1] ** 2).max()
    assert error / 3 < accuracy(rough).loss_error.max() < 3 * error
    assert figures(accuracy(rough))["gradient"] > 0.05


def test_derivatives_are_those_of_the_spline(points):
    smooth, h = interpolate(table(21)), 1e-5
    x = 0.9 * points[:, :40]
    steps = h * np.eye(2)[:, :, None]

    def slope(f):
        return np.stack([(f(x + s) - f(x - s)) / (2 * h) for s in steps], axis=-2)

    np.testing.assert_allclose(smooth.gradient(x), slope(smooth.loss), atol=1e-8)
    np.testing.assert_allclose(smooth.hessian(x), slope(smooth.gradient), atol=1e-7)
    np.testing.assert_allclose(
        smooth.divergence(x), np.einsum("ijjn->in", slope(smooth.covariance)), atol=1e-8
    )
    assert smooth.covariance(np.empty((2, 0))).shape == (2, 2, 0)


def test_nothing_is_extrapolated():
    smooth = interpolate(table(21))
    edge = np.array([[2.0 + 1e-10, 2.01, -2.0], [0.0, 0.0, -1.5 - 1e-11]])
    assert list(np.isnan(smooth.loss(edge))) == [False, True, False]
    assert np.isnan(smooth.covariance(edge)[:, :, 1]).all()
    assert np.isfinite(smooth.hessian(edge)[:, :, [0, 2]]).all()


def test_share_of_the_barrier():
    """U = (x²−1)²/4 + y²/2 with a known error added: 2 δU/ΔU with ΔU = 1/4."""
    found = accuracy(table(65, lambda x, y: (x**2 - 1) ** 2 / 4 + y**2 / 2))
    assert found.loss_error.max() < 1e-12
    size = len(found.loss)
    forged = type(found)(**{**vars(found), "loss_error": np.full(size, 1e-3), "covariance_error": None})
    wells, passes = np.array([[-1.0, 1.0], [0.0, 0.0]]), np.zeros((2, 1))
    share = barrier_share(forged, lambda x: (x[0] ** 2 - 1) ** 2 / 4 + x[1] ** 2 / 2, wells, passes)
    assert share == pytest.approx(2 * 1e-3 / 0.25)


@pytest.mark.parametrize("name", ["well.npz", "well.h5"])
def test_files(name, tmp_path, capsys):
    write(tmp_path / name, table(65), samples=np.array(442))
    again = read(tmp_path / name)
    np.testing.assert_array_equal(again.loss, table(65).loss)
    np.testing.assert_array_equal(again.covariance, table(65).covariance)
    assert again.coordinates == ("u", "v")
    (tmp_path / "case.toml").write_text(CASE.format(name=name))
    case, effective = load(str(tmp_path / "case.toml"))
    assert case.coordinates == ["u", "v"]
    built = validate(case)
    x = np.array([[0.3], [-0.4]])
    np.testing.assert_allclose(built.drift(x), -wavy_slope(*x), atol=1e-4)
    np.testing.assert_allclose(built.covariance(x), tensor(*x), atol=1e-5)
    # from any other folder, by the effective case
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "again.toml").write_text(effective)
    assert main(["check", str(tmp_path / "below" / "again.toml")]) == 0
    printed = capsys.readouterr().out
    assert "65 × 65 points" in printed.splitlines()[0]
    (tmp_path / "below" / "printed.toml").write_text(printed)
    assert load(str(tmp_path / "below" / "printed.toml"))[0] == case


def test_the_box_of_the_grid_is_the_default_domain(tmp_path):
    write(tmp_path / "well.npz", Table(table().axes, table().loss))
    text = CASE.format(name="well.npz").replace("[domain]\nbounds = [[-2.0, 2.0], [-1.5, 1.5]]\n", "")
    (tmp_path / "case.toml").write_text(text.partition("[noise.measured]")[0])
    case, _ = load(str(tmp_path / "case.toml"))
    assert case.domain.bounds == [[-2.0, 2.0], [-1.5, 1.5]]
    assert case.coordinates == ["x", "y"]
    assert landscape.build(case).covariance is None


def entries(**changed):
    good = table(21)
    items = {"axis_0": good.axes[0], "axis_1": good.axes[1], "loss": good.loss, "covariance": good.covariance}
    items |= changed
    return {name: value for name, value in items.items() if value is not None}


def spoilt(array, value, *index):
    copy = array.copy()
    copy[index] = value
    return copy


BAD = {
    "no axes": ({"axis_0": None, "axis_1": None}, "axis_0"),
    "a missing axis": ({"axis_0": None}, "axis_0"),
    "no loss": ({"loss": None}, "no array named loss"),
    "transposed loss": ({"loss": np.zeros((22, 21))}, "shape (22, 21)"),
    "text": ({"loss": np.full((21, 21), "a")}, "<U1"),
    "complex": ({"loss": np.zeros((21, 21), complex)}, "complex"),
    "a gap": ({"loss": spoilt(table(21).loss, np.nan, 3, 4)}, "index (3, 4)"),
    "backwards": ({"axis_0": np.linspace(2, -2, 21)}, "increasing"),
    "few points": ({"axis_0": np.linspace(-2, 2, 10)}, "at least 11"),
    "uneven": ({"axis_0": np.geomspace(1e-3, 1, 21)}, "twentyfold"),
    "short covariance": ({"covariance": np.zeros((21, 21, 2))}, "shape (21, 21, 2)"),
    "unsymmetric": (
        {"covariance": spoilt(table(21).covariance, 1.0, 2, 3, 0, 1)},
        "symmetric at index (2, 3)",
    ),
    "negative": ({"covariance": spoilt(table(21).covariance, -1.0, 2, 3, 1, 1)}, "negative eigenvalue"),
    "names": ({"coordinates": np.array(["x"])}, "1 names for 2 axes"),
    "bad name": ({"coordinates": np.array(["x", "exp"])}, "'exp'"),
    "noise": ({"loss": np.random.default_rng(1).normal(size=(21, 21))}, "too rough"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_bad_tables(kind, suffix, tmp_path, capsys):
    changes, words = BAD[kind]
    path = tmp_path / f"bad.{suffix}"
    if suffix == "npz":
        np.savez(path, **entries(**changes))
    else:
        if kind == "text":
            pytest.skip("HDF5 keeps no such arrays")
        with h5py.File(path, "w") as file:
            for name, value in entries(**changes).items():
                file[name] = value.astype("S") if value.dtype.kind == "U" else value
    (tmp_path / "case.toml").write_text(CASE.format(name=path.name))
    assert main(["check", str(tmp_path / "case.toml")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"{tmp_path}/case.toml: system.data: ")
    assert words in err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("well.npz", "well.csv"), "system.data: no such file 'well.csv'"),
        (("well.npz", "case.toml"), "system.data: 'case.toml' is neither"),
        (("well.npz", "junk.npz"), "system.data: 'junk.npz' cannot be read"),
        (("well.npz", "junk.h5"), "system.data: 'junk.h5' cannot be read"),
        (("well.npz", "array.npz"), "system.data: 'array.npz' cannot be read"),
        (("2.0]", "2.1]"), "domain.bounds.0: [-2, 2.1] reaches beyond the grid"),
        (('npz"', 'npz"\ncoordinates = ["x"]'), "system.coordinates: 1 names for the 2 axes"),
        (('npz"', 'npz"\nloss = "x"'), "system: exactly one"),
        (('npz"', 'npz"\noptions = {a = 1}'), "system: options"),
        (("[domain]", "[domain]\nperiodic = ['u']"), "one coordinate only"),
    ],
)
def test_bad_cases(change, words, tmp_path, capsys):
    write(tmp_path / "well.npz", table(21))
    for name in ("junk.npz", "junk.h5"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 no archive")
    with (tmp_path / "array.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    (tmp_path / "case.toml").write_text(CASE.format(name="well.npz").replace(*change))
    assert main(["check", str(tmp_path / "case.toml")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert words in err


def test_objects_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "bad.npz", loss=np.array([print], dtype=object), axis_0=np.arange(20.0))
    with pytest.raises(BadTable, match="cannot be read"):
        read(tmp_path / "bad.npz")


def encrypted(path):
    np.savez(path, axis_0=np.arange(20.0), loss=np.arange(20.0))
    raw = bytearray(path.read_bytes())
    raw[raw.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(raw))


def announced(path):
    # the header of an array of 8 TB, and nothing behind it
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
    with zipfile.ZipFile(path, "w") as file:
        for name in ("axis_0", "loss"):
            with file.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array_header_1_0(stream, header)


def announced_hdf5(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("axis_0", (10**12,), "f8", chunks=(1024,))
        file.create_dataset("loss", (10**12,), "f8", chunks=(1024,))


def with_loss(loss):
    def write_it(path):
        with h5py.File(path, "w") as file:
            file["axis_0"] = np.arange(20.0)
            if loss is None:
                file.create_group("loss")
            else:
                file["loss"] = loss

    return write_it


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("a.npz", encrypted, "is encrypted"),
        ("a.npz", announced, f"loss has {10**12} numbers"),
        ("a.h5", announced_hdf5, f"loss has {10**12} numbers"),
        ("a.h5", with_loss(None), "loss is a group"),
        ("a.h5", with_loss(h5py.Empty("f8")), "loss is empty"),
        ("a.h5", with_loss(h5py.SoftLink("/nowhere")), "cannot be read"),
        ("a.h5", with_loss(h5py.ExternalLink("nowhere.h5", "x")), "cannot be read"),
        ("a.h5", with_loss(np.zeros(20, dtype=bool)), "loss has the type bool"),
        ("a.h5", with_loss(np.full(20, 1e200)), "loss is beyond 1e"),
    ],
)
def test_odd_files(name, make, words, tmp_path):
    make(tmp_path / name)
    with pytest.raises(BadTable, match=words):
        read(tmp_path / name)


def test_a_box_of_a_table_obeys_the_rules(tmp_path, capsys):
    x = np.linspace(0.0, 1e-70, 40)
    write(tmp_path / "tiny.npz", Table((x,), np.linspace(0, 1, 40)))
    (tmp_path / "case.toml").write_text('[system]\ndata = "tiny.npz"\n[noise.a]\ndiffusion = "identity"\n')
    assert main(["check", str(tmp_path / "case.toml")]) == 2
    assert (
        "system.data: in the file, bounds 0 are [0, 1e-70]; choose a sensible width"
        in capsys.readouterr().err
    )
