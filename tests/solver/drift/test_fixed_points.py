"""Fixed points: landscapes with known counts, hard cases, degenerate drifts, and connections."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from solver.drift.connections import connections
from solver.drift.degree import boundary_degree
from solver.drift.fixed_points import FixedPoint, fixed_points
from solver.errors import DegenerateFixedPoints, NotConverged
from solver.system import Array, System

SQUARE = ((-2.0, 2.0), (-2.0, 2.0))


def make_system(drift: list[str], names: str = "x y z") -> System:
    """A System with A = I from the texts of the drift's components."""
    dim = len(drift)
    symbols = sp.symbols(names)[:dim]
    b = [sp.sympify(text) for text in drift]
    functions = [sp.lambdify(symbols, f) for f in b]
    derivatives = [[sp.lambdify(symbols, sp.diff(f, s)) for s in symbols] for f in b]
    return System(
        dim,
        lambda x: np.stack([f(*x) + 0 * x[0] for f in functions]),
        lambda x: np.stack([np.stack([f(*x) + 0 * x[0] for f in row]) for row in derivatives]),
        lambda x: np.repeat(np.eye(dim)[:, :, None], x.shape[1], axis=2),
        np.zeros_like,
    )


def gradient_system(loss: str, dim: int) -> System:
    symbols = sp.symbols("x y z")[:dim]
    return make_system([str(-sp.diff(sp.sympify(loss), s)) for s in symbols])


def kinds(points: tuple[FixedPoint, ...]) -> dict[str, int]:
    return {k: sum(p.kind == k for p in points) for k in ("attractor", "saddle", "repeller", "centre")}


def rotating_double_well(rho: float) -> System:
    return make_system([f"-2*(x**3-x)-{rho}*y", f"-y+2*{rho}*(x**3-x)"])


@pytest.mark.parametrize(
    ("loss", "dim"),
    [("(x**2-1)**2/4", 1), ("(x**2-1)**2/4 + y**2/2", 2), ("(x**2-1)**2/4 + y**2/2 + (z-x)**2", 3)],
)
def test_double_wells(loss: str, dim: int) -> None:
    found = fixed_points(gradient_system(loss, dim), SQUARE[:1] * dim)
    assert len(found) == 3
    assert [p.kind for p in found] == ["attractor", "attractor", "saddle"]
    np.testing.assert_allclose([p.point[0] for p in found], [-1, 1, 0], atol=1e-14)
    assert [p.index for p in found] == [0, 0, 1]


def test_many_minima_2d() -> None:
    found = fixed_points(gradient_system("cos(2*pi*x)+cos(2*pi*y)+x*y/10", 2), ((-0.1, 2.9),) * 2)
    assert kinds(found) == {"attractor": 9, "saddle": 18, "repeller": 9, "centre": 0}
    points = np.array([p.point for p in found[:9]])
    assert (np.lexsort((points[:, 1].round(6), points[:, 0].round(6))) == np.arange(9)).all()


def test_many_minima_3d() -> None:
    loss = "cos(2*pi*x)+cos(2*pi*y)+cos(2*pi*z)+(x*y+y*z)/10"
    system = gradient_system(loss, 3)
    found = fixed_points(system, ((-0.1, 2.9),) * 3)
    assert kinds(found) == {"attractor": 27, "saddle": 162, "repeller": 27, "centre": 0}
    assert sum(p.index == 1 for p in found) == 81
    values = system.drift(np.array([p.point for p in found]).T)
    assert np.abs(values).max() < 1e-12


@pytest.mark.parametrize("gap", [1e-2, 1e-4])
def test_zeros_close_together(gap: float) -> None:
    found = fixed_points(make_system([f"-x*(x-{gap})*(x+1)", "-y+x**2"]), SQUARE)
    assert kinds(found) == {"attractor": 2, "saddle": 1, "repeller": 0, "centre": 0}
    np.testing.assert_allclose([p.point[0] for p in found], [-1, gap, 0], atol=1e-13)


