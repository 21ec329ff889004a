"""A landscape from a Python function of one's own: ``model = "module:function"``.

The function is called once with ``[system.options]`` as keyword arguments, and with those numbers of
``system.parameters`` whose names it takes.  It returns a dict of NumPy functions of points ``(d, N)``
(or the first of them alone):

====================  ==================  =================================================================
key                   returns             meaning
====================  ==================  =================================================================
``loss``              ``(N,)``            the loss U; ``b = -∇U``
``gradient``          ``(d, N)``          optional: ∇U
``hessian``           ``(d, d, N)``       optional: ∇∇U
``sample_gradients``  ``(n, d, N)``       optional: ∇ of the loss of each of n samples; A is their covariance
``covariance``        ``(d, d, N)``       optional, instead of those: A
``divergence``        ``(d, N)``          optional: ∇·A
====================  ==================  =================================================================

What is not given is differentiated numerically (:mod:`solver.derivatives`), and a gradient that
is given is compared with the loss.  With ``tabulate = n`` loss and covariance are evaluated once on a grid
and become splines (:mod:`cases.landscapes.tabulated`): for functions that are slow, or rough in the last
digits.

The module is a file beside the case file or one that Python can import.  It is run: use your own only.
"""

from __future__ import annotations

import numpy as np

from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape, at_point, from_table
from cases.landscapes.sampled_law import sampled_law
from cases.landscapes.user_function import call, load
from cases.landscapes.user_values import functions_of, wrong
from solver.derivatives import Derivative, derivative
from solver.laws.cumulant import CumulantLaw
from solver.system import Array, Field

SAMPLE = 60
#: Largest error of a numerical derivative over its root mean square.
TOLERANCE = 1e-5
#: By how much a given gradient may differ from the numerical one, over its root mean square.
CONTRADICTION = 1e-3
CHUNK = 2000


def build(case: Case) -> Landscape:
    """The landscape of a case with ``model = "module:function"``.

    Raises:
        CaseError: for whatever is wrong with the module, the function, or what it returns.
    """
    functions = functions_of(case, call(case, load(case)))
    if case.system.tabulate is not None:
        return _tabulated(case, functions)
    needs = [key for key in ("gradient", "hessian") if key not in functions]
    needs += ["divergence"] if "covariance" in functions and "divergence" not in functions else []
    if needs and case.domain.bounds is None:
        raise case.error(
            "domain.mesh",
            f"the model has no {needs[0]}, and its derivatives need a scale",
            "give domain.bounds",
        )
    if case.domain.bounds is not None:
        _complete(case, functions)
    gradient, hessian = functions["gradient"], functions["hessian"]
    return Landscape(
        coordinates=tuple(case.coordinates),
        drift=lambda x: -gradient(x),
        jacobian=lambda x: -hessian(x),
        loss=functions["loss"],
        hessian=hessian,
        covariance=functions.get("covariance"),
        divergence=functions.get("divergence"),
        law=_law(case, functions),
        parameters=dict(case.system.parameters),
    )


def _law(case: Case, functions: dict[str, Field]) -> CumulantLaw | None:
    """The law of minibatches, where there are samples and a box that gives a scale."""
    if "sample_gradients" not in functions or case.domain.bounds is None:
        return None
    x, widths = _sample(case)
    return sampled_law(functions["sample_gradients"], functions["gradient"], functions["hessian"], widths, x)


def _sample(case: Case) -> tuple[Array, list[float]]:
    """Points ``(d, n)`` in the middle nine tenths of the box, for differences not to leave it; its widths."""
    low, high = np.array(case.domain.bounds).T[:, :, None]
    x = low + (high - low) * (0.05 + 0.9 * np.random.default_rng(1).random((case.dim, SAMPLE)))
    return x, [float(width) for width in (high - low)[:, 0]]


def _complete(case: Case, functions: dict[str, Field]) -> None:
    """Fill in the derivatives that are missing; check those that are there, and all values, at a sample."""
    x, widths = _sample(case)
    for key, function in functions.items():
        bad = ~np.isfinite(function(x)).all(axis=tuple(range(function(x).ndim - 1)))
        if bad.any():
            raise wrong(case, f"{key} is not finite at {at_point(x[:, int(np.argmax(bad))])}", "mend it")
    slope = derivative(functions["loss"], widths, x)
    _use(case, functions, "gradient", slope, slope.function, x)
    curve = derivative(functions["gradient"], widths, x)
    _use(case, functions, "hessian", curve, lambda y: _symmetric(curve.function(y)), x)
    if "covariance" in functions:
        spread = derivative(functions["covariance"], widths, x)
        _use(case, functions, "divergence", spread, lambda y: np.einsum("ijjn->in", spread.function(y)), x)


def _use(
    case: Case, functions: dict[str, Field], key: str, made: Derivative, numerical: Field, x: Array
) -> None:
    """Take the numerical derivative where none is given; else compare the two."""
    if key not in functions:
        if not made.error <= TOLERANCE:
            raise wrong(
                case,
                f"numerical derivatives for its {key} have a relative error of {made.error:.1g}",
                f"return '{key}' too, compute in double precision, or set system.tabulate",
            )
        functions[key] = numerical
        return
    given, found = functions[key](x), numerical(x)
    gap = np.abs(given - found).max(axis=tuple(range(given.ndim - 1)))
    if (gap > (CONTRADICTION + 10 * made.error) * made.size).any():
        of = {"gradient": "loss", "hessian": "gradient", "divergence": "covariance"}[key]
        at = at_point(x[:, int(np.argmax(gap))])
        raise wrong(case, f"{key} is not the derivative of {of} at {at}", f"correct it, or leave {key} out")


def _symmetric(matrices: Array) -> Array:
    return 0.5 * (matrices + matrices.transpose(1, 0, 2))


def _tabulated(case: Case, functions: dict[str, Field]) -> Landscape:
    from cases.expressions.splines import FEWEST
    from cases.landscapes.grid_file import BadTable, Table, check_covariance

    if case.domain.bounds is None:
        raise case.error("system.tabulate", "a mesh file gives no box to tabulate on", "give domain.bounds")
    longest = max(high - low for low, high in case.domain.bounds)
    axes = tuple(
        np.linspace(low, high, max(2 * FEWEST, round((case.system.tabulate or 0) * (high - low) / longest)))
        for low, high in case.domain.bounds
    )
    points = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])
    shape = tuple(len(axis) for axis in axes)

    def grid(key: str) -> Array:
        # a few points at a time: per-sample gradients of all of them would not fit into memory
        parts = np.array_split(points, max(1, points.shape[1] // CHUNK), axis=1)
        values = np.concatenate([functions[key](part) for part in parts], axis=-1)
        bad = ~np.isfinite(values).all(axis=tuple(range(values.ndim - 1)))
        if bad.any():
            raise wrong(case, f"{key} is not finite at {at_point(points[:, int(np.argmax(bad))])}", "mend it")
        return np.moveaxis(values, -1, 0).reshape(*shape, *values.shape[:-1])

    covariance = None
    if "covariance" in functions:
        try:
            covariance = check_covariance(grid("covariance"), axes)
        except BadTable as error:
            raise wrong(case, *error.args) from None
    table = Table(axes, grid("loss"), covariance, tuple(case.coordinates))
    return from_table(table, case.coordinates, case.system.parameters, None)
