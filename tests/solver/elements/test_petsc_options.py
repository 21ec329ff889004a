"""The allow-list of PETSc's options against PETSc itself."""

import subprocess
import sys

import numpy as np
import pytest
from petsc4py import PETSc

from solver.elements.linear import factorise, solve
from solver.elements.petsc_options import DEFAULTS, KRYLOV, PRECONDITIONERS, RULES, refusal
from tests.small_case import environment

N = 40


def matrix():
    """Diffusion with some transport on a line: not symmetric, and no trouble for any solver."""
    found = PETSc.Mat().createAIJ([N, N], nnz=3, comm=PETSc.COMM_SELF)
    for i in range(N):
        for j, value in ((i - 1, -1.2), (i, 3.0), (i + 1, -0.8)):
            if 0 <= j < N:
                found.setValue(i, j, value)
    found.assemble()
    return found


def example(name):
    rule = RULES[name]
    given = {
        "count": 2, "whole": 7, "positive": 0.9, "number": 0.1, "flag": True,
    }  # fmt: skip
    value = rule.values[0] if isinstance(rule.values, tuple) else given[rule.values]
    options = {name: value}
    while rule.of:
        options |= {rule.of: rule.when[0]}
        rule = RULES[rule.of]
    if name in ("ksp_rtol", "ksp_atol", "ksp_divtol", "ksp_max_it"):  # harmless beside a direct solver
        options["ksp_type"] = "gmres"
    return {key: options[key] for key in reversed(list(options))}


def heed_all():
    """Solve with every option; PETSc says at its end which of them it has not looked at."""
    for name in RULES:
        ksp = factorise(matrix(), f"option {name}", example(name))
        rhs = PETSc.Vec().createSeq(N)
        rhs.set(1.0)
        ksp.solve(rhs, rhs.duplicate())


def test_petsc_heeds_every_option_that_is_let_through():
    assert [name for name in RULES if refusal(example(name)) is not None] == []
    job = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import heed_all; heed_all()"],
        env=environment() | {"PETSC_OPTIONS": "-options_left"},
        capture_output=True,
        text=True,
    )
    assert job.returncode == 0, job.stderr
    assert "There are no unused options." in job.stdout + job.stderr
    # and it does say so of others
    others = "import petsc4py.PETSc as p; p.Options()['some_thing'] = 1"
    job = subprocess.run(
        [sys.executable, "-c", others],
        env=environment() | {"PETSC_OPTIONS": "-options_left"},
        capture_output=True,
        text=True,
    )
    assert "some_thing" in job.stdout + job.stderr


@pytest.mark.parametrize("name", [k for k in KRYLOV if k not in ("preonly", "cg", "cr", "minres")])
def test_methods_solve(name):
    options = {"ksp_type": name, "pc_type": "jacobi", "ksp_rtol": 1e-12}
    assert refusal(options) is None
    rhs = PETSc.Vec().createSeq(N)
    rhs.set(1.0)
    A = matrix()
    x = solve(factorise(A, f"method {name}", options), rhs, "test")
    residual = rhs.duplicate()
    A.mult(x, residual)
    np.testing.assert_allclose(residual.array, 1.0, atol=1e-8)


@pytest.mark.parametrize("name", PRECONDITIONERS)
def test_preconditioners_solve(name):
    options = {"ksp_type": "gmres", "pc_type": name, "ksp_rtol": 1e-12}
    assert refusal(options) is None
    rhs = PETSc.Vec().createSeq(N)
    rhs.set(1.0)
    A = matrix()
    x = solve(factorise(A, f"preconditioner {name}", options), rhs, "test")
    residual = rhs.duplicate()
    A.mult(x, residual)
    np.testing.assert_allclose(residual.array, 1.0, atol=1e-8)


BAD = {
    "writes a file": ({"ksp_view": "ascii:main.py"}, "ksp_view", "does more than solve"),
    "monitors into a file": ({"ksp_monitor": "ascii:main.py"}, "ksp_monitor", "does more than solve"),
    "runs code": ({"pc_type": "python"}, "pc_type", "'python' is not one of its values"),
    "runs code below": ({"pc_type": "asm", "sub_pc_type": "python"}, "sub_pc_type", "'python'"),
    "names a module": ({"pc_python_type": "a.b"}, "pc_python_type", "unknown"),
    "reads options": ({"options_file": "x"}, "options_file", "unknown"),
    "out of core": ({"mat_mumps_icntl_22": 1}, "mat_mumps_icntl_22", "unknown"),
    "unknown type": ({"ksp_type": "gmers"}, "ksp_type", "'gmers'"),
    "text for a number": ({"ksp_type": "gmres", "ksp_rtol": "1e-8"}, "ksp_rtol", "'1e-8'"),
    "negative tolerance": ({"ksp_rtol": -1.0}, "ksp_rtol", "-1.0"),
    "huge count": ({"ksp_max_it": 2**40}, "ksp_max_it", "is not one of its values"),
    "of another method": ({"ksp_gmres_restart": 30}, "ksp_gmres_restart", 'with ksp_type = "preonly"'),
    "of another preconditioner": ({"pc_asm_overlap": 2}, "pc_asm_overlap", 'with pc_type = "lu"'),
    "of none": ({"pc_type": "asm", "sub_pc_factor_levels": 2}, "sub_pc_factor_levels", "with no sub_pc_type"),
    "of MUMPS": (
        {"pc_type": "ilu", "ksp_type": "gmres", "mat_mumps_icntl_14": 100},
        "mat_mumps_icntl_14",
        'with pc_type = "ilu"',
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_refused(kind):
    options, name, words = BAD[kind]
    found = refusal(options)
    assert found is not None
    assert found[0] == name
    assert words in found[1]
    assert found[2]


def test_a_near_name_is_suggested():
    assert refusal({"ksp_rtoll": 1e-8})[2] == "did you mean 'ksp_rtol'?"


def test_the_defaults_are_those_of_the_solver():
    ksp = factorise(matrix(), "default")
    assert ksp.getType() == DEFAULTS["ksp_type"]
    assert ksp.getPC().getType() == DEFAULTS["pc_type"]
    assert ksp.getPC().getFactorSolverType() == DEFAULTS["pc_factor_mat_solver_type"]
