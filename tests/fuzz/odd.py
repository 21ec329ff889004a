"""Odd values, names and texts."""

from __future__ import annotations

import random
from datetime import date, datetime, time
from typing import Any

NUMBERS: list[Any] = [
    0, 1, -1, 2, 3, 17, 10**6, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, 0.0, -0.0, 0.5, 1e-9,
    1e-30, 1e-300, 5e-324, 1e9, 1e30, 1e300, 1.7e308, float("inf"), float("-inf"), float("nan"), -1e-300,
    0.1, 100.0,
]  # fmt: skip
NAMES = [
    "", " ", "x", "y", "int", "float", "str", "bool", "list[Annotated]", "from", "from_", "ε", "a b", "a.b",
    "\x00", "\x1b[31m", "__class__", "lambda", "e", "pi", "exp", "0", "-1", "²", "n" * 60, "n" * 300, "/",
    "..", "con", "\n",
]  # fmt: skip
TEXTS = [
    "", " ", "x", "-x", "x**2", "x+", "(x", "1/0", "0/x", "x**-1", "x**x", "9**9**9", "sqrt(-1)", "log(x)",
    "exp(exp(x))", "abs(x)", "max(x)", "max(x, y, 1)", "sign(x)*heaviside(x)", "1e400", "0x10", "1_000",
    "1j", "True", "None", "x if x else y", "[x for x in y]", "lambda x: x", "__import__('os')", "x.real",
    "x[0]", "f'{x}'", "'x'", "x; y", "x\ny", "#", "x@y", "x//2", "x%2", "x^2", "~x", "not x", "x<y", "x:=1",
    "identity", "hessian", "top_eigenvector", "loss", "gradient_covariance", "isotropic", "../x",
    "/etc/passwd", "\x00", "\ud800", "ß", "x" * 5000, "+".join(["x"] * 300), "(" * 90 + "x" + ")" * 90,
    "sin(" * 50 + "x" + ")" * 50, "*".join(["(x+1)"] * 120), "1e-300", "1e300*x", "x**200", "x**199*y",
    "epsilon", "z", "t", "atan2(x, y)", "tan(x)", "asin(x)", "erf(x)", "cosh(700*x)", "%s", "{}", "$x$",
    "$", "$$", "<b>", "&amp;", "\\", '"', "'",
]  # fmt: skip


BINARY = ["+", "-", "*", "/", "**", "+", "-", "*"]
UNARY = [
    "exp",
    "log",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "asin",
    "acos",
    "atan",
    "abs",
    "erf",
    "sign",
]
CONSTANTS = ["0", "1", "2", "3", "0.5", "1e-3", "pi", "e", "1e9", "200", "1e-300", "kappa"]


def expression(rng: random.Random, depth: int = 5) -> str:
    """An expression of x, y and kappa that can be read, sensible or not."""
    kind = rng.random()
    if depth == 0 or kind < 0.2:
        return rng.choice(["x", "y", "x", "y", rng.choice(CONSTANTS), f"{rng.uniform(-3, 3):.3g}"])
    if kind < 0.65:
        power = rng.choice(BINARY)
        right = rng.choice(CONSTANTS) if power == "**" and rng.random() < 0.8 else expression(rng, depth - 1)
        return f"({expression(rng, depth - 1)}{power}{right})"
    if kind < 0.9:
        return f"{rng.choice(UNARY)}({expression(rng, depth - 1)})"
    parts = ", ".join(expression(rng, depth - 1) for _ in range(rng.choice([2, 2, 3])))
    return f"{rng.choice(['min', 'max', 'atan2', 'heaviside'])}({parts})"


def alike(rng: random.Random, before: Any) -> Any:
    """An odd value of the type that was there."""
    match before:
        case bool():
            return not before
        case int() if rng.random() < 0.7:
            return rng.choice([0, 1, 2, 3, 5, 8, 64, 1000, 10**6, 10**9, 2**62 - 1])
        case int() | float():
            return rng.choice(
                [rng.choice(NUMBERS), before * rng.choice([-1, 1e-3, 0.5, 2, 1e3]), rng.uniform(-3, 3)]
            )
        case str():
            return rng.choice([rng.choice(TEXTS), expression(rng), expression(rng)])
        case list() if before:
            k = rng.randrange(len(before))
            return [alike(rng, one) if n == k else one for n, one in enumerate(before)]
        case dict() if before:
            name = rng.choice(list(before))
            return before | {name: alike(rng, before[name])}
    return leaf(rng)


def leaf(rng: random.Random) -> Any:
    """A value that is neither a table nor a list."""
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(NUMBERS)
    if kind < 0.5:
        return rng.uniform(-3, 3)
    if kind < 0.9:
        return rng.choice(TEXTS)
    return rng.choice([True, False, date(2020, 2, 29), datetime(1, 1, 1), time(12)])


def value(rng: random.Random, depth: int = 3) -> Any:
    """Any value that TOML can hold."""
    kind = rng.random()
    if depth == 0 or kind < 0.65:
        return leaf(rng)
    if kind < 0.85:
        return [value(rng, depth - 1) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4]))]
    return {rng.choice(NAMES): value(rng, depth - 1) for _ in range(rng.choice([0, 1, 2, 3]))}
