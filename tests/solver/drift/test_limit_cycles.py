"""Limit cycles: found, made exact, V expanded round them and solved for."""

import numpy as np
import pytest
import sympy as sp
from dolfinx import fem
from mpi4py import MPI

from meshes.box import box
from solver.analysis.stages import analyse
from solver.drift.fixed_points import fixed_points
from solver.drift.limit_cycles import limit_cycles
from solver.elements.discretisation import discretise
from solver.elements.region import cell_values
from solver.hamilton_jacobi.cycle_expansion import expand_cycle
from solver.places.search import find_places
from tests.exact import X, Y, Z, function, gradient_system, system

COMM = MPI.COMM_WORLD
SQUARE = [(-1.4, 1.4)] * 2
R2 = X**2 + Y**2
STABLE = system([Y + X * (1 - R2), -X + Y * (1 - R2)], sp.eye(2))


def cycles(case, bounds):
    return limit_cycles(case, fixed_points(case, bounds), bounds)


def unstable(rho):
    return system([rho * Y - X * (1 - R2), -rho * X - Y * (1 - R2)], sp.eye(2))


@pytest.mark.parametrize(
    ("case", "kind", "period", "multiplier"),
    [
        (STABLE, "attractor", 2 * np.pi, np.exp(-4 * np.pi)),
        (unstable(10), "repeller", np.pi / 5, np.exp(2 * np.pi / 5)),
    ],
)
def test_circles_are_found_with_period_and_multiplier(case, kind, period, multiplier):
    (cycle,) = cycles(case, SQUARE)
    assert cycle.kind == kind
    assert cycle.period == pytest.approx(period, rel=1e-12)
    assert cycle.multipliers[0].real == pytest.approx(multiplier, rel=1e-6)
    np.testing.assert_allclose(np.linalg.norm(cycle.nodes, axis=1), 1.0, atol=1e-13)


def test_van_der_pol():
    # period and amplitude: Andersen and Geer, SIAM J. Appl. Math. 42 (1982) 678
    (cycle,) = cycles(system([Y, (1 - X**2) * Y - X], sp.eye(2)), [(-3, 3), (-4, 4)])
    assert cycle.kind == "attractor"
    assert cycle.period == pytest.approx(6.6632868593231301, rel=1e-11)
    dense = cycle.curve(np.linspace(0, 2 * np.pi, 20001))
    assert dense[0].max() == pytest.approx(2.0086198608748431, abs=1e-6)


def test_nested_cycles_of_both_kinds():
    # r' = r (1 − r²)(r² − ¼): the origin and r = 1 attract, r = ½ repels
    radial = -(1 - R2) * (sp.Rational(1, 4) - R2)
    case = system([X * radial - Y, Y * radial + X], sp.eye(2))
    found = cycles(case, SQUARE)
    assert [c.kind for c in found] == ["attractor", "repeller"]
    for cycle, radius in zip(found, (1.0, 0.5), strict=True):
        np.testing.assert_allclose(np.linalg.norm(cycle.nodes, axis=1), radius, atol=1e-12)


def test_no_cycle_without_rotation():
    assert cycles(gradient_system((X**2 - 1) ** 2 / 4 + Y**2 / 2, sp.eye(2)), SQUARE) == ()
    assert cycles(system([-X + Y, -Y], sp.eye(2)), SQUARE) == ()


# V, and a drift −½A∇V + ℓ with ℓ·∇V = 0 and b tangential on the cycle
_Q = X**2 + sp.Rational(3, 2) * Y**2 - 1
_ELLIPSE = _Q**2 / 2 + _Q**3 / 5
_A = sp.Matrix([[1 + X / 4, sp.Rational(1, 5)], [sp.Rational(1, 5), sp.Rational(1, 2)]])
_SPACE = (R2 - 1) ** 2 / 2 + Z**2 * (1 + R2) / 2


def _ellipse():
    slope, rotation = sp.Matrix([sp.diff(_ELLIPSE, v) for v in (X, Y)]), sp.Matrix([-3 * Y, 2 * X])
    return system(list(-_A * slope / 2 + (1 + X / 3) * rotation), _A)


def _ring():
    slope = sp.Matrix([sp.diff(_SPACE, v) for v in (X, Y, Z)])
    return system(list(-slope / 2 + sp.Matrix([-Y, X, 0]) * (1 + Z / 2)), sp.eye(3))


@pytest.mark.parametrize(
    ("case", "potential", "bounds", "level"),
    [
        (_ellipse(), _ELLIPSE, [(-1.6, 1.6), (-1.3, 1.3)], 0.02),
        (_ring(), _SPACE, [(-1.6, 1.6)] * 2 + [(-1.0, 1.0)], 0.02),
    ],
    ids=["ellipse with A(x)", "ring in space"],
)
def test_expansion_is_exact_in_the_tube(case, potential, bounds, level):
    cycle = cycles(case, bounds)[0]
    expansion = expand_cycle(case, cycle, level)
    assert expansion.residual <= 1e-9
    generator = np.random.default_rng(1)
    theta = generator.uniform(0, 2 * np.pi, 200)
    z = generator.normal(size=(case.dim - 1, 200))
    z *= generator.uniform(0, 1, 200) / np.linalg.norm(z, axis=0)
    x = expansion.tube.place(theta, z)
    np.testing.assert_allclose(expansion.coordinates(x), z, atol=1e-10)
    exact = function(potential, case.dim)
    np.testing.assert_allclose(expansion(x), exact(x), atol=1e-9 * level)
    step = 1e-5
    for i, slope in enumerate(expansion.gradient(x)):
        shift = step * np.eye(case.dim)[:, [i]]
        np.testing.assert_allclose(slope, (exact(x + shift) - exact(x - shift)) / (2 * step), atol=1e-7)


