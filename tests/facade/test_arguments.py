"""Wrong arguments: one clear sentence, on every rank, before anything is solved."""

import numpy as np
import pytest
import sympy as sp

import quasipot as qp
from tests.facade.problems import printed, x, y

pytestmark = pytest.mark.mpi
BOX = [(-1.8, 1.8), (-1.2, 1.2)]
LOSS = (x**2 - 1) ** 2 / 4 + y**2 / 2


def system(diffusion=None):
    return qp.System.from_loss(LOSS, [x, y], diffusion)


@pytest.mark.parametrize(
    ("box", "sentence"),
    [
        ([(-1, 1)], "box: its shape is (1, 2) for 2 coordinates; give pairs (low, high), one for each"),
        (
            [(1, -1), (0, 1)],
            "box: [[1.0, -1.0], [0.0, 1.0]] are no pairs low < high; give finite numbers, the lower first",
        ),
        ("wide", "box: 'wide' are no numbers; give pairs (low, high), one for each coordinate"),
    ],
)
def test_boxes(box, sentence):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole sentence is compared)
        qp.find_places(system(), box)
    assert str(caught.value) == sentence


def test_what_is_no_system():
    with pytest.raises(ValueError, match=r"^system: this is of type str; make one with System.from_loss"):
        qp.find_places("x**2", BOX)
    with pytest.raises(ValueError, match=r"^places: this is of type list; make them with find_places"):
        qp.solve(system(), BOX)
    other = qp.System.from_loss((x**2 - 1) ** 2, [x])
    with pytest.raises(ValueError, match="they are not of a system of 1 coordinates"):
        qp.solve(other, printed()[0].places)


@pytest.mark.parametrize(
    ("epsilon", "problem"),
    [
        (0, "epsilon: 0 are no noise levels; give positive numbers, as in [0.1, 0.05]"),
        ([0.1, 0.1], "epsilon: the noise levels are not distinct; remove the repeated one"),
        (["a"], "epsilon: ['a'] are no numbers; give positive numbers, as in [0.1, 0.05]"),
        ([float("nan")], "epsilon: [nan] are no noise levels; give positive numbers, as in [0.1, 0.05]"),
    ],
)
def test_noise_levels(epsilon, problem):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole sentence is compared)
        qp.solve(system(), printed()[0].places, epsilon)
    assert str(caught.value) == problem


def test_tolerance_and_mesh():
    places = printed()[0].places
    with pytest.raises(ValueError, match=r"^tolerance: -1 is no positive number; give one$"):
        qp.solve(system(), places, tolerance=-1)
    with pytest.raises(ValueError, match=r"^mesh: this is of type int; give quasipot.Mesh\(resolution=…\)$"):
        qp.solve(system(), places, mesh=64)
    with pytest.raises(ValueError, match=r"^mesh.degree: 7 is no whole number from 2 to 5; give one$"):
        qp.Mesh(degree=7)
    with pytest.raises(ValueError, match=r"^mesh.petsc.pc_typ: this option of PETSc is unknown"):
        qp.Mesh(petsc={"pc_typ": "lu"})


def test_noise_that_is_no_covariance_has_the_sentence_of_the_command_line():
    places = printed()[0].places
    one_way = system([[1, 0], [0, 0]])
    unreached = (
        r"^system: no noise reaches the combination 1 y at the attractor \(-1, 0\): V is infinite along it"
    )
    with pytest.raises(ValueError, match=unreached + r"; change A or the drift, or add system.with_floor"):
        qp.solve(one_way, places)
    problem = (
        r"^system: A is not positive definite at \(-1.8, -1.2\): smallest eigenvalue {}; change A or the "
    )
    end = r"domain, or add system.with_floor\(delta\)$"
    with pytest.raises(ValueError, match=problem.format(-1) + end):
        qp.solve(system([[1, 0], [0, -1]]), places)
    # what was not tried with noise in some directions only is not computed with it
    with pytest.raises(ValueError, match=problem.format(0) + end):
        qp.exit_times(one_way, places, 0, (x + 1) ** 2 + y**2 - 0.3, 0.1)
    with pytest.raises(ValueError, match=problem.format(0) + end):
        qp.evolve(one_way, BOX, ([0, 0], [[1, 0], [0, 1]]), 0.1, [1.0])
    with pytest.raises(ValueError, match="the drift is not finite at"):
        qp.find_places(qp.System.from_drift([sp.log(x), -y], [x, y]), BOX)


def test_boxes_without_attractors():
    with pytest.raises(qp.UnsuitableDomain, match="^box: there is no attracting point or limit cycle in the"):
        qp.find_places(system(), [(2, 3), (-1, 1)])


def test_arguments_of_results():
    result, _ = printed()
    with pytest.raises(ValueError, match=r"^points: the shape is \(4, 3\); give an array of shape \(n, 2\)"):
        result.V(np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"^start: there is no attractor 2; there are 2, counted from 0$"):
        result.barrier(2, 0)
    with pytest.raises(ValueError, match=r"^end: it is the attractor escaped from; name another one$"):
        result.barrier(0, 0)
    with pytest.raises(
        ValueError, match=r"^epsilon: 0.2 was not solved for; the noise levels are: 0.1, 0.05$"
    ):
        result.at(0.2)
