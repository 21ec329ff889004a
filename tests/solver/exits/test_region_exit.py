"""Exit from sublevel sets and balls: exact times, the reference table of the quadratic loss, any barrier."""

import numpy as np
import pytest
import ufl
from dolfinx import fem
from mpi4py import MPI
from scipy.integrate import quad, solve_bvp

from meshes.box import box
from meshes.cut import cut_out
from meshes.star import NotStarShaped, ray_lengths, star
from solver.elements.coefficients import coefficients
from solver.elements.evaluate import Locator, evaluate
from solver.elements.region import make_region
from solver.exits.backward import TooRare, absorbing_dofs, mean_exit_time
from solver.exits.exit_times import RegionExit, region_exits
from solver.exits.region import ExitRegion
from solver.fokker_planck.landmarks import Pin
from solver.system import System
from tests.exact import HESSIAN, lyapunov_by_kronecker

COMM = MPI.COMM_WORLD


def linear(B, A):
    tensor = np.asarray(A, dtype=float)[:, :, None]
    B = np.asarray(B, dtype=float)
    return System(
        len(B),
        lambda x: B @ x,
        lambda x: B[:, :, None] + 0 * x[0],
        lambda x: tensor + 0 * x[0],
        np.zeros_like,
    )


def loss(x):
    return 0.5 * np.einsum("in,ij,jn->n", x, HESSIAN, x) - 1.0


def ball(x):
    return (x**2).sum(axis=0) - 1.0


