"""What one sympy expression becomes: NumPy functions, UFL expressions, derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp
from sympy.printing.numpy import NumPyPrinter

from solver.system import Array, Field


class _Printer(NumPyPrinter):
    """NumPy code that broadcasts: sympy's own Min and Max fail on a scalar beside an array."""

    def _print_Max(self, expr: sp.Expr) -> str:
        return self._fold("maximum", expr)

    def _print_Min(self, expr: sp.Expr) -> str:
        return self._fold("minimum", expr)

    def _fold(self, function: str, expr: sp.Expr) -> str:
        code = self._print(expr.args[0])
        for arg in expr.args[1:]:
            code = f"{self._module_format('numpy.' + function)}({code}, {self._print(arg)})"
        return code

    def _print_erf(self, expr: sp.Expr) -> str:
        return f"{self._module_format('scipy.special.erf')}({self._print(expr.args[0])})"

    def _print_Heaviside(self, expr: sp.Expr) -> str:
        return f"{self._module_format('numpy.heaviside')}({self._print(expr.args[0])}, 0.5)"

    def _print_sign(self, expr: sp.Expr) -> str:
        return f"{self._module_format('numpy.sign')}({self._print(expr.args[0])})"


def derivative(expr: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """∂expr/∂symbol almost everywhere: the point masses at the kinks of abs, sign, … are dropped."""
    result = sp.diff(expr, symbol)
    if result.has(sp.DiracDelta):
        result = result.replace(sp.DiracDelta, lambda *_: sp.Integer(0))
    return result


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
            for row, value in zip(out, function(*points), strict=True):
                row[:] = value
        return out.reshape(*shape, points.shape[1])

    return evaluate


def to_ufl(expr: sp.Expr, symbols: Sequence[sp.Symbol], x: Any) -> Any:
    """The UFL expression with ``symbols[i]`` replaced by ``x[i]`` (a SpatialCoordinate, usually)."""
    import ufl

    places = {symbol: x[i] for i, symbol in enumerate(symbols)}
    functions: dict[Any, Callable[..., Any]] = {
        sp.exp: ufl.exp, sp.log: ufl.ln, sp.sin: ufl.sin, sp.cos: ufl.cos, sp.tan: ufl.tan,
        sp.sinh: ufl.sinh, sp.cosh: ufl.cosh, sp.tanh: ufl.tanh, sp.asin: ufl.asin, sp.acos: ufl.acos,
        sp.atan: ufl.atan, sp.atan2: ufl.atan2, sp.Abs: abs, sp.erf: ufl.erf, sp.sign: ufl.sign,
    }  # fmt: skip
    done: dict[sp.Expr, Any] = {}

    def convert(e: sp.Expr) -> Any:
        if e not in done:
            done[e] = translate(e)
        return done[e]

    def translate(e: sp.Expr) -> Any:
        if e in places:
            return places[e]
        if e.is_number:
            return ufl.as_ufl(float(e))
        args = [convert(arg) for arg in e.args]
        if e.func is sp.Heaviside:
            below = ufl.conditional(ufl.lt(args[0], 0), 0.0, 0.5)
            return ufl.conditional(ufl.gt(args[0], 0), 1.0, below)
        if e.func in (sp.Max, sp.Min):
            pick = ufl.max_value if e.func is sp.Max else ufl.min_value
            return _reduce(pick, args)
        if isinstance(e, sp.Add):
            return _reduce(lambda a, b: a + b, args)
        if isinstance(e, sp.Mul):
            return _reduce(lambda a, b: a * b, args)
        if isinstance(e, sp.Pow):
            return ufl.sqrt(args[0]) if e.exp == sp.Rational(1, 2) else args[0] ** args[1]
        return functions[e.func](*args)

    return convert(sp.sympify(expr))


def _reduce(combine: Callable[[Any, Any], Any], items: Sequence[Any]) -> Any:
    result = items[0]
    for item in items[1:]:
        result = combine(result, item)
    return result