@pytest.mark.parametrize("rho", [0, 1, 10, 50, 500])
def test_strong_rotation(rho: float) -> None:
    found = fixed_points(rotating_double_well(rho), SQUARE)
    expected = [[-1, 0], [1, 0], [0, 0]]
    np.testing.assert_allclose([p.point for p in found], expected, atol=1e-13)


@pytest.mark.parametrize("beta", [1, 5, 10])
def test_maier_stein(beta: float) -> None:
    system = make_system([f"x-x**3-{beta}*x*y**2", "-(1+x**2)*y"])
    found = fixed_points(system, ((-1.5, 1.5), (-1.0, 1.0)))
    assert [p.kind for p in found] == ["attractor", "attractor", "saddle"]
    half = fixed_points(system, ((0.0, 1.5), (-1.0, 1.0)))
    assert [p.kind for p in half] == ["attractor", "saddle"]
    assert [p.on_boundary for p in half] == [False, True]
    (saddle,) = connections(system, half, ((0.0, 1.5), (-1.0, 1.0)))
    assert saddle.between == (0, None)


@pytest.mark.parametrize(
    "drift",
    [
        ["-(x*y-1)*y", "-(x*y-1)*x"],  # a hyperbola of minima
        ["-x*(x**2+y**2-1)", "-y*(x**2+y**2-1)"],  # a circle of minima
        ["-x", "0*y"],
        ["-x**3", "-y"],
        ["-x**2", "-y"],
        ["-(x-0.3)**3"],
    ],
)
def test_degenerate_zeros_are_refused(drift: list[str]) -> None:
    with pytest.raises(DegenerateFixedPoints, match="singular"):
        fixed_points(make_system(drift), ((-2.1, 2.0),) * len(drift))


def test_no_zero_centre_and_repeller() -> None:
    assert fixed_points(make_system(["1+x**2", "y"]), SQUARE) == ()
    assert fixed_points(make_system(["y", "-x"]), SQUARE)[0].kind == "centre"
    cycle = make_system(["y+x*(1-x**2-y**2)", "-x+y*(1-x**2-y**2)"])
    assert [p.kind for p in fixed_points(cycle, SQUARE)] == ["repeller"]


def test_inside_and_periodic() -> None:
    system = gradient_system("(x**2-1)**2/4 + y**2/2", 2)

    def right(x: Array) -> np.ndarray:
        return x[0] > -0.2

    assert kinds(fixed_points(system, SQUARE, inside=right))["attractor"] == 1
    ring = gradient_system("cos(x)+y**2/2", 2)
    found = fixed_points(ring, ((0.0, 2 * np.pi), (-1.0, 1.0)), periodic=(True, False))
    assert [p.kind for p in found] == ["attractor", "saddle"]
    (saddle,) = connections(ring, found, ((0.0, 2 * np.pi), (-1.0, 1.0)), periodic=(True, False))
    assert saddle.between == (0, 0)
    seam = gradient_system("-cos(x)+y**2/2", 2)  # the attractor lies on the seam
    found = fixed_points(seam, ((0.0, 2 * np.pi), (-1.0, 1.0)), periodic=(True, False))
    assert [p.kind for p in found] == ["attractor", "saddle"]
    assert not found[0].on_boundary
    (saddle,) = connections(seam, found, ((0.0, 2 * np.pi), (-1.0, 1.0)), periodic=(True, False))
    assert saddle.between == (0, 0)


def test_drift_undefined_outside_the_domain() -> None:
    system = make_system(["-log(x)", "-y"])

    def positive(x: Array) -> np.ndarray:
        return x[0] > 0.05

    with np.errstate(all="ignore"):
        (point,) = fixed_points(system, SQUARE, inside=positive)
    np.testing.assert_allclose(point.point, [1, 0], atol=1e-14)


