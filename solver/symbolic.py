"""What a sympy expression becomes: a NumPy function of points, and its derivatives almost everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp
from sympy.printing.numpy import NumPyPrinter

from solver.arrays import Array, Field
from solver.real_functions import as_real

#: Factors of a product from which on its derivative is taken by halves; below, the plain rule reads better.
MANY = 8


class _Printer(NumPyPrinter):
    """NumPy code, with our own functions, that broadcasts scalars beside arrays."""

    def _call(self, function: str, expr: sp.Expr, more: str = "") -> str:
        arguments = ", ".join(self._print(arg) for arg in expr.args)
        return f"{self._module_format(function)}({arguments}{more})"

    def _print_Larger(self, expr: sp.Expr) -> str:
        return self._call("numpy.maximum", expr)

    def _print_Smaller(self, expr: sp.Expr) -> str:
        return self._call("numpy.minimum", expr)

    def _print_Magnitude(self, expr: sp.Expr) -> str:
        return self._call("numpy.abs", expr)

    def _print_Sign(self, expr: sp.Expr) -> str:
        return self._call("numpy.sign", expr)

    def _print_Step(self, expr: sp.Expr) -> str:
        return self._call("numpy.heaviside", expr, ", 0.5")

    def _print_erf(self, expr: sp.Expr) -> str:
        return self._call("scipy.special.erf", expr)

    def _print_ComplexInfinity(self, expr: sp.Expr) -> str:
        return self._module_format("numpy.nan")

    def _print_Integer(self, expr: sp.Expr) -> str:
        # NumPy's functions do not take integers beyond 64 bits.
        return str(int(expr)) if abs(int(expr)) < 2**53 else repr(float(expr))


def derivative(expr: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """∂expr/∂symbol almost everywhere, by the plain rules.

    ``sympy.diff`` asks so many questions about signs and zeros on its way that some expressions of
    one line take it minutes.

    A product of n factors is differentiated as a product of two halves, each a product of two halves in
    turn, whose parts are shared: n log n terms where the rule for all factors at once has n², and n³ in the
    second derivative.
    """
    done: dict[sp.Expr, sp.Expr] = {}

    def of(e: sp.Expr) -> sp.Expr:
        if e not in done:
            done[e] = rule(e) if symbol in e.free_symbols else sp.Integer(0)
        return done[e]

    def rule(e: sp.Expr) -> sp.Expr:
        if e == symbol:
            return sp.Integer(1)
        if isinstance(e, sp.Add):
            return sp.Add(*(of(arg) for arg in e.args))
        if isinstance(e, sp.Mul):
            args = e.args
            # a product in a product is there only in a tree that was made here
            if len(args) > MANY or any(arg.is_Mul for arg in args):
                left, right = _halved(args[: len(args) // 2]), _halved(args[len(args) // 2 :])
                return sp.Add(_times(of(left), right), _times(left, of(right)))
            terms = (sp.Mul(*args[:i], of(arg), *args[i + 1 :]) for i, arg in enumerate(args) if of(arg) != 0)
            return sp.Add(*terms)
        if isinstance(e, sp.Pow):
            base, exponent = e.args
            slope = exponent * base ** (exponent - 1) * of(base) if of(base) != 0 else sp.Integer(0)
            return slope + e * sp.log(base) * of(exponent) if of(exponent) != 0 else slope
        return sp.Add(*(e.fdiff(i + 1) * of(arg) for i, arg in enumerate(e.args) if of(arg) != 0))

    return as_real(of(as_real(expr)))


def _halved(factors: Sequence[sp.Expr]) -> sp.Expr:
    """The product of factors as a tree of products of two, which sympy leaves as it is."""
    if len(factors) == 1:
        return factors[0]
    middle = len(factors) // 2
    return sp.Mul(_halved(factors[:middle]), _halved(factors[middle:]), evaluate=False)


def _times(a: sp.Expr, b: sp.Expr) -> sp.Expr:
    """A product of two that sympy does not merge with the products in it."""
    if 0 in (a, b):
        return sp.Integer(0)
    return b if a == 1 else a if b == 1 else sp.Mul(a, b, evaluate=False)


def gradient(expr: sp.Expr, symbols: Sequence[sp.Symbol]) -> list[sp.Expr]:
    """The list of first derivatives."""
    return [derivative(expr, symbol) for symbol in symbols]


def jacobian(exprs: Sequence[sp.Expr], symbols: Sequence[sp.Symbol]) -> list[list[sp.Expr]]:
    """Entry ``[i][j]`` is ∂exprs[i]/∂symbols[j]."""
    return [gradient(expr, symbols) for expr in exprs]


def divergence(tensor: Sequence[Sequence[sp.Expr]], symbols: Sequence[sp.Symbol]) -> list[sp.Expr]:
    """Entry ``[i]`` is Σ_j ∂tensor[i][j]/∂symbols[j]."""
    return [sum((derivative(row[j], s) for j, s in enumerate(symbols)), sp.Integer(0)) for row in tensor]


def to_numpy(exprs: Any, symbols: Sequence[sp.Symbol]) -> Field:
    """A vectorised function of points ``(d, N)``; the shape of nested lists comes before N.

    A single expression gives ``(N,)``, a list of m gives ``(m, N)``, and so on; constants are
    spread over the points.  Floating-point warnings stay inside, non-finite values come out.
    """
    array = np.array(exprs, dtype=object)
    shape = array.shape
    flat = [sp.sympify(entry) for entry in array.ravel()]
    function: Callable[..., Sequence[Any]] = sp.lambdify(
        list(symbols), flat, modules=["scipy", "numpy"], printer=_Printer, cse=True
    )
    dim = len(symbols)

    def evaluate(x: Array) -> Array:
        points = np.asarray(x, dtype=np.float64).reshape(dim, -1)
        out = np.empty((len(flat), points.shape[1]))
        with np.errstate(all="ignore"):
            try:
                found = function(*points)
            except (OverflowError, ZeroDivisionError):
                # Python's own arithmetic between constants, which has no infinity.
                found = [np.nan] * len(flat)
            for row, value in zip(out, found, strict=True):
                row[:] = _real(value)
        return out.reshape(*shape, points.shape[1])

    return evaluate


def _real(value: Any) -> Any:
    """NaN for what is not real, such as a root of a negative number by way of a logarithm."""
    if not np.iscomplexobj(value):
        return value
    return np.where(np.imag(value) == 0, np.real(value), np.nan)
