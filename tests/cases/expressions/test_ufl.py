import numpy as np
import pytest
from mpi4py import MPI

from cases.expressions.parse import parse, symbols
from cases.expressions.symbolic import gradient, to_numpy, to_ufl

EXPRESSIONS = [
    "(x**2 - 1)**2/4 + y**2/2",
    "exp(-x*y)*sin(x) + cos(y)/(3 + x**2)",
    "log(2 + x) + sqrt(1.5 + y) + (2 + y)**1.5 + (2 + x)**y",
    "tan(x/2) + sinh(x) + cosh(y) + tanh(3*x)",
    "asin(x/3) + acos(y/3) + atan(x) + atan2(y, 2 + x)",
    "abs(x - 0.3) + abs(pi - 4)*sign(y + 0.1) + heaviside(x + y - 0.123) + heaviside(x - 7)",
    "min(x, y, 0.2) + max(x, -0.1, y**2)",
    "erf(2*x)",
    "pi",
]


@pytest.mark.mpi
@pytest.mark.parametrize("text", EXPRESSIONS)
def test_ufl_agrees_with_numpy(text):
    import ufl
    from dolfinx import fem, mesh

    domain = mesh.create_rectangle(MPI.COMM_WORLD, [[-0.9, -0.7], [0.8, 0.6]], [7, 5])
    xs = symbols(["x", "y"])
    expr = parse(text, ["x", "y"])
    x = ufl.SpatialCoordinate(domain)
    nodes = np.array([[0.2, 0.3], [0.6, 0.1]])
    for one in [expr, *gradient(expr, xs)]:
        # Beside a coordinate: a constant alone belongs to no mesh.
        in_ufl = ufl.as_vector([to_ufl(one, xs, x), x[0]])
        cells = np.arange(domain.topology.index_map(2).size_local, dtype=np.int32)
        found = fem.Expression(in_ufl, nodes).eval(domain, cells)
        places = fem.Expression(x, nodes).eval(domain, cells).reshape(-1, 2).T
        np.testing.assert_allclose(
            found.reshape(-1, 2)[:, 0], to_numpy(one, xs)(places), rtol=1e-12, atol=1e-13
        )


@pytest.mark.mpi
def test_assembled_integral():
    import ufl
    from dolfinx import fem, mesh

    domain = mesh.create_unit_square(MPI.COMM_WORLD, 4, 4)
    xs = symbols(["x", "y"])
    form = fem.form(to_ufl(parse("x**2*y + 1/2", ["x", "y"]), xs, ufl.SpatialCoordinate(domain)) * ufl.dx)
    total = domain.comm.allreduce(fem.assemble_scalar(form), op=MPI.SUM)
    assert total == pytest.approx(1 / 6 + 1 / 2, abs=1e-13)
