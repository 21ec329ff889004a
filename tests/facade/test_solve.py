"""Results of `quasipot.solve` against exact solutions in one, two and three dimensions."""

import numpy as np
import pytest
import scipy.linalg

import quasipot as qp
from tests.facade.problems import line, printed, space


@pytest.mark.mpi
def test_barriers_times_and_masses_on_the_line():
    result, exact = line()
    wells = [float(one.point[0]) for one in result.places.attractors]
    top = float(result.places.passes[0].point[0])
    assert result.ok
    assert result.unmet == ""
    for i, j in ((0, 1), (1, 0)):
        b = result.barrier(i, j)
        assert b.value == pytest.approx(exact.potential(wells[i], top), rel=1e-9)
        assert b.lower <= b.value <= b.upper
        assert b.upper - b.lower < 1e-4 * b.value
        np.testing.assert_allclose(b.path.points[[0, -1], 0], [wells[i], top], atol=1e-9)
        assert b.path.actions[-1] == pytest.approx(b.value)
        for level in result.levels:
            assert level.log_mfpt[i, j] == pytest.approx(
                exact.log_time(wells[i], wells[j], level.epsilon), abs=2e-2
            )
            assert level.rates[i, j] == pytest.approx(np.exp(-level.log_mfpt[i, j]))
    lowest = result.at(0.04)
    # the deeper well: at log T of 17, passage and relaxation times no longer mix
    assert lowest.log_mfpt[0, 1] == pytest.approx(exact.log_time(*wells, 0.04), abs=2e-4)
    np.testing.assert_allclose(lowest.mass[0], exact.mass(-2.2, top, 0.04), rtol=1e-4)
    assert lowest.mass.sum() == pytest.approx(1.0)


@pytest.mark.mpi
def test_v_and_density_on_the_line():
    result, exact = line()
    well = float(result.places.attractors[0].point[0])
    points = np.array([-1.3, -1.1, -0.8, -0.5])
    expected = [exact.potential(well, s) for s in points]
    np.testing.assert_allclose(result.V(points, attractor=0), expected, atol=1e-4)
    np.testing.assert_allclose(result.V(points[:, None], attractor=0), expected, atol=1e-4)
    assert np.isnan(result.V(np.array([3.0]))).all()
    level = result.at(0.08)
    assert [one.epsilon for one in result] == [0.08, 0.04]
    s = np.linspace(-2.2, 2.2, 2001)
    total = np.trapezoid(level.density(s), s)
    assert total == pytest.approx(1.0, abs=1e-4)
    ratio = level.density(np.array([-0.5, -1.1]))
    expected = -(exact.potential(-1.1, -0.5)) / 0.08 + np.log(np.exp(-1.1 / 2) / np.exp(-0.5 / 2))
    assert np.log(ratio[0] / ratio[1]) == pytest.approx(expected, abs=1e-4)
    np.testing.assert_allclose(level.log_density(points), np.log(level.density(points)))
    assert level.density(np.array([5.0])).tolist() == pytest.approx([np.nan], nan_ok=True)


@pytest.mark.mpi
def test_the_double_well_of_the_readme():
    result, exact = printed()
    assert result.unmet == ""
    assert max(result.errors.values()) < 1e-3
    b = result.barrier(0, 1)
    assert b.value == pytest.approx(exact.potential(-1.0, 0.0), rel=1e-9)
    assert b.lower <= b.value <= b.upper
    assert result.at(0.05).log_mfpt[0, 1] == pytest.approx(exact.log_time(-1.0, 1.0, 0.05), abs=1e-3)
    assert abs(b.path.points[:, 1]).max() < 1e-6
    points = np.array([[-1.0, 0.0], [-0.7, 0.2], [-1.2, -0.15], [0.6, 0.1]])
    x, y = points.T
    expected = [exact.potential(-1.0, s) + t**2 for s, t in zip(-abs(x), y, strict=True)]
    np.testing.assert_allclose(result.V(points), expected, atol=2e-4)
    assert result.V(points[1]) == pytest.approx(expected[1], abs=2e-4)
    np.testing.assert_allclose(result.V(points[:3], attractor=0), expected[:3], atol=2e-4)
    assert np.isnan(result.V(np.array([[0.5, 0.0]]), attractor=0)).all()


@pytest.mark.mpi
def test_the_density_of_the_readme_is_a_product():
    """p(x, y) = p₁(x) e^{−y²/ε}/√(πε), whatever p₁."""
    result, _ = printed()
    level = result.at(0.1)
    y = np.linspace(-0.5, 0.5, 5)
    for x in (-1.0, 0.3):
        values = level.density(np.column_stack([np.full(5, x), y]))
        np.testing.assert_allclose(values / values[2], np.exp(-(y**2) / 0.1), rtol=2e-3)
    assert level.committor(0, [[-1.0, 0.0], [0.0, 0.3]]) == pytest.approx([1.0, 0.5], abs=2e-3)
    np.testing.assert_allclose(level.mean, [0, 0], atol=1e-6)
    np.testing.assert_allclose(level.covariance[1, 1], 0.05, rtol=1e-3)


def test_relaxation_in_space_from_functions():
    result, matrix, noise = space()
    covariance = scipy.linalg.solve_continuous_lyapunov(matrix, -noise)
    points = np.array([[0.2, 0.1, -0.1], [-0.1, 0.3, 0.2]])
    expected = 0.5 * np.einsum("ni,ij,nj->n", points, np.linalg.inv(covariance), points)
    np.testing.assert_allclose(result.V(points), expected, rtol=1e-3)
    level = result.at(0.05)
    assert level.why == "there is one attractor"
    assert np.isnan(level.log_mfpt).all()
    scale = np.sqrt(np.linalg.det(2 * np.pi * 0.05 * covariance))
    np.testing.assert_allclose(level.density(points), np.exp(-expected / 0.05) / scale, rtol=2e-2)
    assert result.barriers == ()


def test_what_there_is_no_barrier_for_is_said():
    result, _ = printed()
    one = result.barrier(0, None)
    assert np.isnan(one.value)
    assert one.path is None
    assert one.why == "no pass leads from attractor 0 straight to the outside"
    assert repr(one) == f"Barrier(0 → outside: {one.why})"


def test_the_repr_has_brackets_times_and_checks():
    result, _ = printed()
    text, page = repr(result), result._repr_html_()
    assert text.startswith("2 attractors, 1 pass; ")
    assert "tolerance 0.001 met: largest estimated error " in text
    assert "0 → 1    pass 0  0.462871" in text
    assert "10.691 ±" in text
    assert "all good" in text
    assert page.count("<table>") == 2
    assert "0.462871" in page
    assert repr(result.barrier(0, 1)).startswith("Barrier(0 → 1 over pass 0: 0.462871 [0.46")


def test_a_tolerance_that_cannot_be_met_is_said():
    result, _ = printed()
    coarse = qp.solve(result.system, result.places, tolerance=1e-9, mesh=qp.Mesh(resolution=12))
    assert coarse.unmet == "the mesh is that of resolution = 12"
    assert "tolerance 1e-09 NOT met (the mesh is that of resolution = 12): barrier 0 → 1 " in repr(coarse)
    few = qp.solve(result.system, result.places, tolerance=1e-9, mesh=qp.Mesh(max_unknowns=3000))
    assert few.unmet.endswith("unknowns, and max_unknowns is 3000")