def test_bad_input_and_budget() -> None:
    system = gradient_system("(x**2-1)**2/4 + y**2/2", 2)
    with pytest.raises(ValueError, match="low < high"):
        fixed_points(system, ((2.0, -2.0), (-1.0, 1.0)))
    with pytest.raises(NotConverged, match="shrink the domain"):
        fixed_points(gradient_system("cos(40*x)*cos(40*y)", 2), SQUARE, budget=3000)


@pytest.mark.parametrize(
    ("drift", "degree"),
    [
        (["x"], 1),
        (["-x"], -1),
        (["x**2+1"], 0),
        (["x", "-y"], -1),
        (["x**3-3*x*y**2", "3*x**2*y-y**3"], 3),
        (["x", "y", "z"], 1),
        (["-x", "-y", "-z"], -1),
        (["x**2-y**2", "2*x*y", "z"], 2),
    ],
)
def test_degree(drift: list[str], degree: int) -> None:
    dim = len(drift)
    assert boundary_degree(make_system(drift).drift, np.full(dim, -1.1), np.full(dim, 1.3)) == degree


@pytest.mark.parametrize("rho", [0, 10, 50])
def test_connection_under_rotation(rho: float) -> None:
    box = ((-4.0, 4.0), (-4.0, 4.0))
    system = rotating_double_well(rho)
    (saddle,) = connections(system, fixed_points(system, box), box)
    assert saddle.between == (0, 1)
    # ∇b(0) = [[2, -ρ], [-2ρ, -1]]
    assert saddle.unstable_eigenvalue == pytest.approx(0.5 + np.sqrt(2.25 + 2 * rho**2))
    moved = saddle.fixed_point.jacobian @ saddle.unstable_eigenvector
    np.testing.assert_allclose(moved, saddle.unstable_eigenvalue * saddle.unstable_eigenvector, rtol=1e-12)


def test_connections_of_three_wells() -> None:
    system = gradient_system("x**2*(x**2-1)**2 + (y-x)**2", 2)
    box = ((-1.5, 1.5), (-1.5, 1.5))
    saddles = connections(system, fixed_points(system, box), box)
    assert [s.between for s in saddles] == [(0, 1), (1, 2)]
    assert all(s.unstable_eigenvalue > 0 for s in saddles)


def test_connection_in_one_dimension() -> None:
    system = gradient_system("(x**2-1)**2/4", 1)
    found = fixed_points(system, SQUARE[:1])
    (saddle,) = connections(system, found, SQUARE[:1])
    assert saddle.between == (0, 1)


def newton_from_a_grid(system: System, per_axis: int) -> int:
    """Number of different zeros in SQUARE that damped Newton iterations from a fine grid end in."""
    axis = np.linspace(-2, 2, per_axis)
    x = np.stack([a.ravel() for a in np.meshgrid(axis, axis)])
    for _ in range(40):
        jacobian = np.moveaxis(system.jacobian(x), -1, 0) + 1e-14 * np.eye(2)
        step = np.linalg.solve(jacobian, system.drift(x).T[..., None])[..., 0].T
        x = x - step * np.minimum(1, 0.3 / np.maximum(np.linalg.norm(step, axis=0), 1e-30))
        x = x[:, np.abs(x).max(axis=0) < 3]
    ends = (np.linalg.norm(system.drift(x), axis=0) < 1e-10) & (np.abs(x).max(axis=0) <= 2)
    return len(np.unique(x[:, ends].round(6) + 0.0, axis=1).T)


@pytest.mark.parametrize("seed", range(6))
def test_random_fields_have_the_zeros_that_a_fine_grid_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def field() -> str:
        waves = [(rng.normal(), rng.integers(1, 4), rng.integers(-3, 4), rng.uniform(0, 6)) for _ in range(5)]
        return "+".join(f"{a:.3f}*sin({k}*x+{m}*y+{p:.3f})" for a, k, m, p in waves)

    system = make_system([field(), field()])
    assert len(fixed_points(system, SQUARE)) == newton_from_a_grid(system, 60)
