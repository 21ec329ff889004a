"""Text to mathematics, safely: one parsed expression serves NumPy, UFL and symbolic derivatives.

The text is parsed by :mod:`ast` and only the nodes of a whitelist are translated to sympy, so that
nothing in a case file is ever evaluated as Python.  Constants are folded in floating point *before*
sympy sees them: a tower such as ``9**9**9`` is refused instead of computed.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import sympy as sp

from cases.base.errors import suggestion
from solver.real_functions import Magnitude, Sign, Step, as_real, largest, smallest

MAX_LENGTH = 4000
MAX_DEPTH = 60
MAX_NODES = 1500
MAX_DEGREE = 200

CONSTANTS: dict[str, tuple[sp.Expr, float]] = {"pi": (sp.pi, math.pi), "e": (sp.E, math.e)}


def _heaviside(x: float) -> float:
    return 0.5 if x == 0 else float(x > 0)


def _sign(x: float) -> float:
    return 0.0 if x == 0 else math.copysign(1.0, x)


# name: (sympy constructor, the same in floating point, number of arguments; None = two or more)
FUNCTIONS: dict[str, tuple[Callable[..., sp.Expr], Callable[..., float], int | None]] = {
    "exp": (sp.exp, math.exp, 1),
    "log": (sp.log, math.log, 1),
    "sqrt": (sp.sqrt, math.sqrt, 1),
    "sin": (sp.sin, math.sin, 1),
    "cos": (sp.cos, math.cos, 1),
    "tan": (sp.tan, math.tan, 1),
    "sinh": (sp.sinh, math.sinh, 1),
    "cosh": (sp.cosh, math.cosh, 1),
    "tanh": (sp.tanh, math.tanh, 1),
    "asin": (sp.asin, math.asin, 1),
    "acos": (sp.acos, math.acos, 1),
    "atan": (sp.atan, math.atan, 1),
    "atan2": (sp.atan2, math.atan2, 2),
    "abs": (Magnitude, abs, 1),
    "min": (smallest, min, None),
    "max": (largest, max, None),
    "erf": (sp.erf, math.erf, 1),
    "sign": (Sign, _sign, 1),
    "heaviside": (Step, _heaviside, 1),
}

# Of constants these are taken in floating point: sympy might ponder which of two is the larger.
WITH_KINKS = frozenset({"abs", "min", "max", "sign", "heaviside"})


class ExpressionError(ValueError):
    """An expression that cannot be accepted: what is wrong with it and what to do."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem, fix)
        self.problem = problem
        self.fix = fix


_T = TypeVar("_T")


@dataclass(frozen=True)
class _Node:
    """A translated subexpression, its value if constant, and a bound on its polynomial degree."""

    expr: sp.Expr
    value: float | None
    degree: float


def number(value: float) -> sp.Expr:
    """The sympy number of a float: the short decimal that was typed, exactly, where it is one."""
    if float(value).is_integer() and abs(value) < 1e15:
        return sp.Integer(int(value))
    if 1e-15 < abs(value) < 1e15:
        return sp.Rational(repr(float(value)))
    return sp.Float(value)


def symbols(names: Sequence[str]) -> tuple[sp.Symbol, ...]:
    """The real symbols that stand for the coordinates (or data columns) of these names."""
    return tuple(sp.Symbol(name, real=True) for name in names)


def parse(
    text: str | float, coordinates: Sequence[str], parameters: Mapping[str, float] | None = None
) -> sp.Expr:
    """Parse an expression in these coordinates; parameters are replaced by their numbers.

    Raises:
        ExpressionError: for anything but arithmetic on known names.
    """
    if not isinstance(text, str):
        text = repr(float(text))
    _check_size(text)
    try:
        with warnings.catch_warnings():
            # Python warns about such things as "1if x"; they become errors of ours below.
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        hint = "write powers as **" if "^" in text else "use coordinates, numbers, + - * / ** and functions"
        detail = error.msg if isinstance(error, SyntaxError) else "it cannot be read"
        raise ExpressionError(f"'{_short(text)}' is not an expression ({detail})", hint) from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise ExpressionError(f"'{_short(text)}' is too long", f"use at most {MAX_NODES} operations")
    known = {
        name: _Node(symbol, None, 1) for name, symbol in zip(coordinates, symbols(coordinates), strict=True)
    }
    for name, value in (parameters or {}).items():
        known[name] = _Node(number(value), float(value), 0)
    for name, (expr, value) in CONSTANTS.items():
        known.setdefault(name, _Node(expr, value, 0))
    node = _translate(tree.body, known, 0)
    _check_result(node.expr, text)
    return as_real(node.expr)


def _short(text: str, width: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def _check_size(text: str) -> None:
    if not text.strip():
        raise ExpressionError("the expression is empty", 'give a formula, for example "x**2/2"')
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"the expression has {len(text)} characters",
            f"use at most {MAX_LENGTH}, or a model of the case layer",
        )
    depth = deepest = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise ExpressionError(f"brackets are nested {deepest} deep", f"use at most {MAX_DEPTH} levels")


def _check_result(expr: sp.Expr, text: str) -> None:
    if expr.has(sp.zoo, sp.nan, sp.oo, -sp.oo, sp.I):
        raise ExpressionError(
            f"'{_short(text)}' is not a finite real number everywhere", "remove the singular part"
        )
    for atom in expr.atoms(sp.Number):
        try:
            finite = math.isfinite(float(atom))
        except OverflowError:
            finite = False
        if not finite:
            raise ExpressionError(f"'{_short(text)}' has a constant beyond double precision", "rescale it")


