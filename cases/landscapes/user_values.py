"""What the function behind ``model = "module:function"`` returned, with everything about it checked.

Keys, shapes and types are those of the table in :mod:`cases.landscapes.python_model`; every call is checked,
and what goes wrong in a function becomes an error of the case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from cases.base.errors import CaseError, suggestion
from cases.casefile.case import Case
from solver.system import Array, Field

KEYS = ("loss", "gradient", "hessian", "sample_gradients", "covariance", "divergence")


def functions_of(case: Case, result: object) -> dict[str, Field]:
    """The functions that were returned, each with its shape checked at every call."""
    if callable(result):
        result = {"loss": result}
    if not isinstance(result, Mapping):
        raise wrong(case, f"it returned {type(result).__name__}", "return a dict of functions")
    for key, value in result.items():
        if key not in KEYS:
            raise wrong(case, f"it returned the unknown key '{key}'", suggestion(str(key), KEYS, "keys"))
        if not callable(value):
            raise wrong(case, f"its '{key}' is no function", "return functions of points (d, N)")
    if "loss" not in result:
        raise wrong(case, "it returned no 'loss'", "return a dict with the function 'loss'")
    if "sample_gradients" in result and "covariance" in result:
        raise wrong(case, "it returned both sample_gradients and covariance", "return one of them")
    d = case.dim
    shapes: dict[str, tuple[int, ...]] = {"loss": (), "hessian": (d, d), "covariance": (d, d)}
    found = {
        key: _checked(case, key, value, shapes.get(key, (d,)))
        for key, value in result.items()
        if key != "sample_gradients"
    }
    if "sample_gradients" in result:
        found["sample_gradients"] = _samples(case, result["sample_gradients"])
        found["covariance"] = _covariance(found["sample_gradients"])
    return found


def _checked(case: Case, key: str, function: Callable[[Array], object], shape: tuple[int, ...]) -> Field:
    """The function, whose errors and wrong shapes become errors of the case; never called for no points."""

    def evaluate(x: Array) -> Array:
        x = np.asarray(x)
        if x.shape[1] == 0:
            return np.zeros((*shape, 0), dtype=x.dtype)
        value = _evaluate(case, key, function, x)
        if value.shape != (*shape, x.shape[1]):
            raise wrong(
                case,
                f"{key} returned the shape {value.shape} for points {x.shape}",
                f"return {(*shape, x.shape[1])}",
            )
        return value

    return evaluate


def _samples(case: Case, function: Callable[[Array], object]) -> Field:
    """The per-sample gradients, ``(n, d, N)``, checked at every call."""
    d = case.dim

    def evaluate(x: Array) -> Array:
        g = _evaluate(case, "sample_gradients", function, x)
        if g.ndim != 3 or g.shape[1:] != (d, x.shape[1]) or len(g) < 2:
            raise wrong(
                case,
                f"sample_gradients returned the shape {g.shape} for points {x.shape}",
                f"return (samples, {d}, {x.shape[1]})",
            )
        return g

    return evaluate


def _covariance(samples: Field) -> Field:
    """``A = (1/n) Σ g gᵀ − ḡ ḡᵀ`` of the per-sample gradients; without conjugates, for the complex step."""

    def evaluate(x: Array) -> Array:
        if x.shape[1] == 0:
            return np.zeros((len(x), len(x), 0), dtype=x.dtype)
        g = samples(x)
        g = g - g.mean(axis=0)
        return np.asarray(np.einsum("kin,kjn->ijn", g, g) / len(g))

    return evaluate


def _evaluate(case: Case, key: str, function: Callable[[Array], object], x: Array) -> Array:
    with np.errstate(all="ignore"):
        try:
            value = np.asarray(function(x.copy()))
        except Exception as error:
            if x.dtype.kind == "c":
                raise
            raise wrong(
                case, f"{key} failed with {type(error).__name__}: {error}", "it must take points (d, N)"
            ) from None
    if value.dtype.kind not in ("fiu" if x.dtype.kind != "c" else "fiuc"):
        raise wrong(case, f"{key} returned the type {value.dtype}", "return real numbers")
    return value if value.dtype.kind == "c" else value.astype(np.float64)


def wrong(case: Case, problem: str, fix: str) -> CaseError:
    """An error about the model of a case."""
    return case.error("system.model", problem, fix)
