"""How numbers are printed for people: in the table, in the figures and in the report."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TypeGuard

DASH = "–"


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value of a table can be drawn and compared: finite, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def whole(text: str) -> int | None:
    """The whole number that a text of digits is, also a negative one; None for anything else."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text, re.ASCII) else None


def number(value: float | None, digits: int = 4) -> str:
    """A number to so many significant digits; an en dash where there is none."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:.{digits}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        return _minus(f"{mantissa}e{int(exponent)}")
    if value != 0 and abs(value) < 10**digits:  # keep trailing zeros: they are digits too
        text = f"{value:#.{digits}g}".rstrip(".")
    return _minus(text)


def _minus(text: str) -> str:
    return text.replace("-", "−", 1) if text.startswith("-") else text


def fixed(value: float | None, decimals: int = 2) -> str:
    """A number with so many decimals; an en dash where there is none."""
    return DASH if value is None or not math.isfinite(value) else _minus(f"{value:.{decimals}f}")


def factor(log_ratio: float | None) -> str:
    """The factor ``e^log_ratio`` to three digits, as a power of ten when it is huge or tiny."""
    if log_ratio is None or not math.isfinite(log_ratio):
        return DASH
    if abs(log_ratio) < math.log(1e4):
        return number(math.exp(log_ratio), 3)
    exponent = math.floor(log_ratio / math.log(10))
    return f"{math.exp(log_ratio - exponent * math.log(10)):.1f}e{exponent}"


def bracket(lower: float | None, upper: float | None, digits: int = 5) -> str:
    """``[lower, upper]``, or an en dash when neither is known."""
    if lower is None and upper is None:
        return DASH
    return f"[{number(lower, digits)}, {number(upper, digits)}]"


def with_interval(value: float | None, interval: Sequence[float | None] | None, decimals: int = 2) -> str:
    """``value ± half-width``; the plain value without an interval."""
    if value is None:
        return DASH
    if not interval or interval[0] is None or interval[1] is None:
        return fixed(value, decimals)
    return f"{fixed(value, decimals)} ± {fixed((interval[1] - interval[0]) / 2, decimals)}"


def with_error(value: float | None, error: float | None, decimals: int = 3) -> str:
    """``value ± error``, the error to one digit; the plain value where none is known."""
    if value is None or error is None or not math.isfinite(error):
        return fixed(value, decimals)
    return f"{fixed(value, decimals)} ± {number(error, 1)}"


def point(values: Sequence[float], digits: int = 3) -> str:
    """A point in parentheses."""
    return "(" + ", ".join(number(round(x, 10) + 0.0, digits) for x in values) + ")"


def duration(seconds: float | None) -> str:
    """Seconds, or minutes and seconds."""
    if seconds is None:
        return DASH
    return f"{number(seconds, 2)} s" if seconds < 100 else f"{int(seconds // 60)} min {seconds % 60:.0f} s"


def grouped(value: int) -> str:
    """A whole number with a space between its thousands."""
    return f"{value:,}".replace(",", " ")