def _translate(node: ast.AST, known: Mapping[str, _Node], depth: int) -> _Node:
    if depth > 4 * MAX_DEPTH:
        raise ExpressionError("the expression is nested too deeply", "split it into parameters or a model")
    match node:
        case ast.Constant(value=bool() | complex() | str() | bytes() | None):
            raise ExpressionError(f"{node.value!r} is not a real number", "use numbers such as 2 or 0.5")
        case ast.Constant(value=int() | float()):
            return _constant(node.value)
        case ast.Name(id=name):
            return _name(name, known)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            inner = _translate(operand, known, depth + 1)
            if isinstance(node.op, ast.UAdd):
                return inner
            return _Node(-inner.expr, None if inner.value is None else -inner.value, inner.degree)
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(op, _translate(left, known, depth + 1), _translate(right, known, depth + 1))
        case ast.Call():
            return _call(node, known, depth)
        case _:
            what = f"'{_short(ast.unparse(node))}' ({type(node).__name__.lower()})"
            raise ExpressionError(
                f"{what} is not allowed in an expression",
                "use coordinates, parameters, numbers, + - * / ** and the usual functions",
            )


def _constant(value: int | float) -> _Node:
    try:
        as_float = float(value)
    except OverflowError:
        as_float = math.inf
    if not math.isfinite(as_float):
        raise ExpressionError("a number is beyond double precision", "rescale it")
    return _Node(number(as_float), as_float, 0)


def _name(name: str, known: Mapping[str, _Node]) -> _Node:
    if name in known:
        return known[name]
    if name in FUNCTIONS:
        raise ExpressionError(f"function '{name}' has no arguments", f"write {name}(…)")
    raise ExpressionError(f"unknown symbol '{name}'", suggestion(name, known, "known symbols"))


class _Operator(Protocol):
    """An operation on two expressions, or on two numbers."""

    def __call__(self, a: _T, b: _T, /) -> _T: ...


_OPERATORS: dict[type[ast.operator], _Operator] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _binary(op: ast.operator, a: _Node, b: _Node) -> _Node:
    if isinstance(op, ast.Pow):
        return _power(a, b)
    if isinstance(op, ast.BitXor):
        raise ExpressionError("'^' is not a power here", "write powers as **")
    if type(op) not in _OPERATORS:
        raise ExpressionError(f"operator {type(op).__name__} is not allowed", "use + - * / **")
    if isinstance(op, ast.Div) and b.value == 0:
        raise ExpressionError("division by zero", "check the denominator")
    combine = _OPERATORS[type(op)]
    value = None if a.value is None or b.value is None else combine(a.value, b.value)
    product = isinstance(op, ast.Mult | ast.Div)
    degree = a.degree + b.degree if product else max(a.degree, b.degree)
    return _bounded(_Node(combine(a.expr, b.expr), value, degree))


def _bounded(node: _Node) -> _Node:
    if node.value is not None and not math.isfinite(node.value):
        raise ExpressionError("a constant is beyond double precision", "rescale it")
    if node.degree > MAX_DEGREE:
        raise ExpressionError(f"powers add up to more than {MAX_DEGREE}", "use lower powers")
    return node


def _power(a: _Node, b: _Node) -> _Node:
    if b.value is not None and abs(b.value) > MAX_DEGREE:
        raise ExpressionError(f"exponent {b.value:g} is too large", f"use at most {MAX_DEGREE}")
    value = None
    if a.value is not None and b.value is not None:
        try:
            value = math.pow(a.value, b.value)
        except (OverflowError, ValueError, ZeroDivisionError):
            value = math.inf
        if not math.isfinite(value) or (value == 0 and a.value != 0):
            raise ExpressionError(f"{a.value:g}**{b.value:g} is no finite real number", "rescale it")
    # An exponent that is not constant multiplies the degree by at most what is still allowed.
    degree = a.degree * max(1.0, abs(b.value)) if b.value is not None else a.degree + b.degree + 1
    # Refuse before sympy multiplies exponents out: ((2*x)**200)**200 would build a huge integer.
    _bounded(_Node(a.expr, value, degree))
    return _Node(a.expr**b.expr, value, degree)


def _call(node: ast.Call, known: Mapping[str, _Node], depth: int) -> _Node:
    if not isinstance(node.func, ast.Name):
        raise ExpressionError(
            f"'{_short(ast.unparse(node.func))}' cannot be called", "use the usual functions"
        )
    name = node.func.id
    if name not in FUNCTIONS:
        raise ExpressionError(f"unknown function '{name}'", suggestion(name, FUNCTIONS, "known functions"))
    make, in_floats, count = FUNCTIONS[name]
    if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        raise ExpressionError(f"{name} takes plain arguments only", f"write {name}(x)")
    if (count is None and len(node.args) < 2) or (count is not None and len(node.args) != count):
        wanted = "two or more arguments" if count is None else f"{count} argument{'s' * (count != 1)}"
        raise ExpressionError(f"{name} takes {wanted}, not {len(node.args)}", "correct the call")
    args = [_translate(argument, known, depth + 1) for argument in node.args]
    value = None
    if all(arg.value is not None for arg in args):
        try:
            value = float(in_floats(*(arg.value for arg in args)))
        except (OverflowError, ValueError):
            value = math.inf
        if not math.isfinite(value):
            raise ExpressionError(
                f"'{_short(ast.unparse(node))}' is no finite real number", "check its argument"
            )
    if value is not None and name in WITH_KINKS:
        return _Node(number(value), value, 0)
    return _bounded(_Node(make(*(arg.expr for arg in args)), value, sum(arg.degree for arg in args)))
