"""Means over a data set as compiled code: of a loss, its derivatives, and products of them.

A symbolic loss of one sample is printed as scalar code, summed over the samples in a loop, and compiled.
Every kernel computes what its callers ask for together, and no more.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy.printing.pycode import PythonCodePrinter

from solver import symbolic
from solver.system import Array, Field

SampleGradient = Callable[[Array, int, Array], None]


class _ScalarPrinter(PythonCodePrinter):
    """Scalar code that numba compiles, with our own functions in terms of ``math``."""

    def _print_Magnitude(self, expr: sp.Expr) -> str:
        return f"abs({self._print(expr.args[0])})"

    def _print_Sign(self, expr: sp.Expr) -> str:
        u = self._print(expr.args[0])
        return f"(1.0 if {u} > 0 else (-1.0 if {u} < 0 else 0.0))"

    def _print_Step(self, expr: sp.Expr) -> str:
        u = self._print(expr.args[0])
        return f"(1.0 if {u} > 0 else (0.0 if {u} < 0 else 0.5))"

    def _print_Larger(self, expr: sp.Expr) -> str:
        return f"max({self._print(expr.args[0])}, {self._print(expr.args[1])})"

    def _print_Smaller(self, expr: sp.Expr) -> str:
        return f"min({self._print(expr.args[0])}, {self._print(expr.args[1])})"


def _assignments(exprs: Sequence[sp.Expr], names: Sequence[str]) -> list[str]:
    """Statements that compute the expressions into local variables, common parts once."""
    printer = _ScalarPrinter({"fully_qualified_modules": True})
    common, reduced = sp.cse(list(exprs), symbols=sp.numbered_symbols("common_"))
    lines = [f"{symbol} = {printer.doprint(expr)}" for symbol, expr in common]
    return lines + [f"{name} = {printer.doprint(expr)}" for name, expr in zip(names, reduced, strict=True)]


def _compile(source: str, name: str, arrays: dict[str, NDArray]) -> Callable:
    """numba's version of generated source; arrays become constants of the compiled code."""
    import numba

    namespace: dict = {"math": math, **arrays}
    # The source is printed from a sympy expression by the lines above: no text of a user is in it.
    exec(compile(source, f"<{name}>", "exec"), namespace)
    return numba.njit(nogil=True, error_model="numpy")(namespace[name])


def sample_gradient(
    loss: sp.Expr, thetas: Sequence[sp.Symbol], columns: Sequence[sp.Symbol], data: Array
) -> SampleGradient:
    """The gradient of the loss of one sample."""
    lines = [f"{s} = theta[{i}]" for i, s in enumerate(thetas)]
    lines += [f"{s} = data[{i}, index]" for i, s in enumerate(columns)]
    lines += _assignments(symbolic.gradient(loss, thetas), [f"slope_{i}" for i in range(len(thetas))])
    lines += [f"out[{i}] = slope_{i}" for i in range(len(thetas))]
    return _compile(
        "def sample_gradient(theta, index, out):\n    " + "\n    ".join(lines),
        "sample_gradient",
        {"data": data},
    )


def all_gradients(
    loss: sp.Expr, thetas: Sequence[sp.Symbol], columns: Sequence[sp.Symbol], data: Array
) -> Field:
    """The gradients of all samples, ``(d, N) -> (n, d, N)``."""
    d = len(thetas)
    names = [f"slope_{i}" for i in range(d)]
    lines = [
        "for k in range(data.shape[1]):",
        *(f"    {s} = data[{i}, k]" for i, s in enumerate(columns)),
        "    for p in range(points.shape[1]):",
        *(f"        {s} = points[{i}, p]" for i, s in enumerate(thetas)),
        *("        " + line for line in _assignments(symbolic.gradient(loss, thetas), names)),
        *(f"        out[k, {i}, p] = {name}" for i, name in enumerate(names)),
    ]
    source = "def all_gradients(points, out):\n    " + "\n    ".join(lines)
    run = _compile(source, "all_gradients", {"data": data})

    def evaluate(x: Array) -> Array:
        points = np.array(x, dtype=np.float64).reshape(d, -1)
        out = np.empty((data.shape[1], d, points.shape[1]))
        run(points, out)
        return out

    return evaluate