def test_expansion_at_a_relaxation_cycle():
    """Van der Pol's cycle: the terms beyond the quadratic have hundreds of harmonics."""
    case = system([Y, (1 - X**2) * Y - X], sp.eye(2))
    (cycle,) = (c for c in cycles(case, [(-4.2, 4.2)] * 2) if c.kind == "attractor")
    expansion = expand_cycle(case, cycle, 0.01)
    # a hundredth of the way to what is left at 3.5 (0.1139); the level was 1e-12 with 48 harmonics
    assert expansion.level > 1e-3
    assert expansion.harmonics > 48
    generator = np.random.default_rng(2)
    theta, z = generator.uniform(0, 2 * np.pi, 300), generator.uniform(-1, 1, (1, 300))
    x = expansion.tube.place(theta, z)
    slope = expansion.gradient(x)
    noise = 0.5 * np.sum(slope**2, axis=0)
    hamiltonian = np.sum(case.drift(x) * slope, axis=0) + noise
    assert np.max(np.abs(hamiltonian)) < 1e-8 * np.max(noise)
    # the terms beyond the quadratic are no small correction there
    beyond = np.abs(expansion(x) - expansion.level * z[0] ** 2)
    assert beyond.max() > 0.03 * expansion.level


def test_a_level_far_above_what_a_tube_can_have():
    """The Brusselator's cycle: at large levels coordinates fold, or the powers of z outgrow each other."""
    case = system([1 - sp.Rational(33, 10) * X + X**2 * Y, sp.Rational(23, 10) * X - X**2 * Y], sp.eye(2))
    (cycle,) = (c for c in cycles(case, [(-0.5, 3.0), (0.5, 4.1)]) if c.kind == "attractor")
    levels = [expand_cycle(case, cycle, level).level for level in (1.0, 1e-2, 3e-4, 1.4e-4)]
    assert all(1e-6 < level < 1e-4 for level in levels)


def all_wells(case, bounds, resolution, degree):
    """Everything but densities, with cycles as attractors and as edges of basins."""
    known = discretise(case, box(COMM, bounds, resolution), degree)
    return analyse(known, find_places(case, bounds), [])


def solved(case, bounds, resolution, degree):
    (well,) = all_wells(case, bounds, resolution, degree).wells
    return well


def gaps(well, exact, level):
    """Errors at the nodes of the valid cells of this rank on which V ≤ level."""
    space = well.potential.function_space
    reference = fem.Function(space)
    reference.interpolate(lambda x: exact(x[: space.mesh.geometry.dim]))
    cells = well.valid & (cell_values(reference).max(axis=1) <= level)
    assert COMM.allreduce(int(cells.sum()), op=MPI.SUM) > 50
    return np.abs(cell_values(well.potential) - cell_values(reference))[cells]


def largest_error(well, exact, level):
    return COMM.allreduce(float(np.max(gaps(well, exact, level), initial=0.0)), op=MPI.MAX)


@pytest.mark.mpi
def test_quartic_round_a_cycle_is_exact_at_degree_four():
    well = solved(STABLE, SQUARE, 20, 4)
    assert well.trusted_level > 0.4
    assert largest_error(well, function((R2 - 1) ** 2 / 2, 2), 0.4) < 1e-12


def test_cubic_elements_converge_round_a_cycle():
    exact = function((R2 - 1) ** 2 / 2, 2)
    errors = [np.sqrt(np.mean(gaps(solved(STABLE, SQUARE, n, 3), exact, 0.3) ** 2)) for n in (16, 32)]
    assert np.log2(errors[0] / errors[1]) > 3.5


@pytest.mark.mpi
@pytest.mark.parametrize("rho", [1, 10])
def test_basin_of_a_point_inside_an_unstable_cycle(rho):
    analysis = all_wells(unstable(rho), [(-1.1, 1.1)] * 2, 24, 4)
    (barrier,) = analysis.barriers
    assert (barrier.start, barrier.end) == (0, None)
    assert barrier.barrier == pytest.approx(0.5, abs=1e-11)
    assert barrier.lower <= 0.5 <= barrier.upper + 1e-11
    assert barrier.lower > 0.48
    (well,) = analysis.wells
    # V(0.95) = 0.49517
    assert largest_error(well, function(R2 * (1 - R2 / 2), 2), 0.4952) < 1e-11


def test_barriers_between_a_point_and_a_cycle():
    radial = (1 - R2) * (R2 - sp.Rational(1, 4))
    case = system([X * radial - 2 * Y, Y * radial + 2 * X], sp.eye(2))
    analysis = all_wells(case, [(-1.25, 1.25)] * 2, 32, 3)
    r = sp.symbols("r")
    speed = r * (1 - r**2) * (r**2 - sp.Rational(1, 4))
    there, back = (
        float(-2 * sp.integrate(speed, (r, 0, sp.Rational(1, 2)))),
        float(2 * sp.integrate(speed, (r, sp.Rational(1, 2), 1))),
    )
    assert [(b.start, b.end) for b in analysis.barriers] == [(0, 1), (1, 0)]
    for barrier, exact in zip(analysis.barriers, (there, back), strict=True):
        assert barrier.barrier == pytest.approx(exact, rel=1e-8)
        assert barrier.mismatch < 2e-3
        assert exact * 0.5 < barrier.lower <= exact
    assert analysis.weights[0] - analysis.weights[1] == pytest.approx(back - there, rel=1e-7)
