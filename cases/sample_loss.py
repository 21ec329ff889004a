"""Losses over a data set: exact mean loss, derivatives, and the covariance of per-sample gradients.

For a per-sample loss ℓ(θ; z) given as one sympy expression, and a penalty r(θ) that every sample
shares, with g_k = ∇ℓ(θ; z_k), H_k = ∇∇ℓ(θ; z_k) and bars for means over the n samples:

    loss = ℓ̄ + r,      A = (1/n) Σ g_k g_kᵀ − ḡ ḡᵀ,
    (∇·A)_i = (1/n) Σ_k [H_k g_k + tr(H_k) g_k]_i − [H̄ ḡ + tr(H̄) ḡ]_i.

The penalty drops out of A.  All of it comes from one pass over the samples per point, in a loop
that numba compiles from the expression, so memory does not grow with points times samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy.printing.pycode import PythonCodePrinter

from cases import symbolic
from cases.expressions import symbols
from solver.system import Array, Field

SampleGradient = Callable[[Array, int, Array], None]


@dataclass(frozen=True)
class Samples:
    """A data set's loss in d parameters; functions take points ``(d, N)``.

    Attributes:
        size: Number of samples n.
        data: The data columns, ``(m, n)``.
        loss: Mean loss with the penalty, ``(N,)``.
        gradient: Its gradient, ``(d, N)``.
        hessian: Its second derivatives, ``(d, d, N)``.
        covariance: Covariance A of the per-sample gradients, ``(d, d, N)``.
        divergence: ∇·A, ``(d, N)``.
        sample_gradient: numba-compiled ``(theta (d,), index, out (d,)) -> None``: the gradient of
            the loss of one sample, penalty included; what minibatch SGD averages.
    """

    size: int
    data: Array
    loss: Field
    gradient: Field
    hessian: Field
    covariance: Field
    divergence: Field
    sample_gradient: SampleGradient


def build(loss: sp.Expr, penalty: sp.Expr, parameters: Sequence[str], columns: dict[str, Array]) -> Samples:
    """Compile a per-sample loss.

    Args:
        loss: ℓ in symbols of the parameters and of the data columns.
        penalty: r in symbols of the parameters.
        parameters: Names of the d parameters.
        columns: The data, one array ``(n,)`` per name used in ``loss``.
    """
    thetas = symbols(parameters)
    d = len(thetas)
    data = np.ascontiguousarray(np.stack(list(columns.values())), dtype=np.float64)
    moments = _moments(loss, thetas, symbols(list(columns)), data)
    mean_loss = _mean_loss(loss, thetas, symbols(list(columns)), data)
    upper = [(i, j) for i in range(d) for j in range(i, d)]
    shared = symbolic.gradient(penalty, thetas)
    value_of, slope_of, curvature_of = (
        symbolic.to_numpy(item, thetas) for item in (penalty, shared, symbolic.jacobian(shared, thetas))
    )
    starts = np.cumsum([0, 1, d, len(upper), len(upper), d])

    def part(x: Array, k: int) -> Array:
        return moments(x)[starts[k] : starts[k + 1]]

    def tensor(x: Array, k: int) -> Array:
        entries = part(x, k)
        out = np.empty((d, d, entries.shape[1]))
        for entry, (i, j) in zip(entries, upper, strict=True):
            out[i, j] = out[j, i] = entry
        return out

    return Samples(
        size=data.shape[1],
        data=data,
        loss=lambda x: mean_loss(x) + value_of(x),
        gradient=lambda x: part(x, 1) + slope_of(x),
        hessian=lambda x: tensor(x, 2) + curvature_of(x),
        covariance=lambda x: tensor(x, 3),
        divergence=lambda x: part(x, 4).copy(),
        sample_gradient=_sample_gradient(loss + penalty, thetas, symbols(list(columns)), data),
    )


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


def _sample_gradient(
    loss: sp.Expr, thetas: Sequence[sp.Symbol], columns: Sequence[sp.Symbol], data: Array
) -> SampleGradient:
    lines = [f"{s} = theta[{i}]" for i, s in enumerate(thetas)]
    lines += [f"{s} = data[{i}, index]" for i, s in enumerate(columns)]
    lines += _assignments(symbolic.gradient(loss, thetas), [f"slope_{i}" for i in range(len(thetas))])
    lines += [f"out[{i}] = slope_{i}" for i in range(len(thetas))]
    return _compile(
        "def sample_gradient(theta, index, out):\n    " + "\n    ".join(lines),
        "sample_gradient",
        {"data": data},
    )


def _mean_loss(
    loss: sp.Expr, thetas: Sequence[sp.Symbol], columns: Sequence[sp.Symbol], data: Array
) -> Field:
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


def _moments(loss: sp.Expr, thetas: Sequence[sp.Symbol], columns: Sequence[sp.Symbol], data: Array) -> Field:
    """Means over the samples, stacked: loss, gradient, Hessian, covariance (upper halves), ∇·A."""
    d = len(thetas)
    upper = [(i, j) for i in range(d) for j in range(i, d)]
    hess = {(i, j): f"curve_{min(i, j)}{max(i, j)}" for i in range(d) for j in range(d)}
    slope = symbolic.gradient(loss, thetas)
    trace = " + ".join(hess[i, i] for i in range(d))

    def spread(g: str, h: str) -> list[str]:
        """Products whose mean, less the product of means, is A and ∇·A."""
        tensor = [f"{g}slope_{i} * {g}slope_{j}" for i, j in upper]
        products = [" + ".join(f"{h}{hess[i, j]} * {g}slope_{j}" for j in range(d)) for i in range(d)]
        traces = " + ".join(f"{h}{term}" for term in trace.split(" + "))
        return tensor + [f"{product} + ({traces}) * {g}slope_{i}" for i, product in enumerate(products)]

    plain = ["value", *(f"slope_{i}" for i in range(d)), *(hess[i, j] for i, j in upper)]
    products = spread("", "")
    mixed = [f"product_{k}" for k in range(len(products))]
    exprs = [loss, *slope, *(symbolic.derivative(slope[i], thetas[j]) for i, j in upper)]
    inner = [f"{s} = data[{i}, k]" for i, s in enumerate(columns)] + _assignments(exprs, plain)
    inner += [f"mean_{name} += {name}" for name in plain]
    inner += [f"mean_{name} += {product}" for name, product in zip(mixed, products, strict=True)]
    outer = [f"{s} = points[{i}, p]" for i, s in enumerate(thetas)]
    outer += [f"mean_{name} = 0.0" for name in plain + mixed]
    outer += ["for k in range(data.shape[1]):", *("    " + line for line in inner)]
    outer += [f"mean_{name} /= data.shape[1]" for name in plain + mixed]
    outer += [f"out[{row}, p] = mean_{name}" for row, name in enumerate(plain)]
    removed = spread("mean_", "mean_")
    outer += [
        f"out[{len(plain) + k}, p] = mean_{name} - ({product})"
        for k, (name, product) in enumerate(zip(mixed, removed, strict=True))
    ]
    source = "def moments(points, out):\n    for p in range(points.shape[1]):\n        " + "\n        ".join(
        outer
    )
    run = _compile(source, "moments", {"data": data})
    rows = len(plain) + len(mixed)
    last: list[tuple[Array, Array]] = []

    def evaluate(x: Array) -> Array:
        # A solver asks for b, ∇b, A and ∇·A at the same points in turn: remember the last pass.
        points = np.array(x, dtype=np.float64).reshape(d, -1)
        if not last or not np.array_equal(last[0][0], points):
            out = np.empty((rows, points.shape[1]))
            run(points, out)
            last[:] = [(points, out)]
        return last[0][1]

    return evaluate