def weighted_hessian(
    loss: sp.Expr, thetas: Sequence[sp.Symbol], columns: Sequence[sp.Symbol], data: Array
) -> Callable[[Array, Array], Array]:
    """Sums of the Hessians of the samples, weights and points given: ``(d, N), (n, N) -> (d, d, N)``."""
    d = len(thetas)
    upper = [(i, j) for i in range(d) for j in range(i, d)]
    slope = symbolic.gradient(loss, thetas)
    curves = [symbolic.derivative(slope[i], thetas[j]) for i, j in upper]
    names = [f"curve_{i}{j}" for i, j in upper]
    lines = [
        "out[:] = 0.0",
        "for k in range(data.shape[1]):",
        *(f"    {s} = data[{i}, k]" for i, s in enumerate(columns)),
        "    for p in range(points.shape[1]):",
        *(f"        {s} = points[{i}, p]" for i, s in enumerate(thetas)),
        *("        " + line for line in _assignments(curves, names)),
        *(f"        out[{i}, {j}, p] += weights[k, p] * curve_{i}{j}" for i, j in upper),
    ]
    source = "def weighted_hessian(points, weights, out):\n    " + "\n    ".join(lines)
    run = _compile(source, "weighted_hessian", {"data": data})

    def evaluate(x: Array, weights: Array) -> Array:
        points = np.array(x, dtype=np.float64).reshape(d, -1)
        out = np.empty((d, d, points.shape[1]))
        run(points, np.ascontiguousarray(weights), out)
        for i, j in upper:
            out[j, i] = out[i, j]
        return out

    return evaluate


def mean_loss(loss: sp.Expr, thetas: Sequence[sp.Symbol], columns: Sequence[sp.Symbol], data: Array) -> Field:
    """Mean of the loss over the samples, alone: sets are meshed by many thousands of values of it."""
    inner = [f"{s} = data[{i}, k]" for i, s in enumerate(columns)] + _assignments([loss], ["value"])
    lines = [
        "for p in range(points.shape[1]):",
        *(f"    {s} = points[{i}, p]" for i, s in enumerate(thetas)),
        "    mean = 0.0",
        "    for k in range(data.shape[1]):",
        *("        " + line for line in inner),
        "        mean += value",
        "    out[p] = mean / data.shape[1]",
    ]
    run = _compile("def mean_loss(points, out):\n    " + "\n    ".join(lines), "mean_loss", {"data": data})

    def evaluate(x: Array) -> Array:
        points = np.array(x, dtype=np.float64).reshape(len(thetas), -1)
        out = np.empty(points.shape[1])
        run(points, out)
        return out

    return evaluate


def moments(loss: sp.Expr, thetas: Sequence[sp.Symbol], columns: Sequence[sp.Symbol], data: Array) -> Field:
    """Means over the samples, stacked: gradient, Hessian (upper half), ∇·A.

    ``(∇·A)_i = Σ_j Cov(H_ij, g_j) + Cov(tr H, g_i)``.
    """
    d = len(thetas)
    g, bent = _names(d)
    trace = " + ".join(bent[i, i] for i in range(d))
    divergence = [
        " + ".join(f"{bent[i, j]} * {g[j]}" for j in range(d)) + f" + ({trace}) * {g[i]}" for i in range(d)
    ]
    run = _means(_derivatives(loss, thetas), divergence, thetas, columns, data, with_means=True)
    last: list[tuple[Array, Array]] = []

    def evaluate(x: Array) -> Array:
        # A solver asks for b, ∇b and ∇·A at the same points in turn: remember the last pass.
        points = np.array(x, dtype=np.float64).reshape(d, -1)
        if not last or not np.array_equal(last[0][0], points):
            last[:] = [(points, run(points))]
        return last[0][1]

    return evaluate


