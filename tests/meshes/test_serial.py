"""Serial work in parallel programs: the same results and exceptions on all ranks."""

import pytest
from mpi4py import MPI

from meshes.serial import dealt, on_root, served

COMM = MPI.COMM_WORLD


@pytest.mark.mpi
def test_root_computes_for_all():
    calls = []

    def action():
        calls.append(1)
        return {"rank": COMM.rank}

    assert on_root(COMM, action) == {"rank": 0}
    assert COMM.allreduce(len(calls)) == 1


@pytest.mark.mpi
def test_an_exception_of_the_root_is_raised_on_all():
    def action():
        raise ValueError(f"wrong on rank {COMM.rank}")

    with pytest.raises(ValueError, match="wrong on rank 0"):
        on_root(COMM, action)


@pytest.mark.mpi
def test_actions_are_dealt_in_turn_and_come_back_in_order():
    found = dealt(COMM, [lambda n=n: (n, COMM.rank) for n in range(7)])
    assert found == [(n, n % COMM.size) for n in range(7)]
    assert dealt(COMM, []) == []


@pytest.mark.mpi
def test_the_first_exception_of_those_dealt_counts():
    def action(n):
        if n in (3, 4):
            raise RuntimeError(f"action {n}")
        return n

    with pytest.raises(RuntimeError, match="action 3"):
        dealt(COMM, [lambda n=n: action(n) for n in range(6)])


@pytest.mark.mpi
def test_an_algorithm_on_the_root_is_served_by_all():
    """Newton's method for a root; the function is a sum over the ranks, and only rank 0 decides."""
    asked = []

    def serve(x):
        asked.append(x)
        return COMM.allreduce((x**2 - 2.0) / COMM.size)

    def algorithm(value):
        x = 1.0
        while abs(value(x)) > 1e-12:
            x -= value(x) / (2 * x)
        return x

    assert served(COMM, serve, algorithm) == pytest.approx(2**0.5, abs=1e-12)
    assert len(set(COMM.allgather(tuple(asked)))) == 1


@pytest.mark.mpi
def test_exceptions_of_the_algorithm_and_of_what_serves_it():
    def serve(x):
        if x < 0:
            raise ArithmeticError("no root of a negative number")
        return x**0.5

    def careful(value):
        try:
            return value(-1.0)
        except ArithmeticError:
            return value(4.0)

    assert served(COMM, serve, careful) == 2.0
    with pytest.raises(ArithmeticError, match="negative"):
        served(COMM, serve, lambda value: value(-1.0))
    with pytest.raises(KeyError):
        served(COMM, serve, lambda value: {}["nothing"])