def turned(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    R = np.array([[c, -s], [s, c]])
    return R @ np.diag([1.6, 0.4]) @ R.T


INVERSE = np.linalg.inv(HESSIAN)
# A: lowest V on {loss = 1} and on the unit circle, T(0) of {loss < 1} at ε = 0.4 and 0.2
TABLE = {
    "identity": (np.eye(2), 2.0, 1.381966011, 7.711059766, 499.468605),
    "diagonal": (turned(0), 1.290398270, 1.486875934, 3.984335678, 69.079475),
    "turned": (turned(30), 1.250168327, 2.255899606, 3.120286838, 49.29628),
    "hessian": (2 * HESSIAN / np.trace(HESSIAN), 1.381966011, 2.5, 3.850163163, 81.979618),
    "inverse": (2 * INVERSE / np.trace(INVERSE), 1.381966011, 0.954915028, 9.069962524, 206.532613),
}
SQUARE = np.array([[-2.0, 2.0]] * 2)


@pytest.mark.parametrize("name", TABLE)
def test_quadratic_loss(name):
    A, lowest_loss, lowest_ball, slow, slower = TABLE[name]
    S = lyapunov_by_kronecker(-HESSIAN, A)
    precision = np.linalg.inv(S)

    def potential(x):
        return 0.5 * np.einsum("in,ij,jn->n", x, precision, x)

    pin = Pin(np.zeros(2), S)
    region = ExitRegion(loss, pin, SQUARE, shells=8)
    found = region_exits(linear(-HESSIAN, A), region, [0.4, 0.2, 0.1], potential=potential)
    times = np.exp([t.log_mean for t in found.times])
    np.testing.assert_allclose(times[:2], [slow, slower], rtol=5e-5)
    assert found.lowest.value == pytest.approx(lowest_loss, abs=1e-9)
    # log T ≍ V/ε, between the noise levels where two ways of computing it are at work
    assert found.times[2].log_flux is not None
    slope = (found.times[2].log_mean - found.times[1].log_mean) / 5
    assert slope == pytest.approx(lowest_loss, rel=0.1)
    region = ExitRegion(ball, pin, SQUARE, shells=6)
    round_set = region_exits(linear(-HESSIAN, A), region, [0.4], potential=potential)
    assert round_set.lowest.value == pytest.approx(lowest_ball, abs=1e-9)
    point = round_set.lowest.point
    assert point @ point == pytest.approx(1.0)


def radial_time(d, epsilon):
    """Exit of dX = −X dt + √ε dW from the unit ball: ``T = (2/ε)∫ r^{1−d} ∫_0^r s^{d−1} e^{(r²−s²)/ε}``."""

    def inner(r):
        return quad(lambda s: s ** (d - 1) * np.exp((r * r - s * s) / epsilon - 1 / epsilon), 0, r)[0]

    scaled = quad(lambda r: inner(r) * r ** (1 - d), 0, 1, epsrel=1e-9, points=[0.5, 0.9])[0]
    return float(np.log(2 / epsilon * scaled) + 1 / epsilon)


def isotropic(d):
    return linear(-np.eye(d), np.eye(d)), Pin(np.zeros(d), 0.5 * np.eye(d)), np.array([[-2.0, 2.0]] * d)


@pytest.mark.parametrize(
    ("dim", "shells", "degree", "bound"),
    [(1, 10, 4, 2e-4), pytest.param(2, 10, 4, 5e-4, marks=pytest.mark.mpi), (3, 4, 3, 2e-2)],
)
def test_unit_ball_at_any_noise(dim, shells, degree, bound):
    system, pin, bounds = isotropic(dim)
    epsilons = [0.2, 0.1, 0.05] + ([0.02, 0.01] if dim < 3 else [])
    found = region_exits(system, ExitRegion(ball, pin, bounds, shells), epsilons, degree=degree)
    for t in found.times:
        assert t.log_mean == pytest.approx(radial_time(dim, t.epsilon), abs=bound)
    assert found.times[-1].log_direct is None
    if dim < 3:
        both = found.times[1]
        assert both.log_direct == pytest.approx(both.log_flux, abs=1e-3)


def test_order_of_the_curved_mesh():
    """Quadratic cells: the error of T from the displaced boundary falls as h⁴."""
    system, _, bounds = isotropic(2)
    exact = np.exp(radial_time(2, 0.3))
    errors = []
    for shells in (4, 8):
        domain = star(COMM, ball, np.zeros(2), bounds, shells)
        known = coefficients(domain, system, 5)
        space = fem.functionspace(domain, ("Lagrange", 5))
        found = mean_exit_time(known, space, 0.3, np.zeros(2), Locator(domain))
        errors.append(abs(found.mean - exact) / exact)
    assert np.log2(errors[0] / errors[1]) > 3.6


def test_part_of_a_mesh_with_one_reflecting_end():
    """Region (−0.5, 0.75) of a line: reflection at the left end, absorption at the right, b = −x."""
    system, _, _ = isotropic(1)
    domain = box(COMM, [(-1.0, 1.0)], 64)
    centres = domain.geometry.x[domain.geometry.dofmap][:, :, 0].mean(axis=1)
    known = coefficients(domain, system, 4).on(make_region(domain, (centres > -0.5) & (centres < 0.75)))
    space = fem.functionspace(domain, ("Lagrange", 4))
    ends = absorbing_dofs(known.region, space, lambda x: x[0] > 0)
    epsilon, start = 0.2, np.array([-0.2])
    found = mean_exit_time(known, space, epsilon, start, Locator(domain), ends)

    def inner(y):
        return quad(lambda s: np.exp((y * y - s * s) / epsilon), -0.5, y)[0]

    assert found.mean == pytest.approx(2 / epsilon * quad(inner, -0.2, 0.75)[0], rel=1e-8)
    both = mean_exit_time(known, space, epsilon, start, Locator(domain))
    assert both.mean < 0.9 * found.mean


def test_start_away_from_the_attractor_and_refusals():
    system, pin, bounds = isotropic(2)
    domain = star(COMM, ball, np.zeros(2), bounds, 8)
    known = coefficients(domain, system, 4)
    space = fem.functionspace(domain, ("Lagrange", 4))
    locator = Locator(domain)
    found = mean_exit_time(known, space, 0.4, np.array([0.6, 0.0]), locator)
    # T(r) = ½ ∫_{r²}^1 (e^{s/ε} − 1)/s ds
    exact = 0.5 * quad(lambda s: np.expm1(s / 0.4) / s, 0.36, 1)[0]
    assert found.mean == pytest.approx(exact, rel=1e-4)
    assert evaluate(found.field, np.array([[1.0, 0.0]]), locator)[0, 0] == pytest.approx(0.0, abs=1e-10)
    with pytest.raises(ValueError, match="does not lie in the region"):
        mean_exit_time(known, space, 0.4, np.array([1.5, 0.0]), locator)
    with pytest.raises(TooRare, match="decided by rounding"):
        mean_exit_time(known, space, 0.03, np.zeros(2), locator)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_mesh_of_a_star_shaped_set(dim):
    half = np.array([1.0, 0.5, 0.25])[:dim]
    centre = 0.1 * half
    domain = star(
        COMM,
        lambda x: ((x / half[:, None]) ** 2).sum(axis=0) - 1,
        centre,
        np.array([[-2.0, 2.0]] * dim),
        6,
        layer=0.4,
    )
    volume = fem.assemble_scalar(fem.form(fem.Constant(domain, 1.0) * ufl.dx(degree=8)))
    ball_volume = {1: 2.0, 2: np.pi, 3: 4 * np.pi / 3}[dim]
    assert COMM.allreduce(volume) == pytest.approx(ball_volume * np.prod(half), rel=2e-4)
    # one sign of the Jacobian determinant in each cell: none is folded
    cellwise = fem.functionspace(domain, ("DG", 0))
    test = ufl.TestFunction(cellwise)
    measure = ufl.dx(degree=6)
    signed = fem.assemble_vector(fem.form(ufl.JacobianDeterminant(domain) * test * measure)).array
    unsigned = fem.assemble_vector(fem.form(abs(ufl.JacobianDeterminant(domain)) * test * measure)).array
    np.testing.assert_allclose(np.abs(signed), unsigned, rtol=1e-10)


def test_sets_that_are_not_star_shaped():
    def crescent(x):
        return np.maximum((x**2).sum(axis=0) - 1, 0.25 - (x[0] - 0.6) ** 2 - x[1] ** 2)

    with pytest.raises(NotStarShaped, match="not all of the boundary"):
        star(COMM, crescent, np.array([0.0, 0.8]), SQUARE, 6)
    with pytest.raises(NotStarShaped, match="does not lie"):
        star(COMM, ball, np.array([1.5, 0.0]), SQUARE, 6)
    with pytest.raises(NotStarShaped, match="boundary of the domain"):
        star(COMM, lambda x: ball(x) - 20.0, np.zeros(2), SQUARE, 6)
    # the nearest crossing counts
    directions, far = np.array([[1.0], [0.0]]), np.array([2.0])
    assert ray_lengths(crescent, np.zeros(2), directions, far)[0] == pytest.approx(0.1)


@pytest.mark.parametrize(("kappa", "exact"), [(1.0, 211.1765161), (0.5, 275.1988430)])
def test_from_ring_to_ring_with_projected_noise(kappa, exact):
    """Loss ((r−2)²−1)²/4, A = P⊥ + κP∥, ε = 0.1: from the circle r = 1 to the circle r = 2 (a maximum)."""

    def radial(x):
        return np.maximum(np.hypot(*x), 1e-12)

    def drift(x):
        r = radial(x)
        return -(r - 2) * ((r - 2) ** 2 - 1) * x / r

    def diffusion(x):
        n = x / radial(x)
        return (1 - kappa) * n[:, None] * n[None] + kappa * np.eye(2)[:, :, None]

    def divergence(x):
        return (1 - kappa) * x / radial(x) ** 2

    system = System(2, drift, lambda x: np.zeros((2, *x.shape)), diffusion, divergence)
    domain = star(COMM, lambda x: (x**2).sum(axis=0) - 4.0, np.zeros(2), np.array([[-3.0, 3.0]] * 2), 12)
    known = coefficients(domain, system, 4)
    space = fem.functionspace(domain, ("Lagrange", 4))
    found = mean_exit_time(known, space, 0.1, np.array([1.0, 0.0]), Locator(domain))
    assert found.mean == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize(("side", "exact"), [(1.0, 396.8650738), (-1.0, 29.3685950)])
def test_lines_with_noise_that_varies(side, exact):
    """A = diag(g, 2 − g), g = 1 + ½ tanh 2x, double well in x, ε = 0.2: from x = ∓1 to the line x = ±1."""

    def diffusion(x):
        g, zero = 1 + 0.5 * np.tanh(2 * x[0]), 0 * x[0]
        return np.stack([np.stack([g, zero]), np.stack([zero, 2 - g])])

    system = System(
        2,
        lambda x: np.stack([x[0] - x[0] ** 3, -x[1]]),
        lambda x: np.zeros((2, *x.shape)),
        diffusion,
        lambda x: np.stack([1 / np.cosh(2 * x[0]) ** 2, 0 * x[0]]),
    )
    domain = box(COMM, [(-2.5, 2.5), (-0.5, 0.5)], 40)
    known = coefficients(domain, system, 3)
    centres = domain.geometry.x[domain.geometry.dofmap][:, :, 0].mean(axis=1)
    known = known.on(make_region(domain, side * centres < 1))
    space = fem.functionspace(domain, ("Lagrange", 3))
    goal = absorbing_dofs(known.region, space, lambda x: np.abs(x[0] - side) < 1e-9)
    found = mean_exit_time(known, space, 0.2, np.array([-side, 0.0]), Locator(domain), goal)
    assert found.mean == pytest.approx(exact, rel=1e-5)


def test_from_an_annulus():
    """Exit of b = −(r − 2) x/r, A = I from 1.2 < r < 2.8, whose attractor is the circle r = 2."""

    def drift(x):
        r = np.hypot(*x)
        return -(r - 2) * x / r

    system = System(
        2, drift, lambda x: np.zeros((2, *x.shape)), lambda x: np.eye(2)[:, :, None] + 0 * x[0], np.zeros_like
    )
    domain = cut_out(
        COMM, lambda x: (np.hypot(*x) - 2) ** 2 - 0.64, np.array([2.0, 0.0]), np.array([[-4.0, 4.0]] * 2), 40
    )
    known = coefficients(domain, system, 4)
    space = fem.functionspace(domain, ("Lagrange", 4))
    found = mean_exit_time(known, space, 0.2, np.array([0.0, 2.0]), Locator(domain))
    # T'' + (1/r − 2(r−2)/ε) T' = −2/ε on the interval, by collocation
    radial = solve_bvp(
        lambda r, y: np.array([y[1], -2 / 0.2 - (1 / r - 2 * (r - 2) / 0.2) * y[1]]),
        lambda a, b: np.array([a[0], b[0]]),
        np.linspace(1.2, 2.8, 200),
        np.zeros((2, 200)),
        tol=1e-9,
        max_nodes=100_000,
    )
    assert radial.success
    assert found.mean == pytest.approx(radial.sol(2.0)[0], rel=2e-5)


def test_from_a_bent_valley():
    """{U < 1}, U = 4(y − x²)² + x²/2: not seen from its minimum; V = 2U, so log T ≍ 2/ε."""

    def potential(x):
        return 4 * (x[1] - x[0] ** 2) ** 2 + x[0] ** 2 / 2

    def drift(x):
        slope = 8 * (x[1] - x[0] ** 2)
        return -np.stack([-2 * x[0] * slope + x[0], slope])

    system = System(
        2, drift, lambda x: np.zeros((2, *x.shape)), lambda x: np.eye(2)[:, :, None] + 0 * x[0], np.zeros_like
    )
    bounds = np.array([[-2.0, 2.0], [-1.5, 3.5]])
    pin = Pin(np.zeros(2), np.diag([0.5, 1 / 16]))
    with pytest.raises(NotStarShaped):
        star(COMM, lambda x: potential(x) - 1, np.zeros(2), bounds, 12)
    region = ExitRegion(lambda x: potential(x) - 1, pin, bounds)
    found = region_exits(system, region, [0.2, 0.1], potential=lambda x: 2 * potential(x))
    assert found.lowest.value == pytest.approx(2.0, abs=1e-8)
    assert found.times[0].log_direct == pytest.approx(found.times[0].log_flux, abs=2e-3)
    logs = [t.log_mean for t in found.times]
    # slopes between noise levels tend to V; the prefactor varies slowly
    assert (logs[1] - logs[0]) / 5 == pytest.approx(2.0, rel=0.12)


def selection():
    """``loss = (x² − 1)²/4 + y²/2``, A = diag(g, 2 − g), g = 1 + ½ tanh 2x."""

    def diffusion(x):
        g, zero = 1 + 0.5 * np.tanh(2 * x[0]), 0 * x[0]
        return np.stack([np.stack([g, zero]), np.stack([zero, 2 - g])])

    def jacobian(x):
        zero = 0 * x[0]
        return np.stack([np.stack([1 - 3 * x[0] ** 2, zero]), np.stack([zero, zero - 1])])

    return System(
        2,
        lambda x: np.stack([x[0] - x[0] ** 3, -x[1]]),
        jacobian,
        diffusion,
        lambda x: np.stack([1 / np.cosh(2 * x[0]) ** 2, 0 * x[0]]),
    )


@pytest.mark.parametrize(
    ("side", "times"), [(-1, {0.2: 396.8650738, 0.1: 20951.08853}), (1, {0.2: 29.3685950, 0.1: 167.0838051})]
)
def test_hitting_times_of_lines(side, times):
    """From (±1, 0) to the line x = ∓1, in a box that reflects."""
    pin = Pin(np.array([float(side), 0.0]), np.diag([0.25, 0.5]))
    walls = np.array([[-2.0, 2.0], [-1.7, 1.7]])
    region = ExitRegion(lambda x: -side * x[0] - 1, pin, walls, shells=8, walls=True)
    found = region_exits(selection(), region, list(times))
    for one in found.times:
        assert one.log_mean == pytest.approx(np.log(times[one.epsilon]), abs=1e-3)


def test_walls_on_a_line():
    """dX = −X dt + √ε dW from 0 to 0.8, reflected at −0.5, and to 1.5: beyond the direct solution."""
    system, pin, _ = isotropic(1)
    ends = np.array([[-0.5, 2.0]])
    found = region_exits(system, ExitRegion(lambda x: x[0] - 0.8, pin, ends, walls=True), [0.2])

    def inner(y, epsilon):
        return quad(lambda s: np.exp((y * y - s * s) / epsilon), -0.5, y)[0]

    exact = 2 / 0.2 * quad(inner, 0, 0.8, args=(0.2,))[0]
    assert found.times[0].log_mean == pytest.approx(np.log(exact), abs=1e-7)
    rare = region_exits(system, ExitRegion(lambda x: x[0] - 1.5, pin, ends, walls=True), [0.1]).times[0]
    assert rare.log_direct is None
    exact = 2 / 0.1 * quad(inner, 0, 1.5, args=(0.1,), points=[1.4])[0]
    assert rare.log_mean == pytest.approx(np.log(exact), abs=1e-6)


def test_times_that_are_there_are_kept():
    """A mesh that does not resolve the layer at the lowest noise loses that time and no other."""
    system, pin, bounds = isotropic(1)
    found = region_exits(system, ExitRegion(ball, pin, bounds, shells=3), [0.4, 0.002])
    assert [t.epsilon for t in found.times] == [0.4]
    assert "not positive at epsilon" in found.refused[0.002].reason


def test_errors_of_exit_times():
    """Of the flux by two evaluations; of the direct solution by the flux; none without it."""
    assert RegionExit(0.1, 12.0, None, 12.0, 1e-4, None).error == 1e-4
    assert RegionExit(0.1, 5.0, 5.0, 5.003, 1e-6, None).error == pytest.approx(0.003)
    assert RegionExit(0.1, 1.0, 1.0, None, None, None).error is None
