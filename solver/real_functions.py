"""Functions with kinks and steps as case files mean them: of real arguments, derivatives almost everywhere.

sympy's own abs, sign, max and min think of complex arguments, so that the derivative of
``abs(sqrt(x))`` is left undone, and give point masses at steps.  These have plain rules instead.
"""

from __future__ import annotations

from typing import Any

import sympy as sp


class _Real(sp.Function):
    """A function that is real by decree, with numbers evaluated at once."""

    is_real = True

    def _eval_evalf(self, prec: int) -> sp.Expr:
        args = [arg.evalf(max(1, int(prec * 0.30103))) for arg in self.args]
        return self.func(*args) if all(arg.is_Number for arg in args) else sp.nan


class Magnitude(_Real):
    """|x|."""

    nargs = 1

    @classmethod
    def eval(cls, x: sp.Expr) -> Any:
        """The value at a number."""
        return abs(x) if x.is_Number else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The sign of the argument."""
        return Sign(self.args[0])

    def _eval_power(self, exponent: sp.Expr) -> sp.Expr | None:
        """|u|² is u²: smooth at 0, where the derivative of |u| is not known."""
        return self.args[0] ** exponent if exponent.is_Integer and exponent.is_even else None


class Sign(_Real):
    """-1, 0 or 1."""

    nargs = 1

    @classmethod
    def eval(cls, x: sp.Expr) -> Any:
        """The value at a number."""
        return sp.sign(x) if x.is_Number else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Zero almost everywhere."""
        return sp.Integer(0)

    def _eval_power(self, exponent: sp.Expr) -> sp.Expr | None:
        """sign(u)² is one, almost everywhere: what the second derivative of |u|² is made of."""
        if not exponent.is_Integer:
            return None
        return sp.Integer(1) if exponent.is_even else self if exponent != 1 else None


class Step(_Real):
    """0 below zero, 1 above, 1/2 at it."""

    nargs = 1

    @classmethod
    def eval(cls, x: sp.Expr) -> Any:
        """The value at a number."""
        return (sp.sign(x) + 1) / 2 if x.is_Number else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Zero almost everywhere."""
        return sp.Integer(0)


class _Choice(_Real):
    nargs = 2
    larger = True

    @classmethod
    def eval(cls, a: sp.Expr, b: sp.Expr) -> Any:
        """The value at two numbers."""
        if not (a.is_Number and b.is_Number):
            return None
        return a if (a > b) == cls.larger else b

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """One where this argument is chosen, zero where the other is, a half at a tie."""
        a, b = self.args if argindex == 1 else self.args[::-1]
        return Step(a - b) if self.larger else Step(b - a)


class Larger(_Choice):
    """The larger of two."""


class Smaller(_Choice):
    """The smaller of two."""

    larger = False


def largest(*args: sp.Expr) -> sp.Expr:
    """The largest of two or more."""
    return args[0] if len(args) == 1 else Larger(args[0], largest(*args[1:]))


def smallest(*args: sp.Expr) -> sp.Expr:
    """The smallest of two or more."""
    return args[0] if len(args) == 1 else Smaller(args[0], smallest(*args[1:]))


def as_real(expr: sp.Expr) -> sp.Expr:
    """The expression with sympy's own abs and sign, which it makes of ``sqrt(x**2)``, as ours."""
    if expr.has(sp.Abs, sp.sign):
        expr = expr.replace(sp.Abs, Magnitude).replace(sp.sign, Sign)
    return expr