def covariance_and_slope(
    loss: sp.Expr, thetas: Sequence[sp.Symbol], columns: Sequence[sp.Symbol], data: Array
) -> tuple[Field, Field]:
    """A = Cov(g, g) and ``∂_k A_ij = Cov(H_ik, g_j) + Cov(g_i, H_jk)``, upper halves over i ≤ j.

    The second has its rows in the order of (i, j), k last.  Escape paths ask for these and for nothing else.
    """
    d = len(thetas)
    g, bent = _names(d)
    upper = [(i, j) for i in range(d) for j in range(i, d)]
    tensor = [f"{g[i]} * {g[j]}" for i, j in upper]
    slopes = [f"{bent[i, k]} * {g[j]} + {g[i]} * {bent[j, k]}" for i, j in upper for k in range(d)]
    gradient = dict(zip(g, symbolic.gradient(loss, thetas), strict=True))
    return (
        _means(gradient, tensor, thetas, columns, data),
        _means(_derivatives(loss, thetas), slopes, thetas, columns, data),
    )


def _names(d: int) -> tuple[list[str], dict[tuple[int, int], str]]:
    """What the first and second derivatives are called in the code."""
    bent = {(i, k): f"curve_{min(i, k)}{max(i, k)}" for i in range(d) for k in range(d)}
    return [f"slope_{i}" for i in range(d)], bent


def _derivatives(loss: sp.Expr, thetas: Sequence[sp.Symbol]) -> dict[str, sp.Expr]:
    """First derivatives and the upper half of the second ones, by name."""
    d = len(thetas)
    g, bent = _names(d)
    slope = symbolic.gradient(loss, thetas)
    curves = {bent[i, j]: symbolic.derivative(slope[i], thetas[j]) for i in range(d) for j in range(i, d)}
    return dict(zip(g, slope, strict=True)) | curves


def _means(
    named: Mapping[str, sp.Expr],
    products: Sequence[str],
    thetas: Sequence[sp.Symbol],
    columns: Sequence[sp.Symbol],
    data: Array,
    with_means: bool = False,
) -> Field:
    """Means over the samples of products of named expressions, less the products of their means.

    Above them the means of the named expressions, if asked for.
    """
    names = list(named)
    inner = [f"{s} = data[{i}, k]" for i, s in enumerate(columns)]
    inner += _assignments(list(named.values()), names)
    inner += [f"mean_{name} += {name}" for name in names]
    inner += [f"product_{k} += {product}" for k, product in enumerate(products)]
    above = names if with_means else []
    lines = [
        "n = data.shape[1]",
        "for p in range(points.shape[1]):",
        *(f"    {s} = points[{i}, p]" for i, s in enumerate(thetas)),
        *(f"    mean_{name} = 0.0" for name in names),
        *(f"    product_{k} = 0.0" for k in range(len(products))),
        "    for k in range(n):",
        *("        " + line for line in inner),
        *(f"    mean_{name} /= n" for name in names),
        *(f"    out[{row}, p] = mean_{name}" for row, name in enumerate(above)),
        *(
            f"    out[{len(above) + k}, p] = product_{k} / n - ({_of_means(product, names)})"
            for k, product in enumerate(products)
        ),
    ]
    run = _compile("def means(points, out):\n    " + "\n    ".join(lines), "means", {"data": data})

    def evaluate(x: Array) -> Array:
        points = np.array(x, dtype=np.float64).reshape(len(thetas), -1)
        out = np.empty((len(above) + len(products), points.shape[1]))
        run(points, out)
        return out

    return evaluate


def _of_means(product: str, names: Sequence[str]) -> str:
    """The same product of the means."""
    return re.sub("|".join(rf"\b{name}\b" for name in names), lambda name: f"mean_{name[0]}", product)
