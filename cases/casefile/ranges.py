"""The values of a sweep: dotted keys, lists and ranges as they are written in a case file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

RANGE = frozenset({"from", "to", "count", "step", "scale"})


def flatten(tables: Mapping[str, object], above: str = "") -> dict[str, object]:
    """Dotted keys instead of nested tables; the table of a range stays one."""
    flat: dict[str, object] = {}
    for name, value in tables.items():
        path = f"{above}{name}"
        if isinstance(value, dict) and not (value and set(value) <= RANGE):
            flat |= flatten(value, f"{path}.")
        else:
            flat[path] = value
    return flat


def expand(name: str, given: object) -> list[object]:
    """The values of one key of a sweep.

    A range has both ends: ``count`` values, or steps of ``step`` (then the end may be missed); with
    ``scale = "log"`` the ratio of neighbours is constant.

    Raises:
        ValueError: when it is neither a list nor a range.
    """
    if isinstance(given, list):
        if not given:
            raise ValueError(f"'{name}' has no values|give at least one")
        return list(given)
    if not isinstance(given, dict):
        raise ValueError(f"'{name}' is {given!r}|give a list, or {{ from = 0.0, to = 1.0, count = 5 }}")
    first, last, count, step = (given.get(key) for key in ("from", "to", "count", "step"))
    scale = given.get("scale", "linear")
    sound = step is None or _is_sound(step)
    if not _is_sound(first) or not _is_sound(last) or (count is None) == (step is None) or not sound:
        raise ValueError(f"the range of '{name}' is incomplete|give from, to and one of count and step")
    if scale not in ("linear", "log") or (scale == "log" and (first <= 0 or last <= 0 or count is None)):
        raise ValueError(f'the scale of \'{name}\' is wrong|"linear", or "log" with count and positive ends')
    if _is_sound(step):
        if step == 0 or (last - first) / step < 0 or (last - first) / step > 10_000:
            raise ValueError(f"the step of '{name}' does not lead from {first} to {last}|correct it")
        return [first + k * step for k in range(int((last - first) / step + 1e-9) + 1)]
    if not isinstance(count, int) or isinstance(count, bool) or not 2 <= count <= 10_000:
        raise ValueError(f"the count of '{name}' is {count!r}|give a whole number from 2 on")
    shares = [k / (count - 1) for k in range(count)]
    if scale == "log":
        return [float(first * (last / first) ** share) for share in shares]
    return [float(first + (last - first) * share) for share in shares]


def _is_sound(x: object) -> TypeGuard[float]:
    """Whether it is a number that can be computed with."""
    return isinstance(x, int | float) and not isinstance(x, bool) and abs(x) < 1e300
