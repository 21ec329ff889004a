"""Arguments of the public functions: looked at on every rank, before anything collective is done with them.

Every complaint is a ValueError of one sentence: the argument, what is wrong with it, what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import sympy as sp

from solver import symbolic
from solver.analysis.tolerance import Mesh
from solver.callables import adapted
from solver.evolution.followed import gaussian
from solver.places.places import Places
from solver.soundness import at_point, box_sample, fault, tensor_fault
from solver.system import Array, Field, System

Box = tuple[tuple[float, float], ...]


def complaint(name: str, problem: str, fix: str) -> ValueError:
    """What is wrong with an argument, in one line."""
    return ValueError(f"{name}: {problem}; {fix}")


def check_system(system: object) -> System:
    """It must be a System.

    Raises:
        ValueError: If it is not.
    """
    if not isinstance(system, System):
        raise complaint(
            "system", f"this is of type {type(system).__name__}", "make one with System.from_loss, or its kin"
        )
    return system


def check_places(places: object, system: System, *, box: bool = True) -> Places:
    """They must be places of this many coordinates, with an attractor (and the box they were found in).

    Raises:
        ValueError: If they are not.
    """
    fix = "make them with find_places(system, box)"
    if not isinstance(places, Places):
        raise complaint("places", f"this is of type {type(places).__name__}", fix)
    if not places.attractors:
        raise complaint("places", "there is no attractor in them", fix)
    if places.attractors[0].point.size != system.dim:
        raise complaint("places", f"they are not of a system of {system.dim} coordinates", fix)
    if box and places.bounds is None:
        raise complaint("places", "they have no box", fix)
    return places


def check_mesh(mesh: object) -> Mesh | None:
    """It must be a Mesh, or None.

    Raises:
        ValueError: If it is not.
    """
    if mesh is not None and not isinstance(mesh, Mesh):
        raise complaint("mesh", f"this is of type {type(mesh).__name__}", "give quasipot.Mesh(resolution=…)")
    return mesh


def check_box(bounds: object, dim: int, name: str = "box") -> Box:
    """Pairs low < high, one for each coordinate.

    Raises:
        ValueError: If it is something else.
    """
    values = array(name, bounds, "give pairs (low, high), one for each coordinate")
    if values.shape != (dim, 2):
        raise complaint(
            name, f"its shape is {values.shape} for {dim} coordinates", "give pairs (low, high), one for each"
        )
    if not (np.isfinite(values).all() and (values[:, 0] < values[:, 1]).all()):
        raise complaint(
            name, f"{values.tolist()} are no pairs low < high", "give finite numbers, the lower first"
        )
    return tuple((float(low), float(high)) for low, high in values)


def check_sound(system: System, box: Box, *, noise: bool = True, some_directions: bool = False) -> None:
    """Drift and diffusion must be finite, and A positive definite, on a grid over the box.

    Where noise that acts in some directions only will do, A may have no full rank.

    Raises:
        ValueError: With the first point where they are not.
    """
    found = fault(system, box_sample(box), noise=noise, some_directions=some_directions)
    if found is not None:
        raise complaint("system", *found)


def check_levels(epsilon: object, name: str = "epsilon") -> tuple[float, ...]:
    """Noise levels: one positive number, or several that differ; none for ``[]``.

    Raises:
        ValueError: If they are something else.
    """
    values = np.atleast_1d(array(name, epsilon, "give positive numbers, as in [0.1, 0.05]"))
    if values.ndim != 1 or not (np.isfinite(values).all() and (values > 0).all()):
        raise complaint(
            name, f"{_short(epsilon)} are no noise levels", "give positive numbers, as in [0.1, 0.05]"
        )
    if len(set(values.tolist())) != values.size:
        raise complaint(name, "the noise levels are not distinct", "remove the repeated one")
    return tuple(float(value) for value in values)


def check_level(epsilon: object) -> float:
    """One noise level.

    Raises:
        ValueError: If it is something else.
    """
    levels = check_levels(epsilon)
    if len(levels) != 1:
        raise complaint("epsilon", f"{_short(epsilon)} is not one noise level", "give one positive number")
    return levels[0]


def check_positive(name: str, value: object) -> float:
    """A positive, finite number.

    Raises:
        ValueError: If it is something else.
    """
    number = array(name, value, "give a positive number")
    if number.ndim or not (np.isfinite(number) and number > 0):
        raise complaint(name, f"{_short(value)} is no positive number", "give one")
    return float(number)


def check_count(name: str, value: object, least: int, most: int | None = None) -> int:
    """A whole number in a range.

    Raises:
        ValueError: If it is something else.
    """
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        whole = int(value)
        if whole >= least and (most is None or whole <= most):
            return whole
    room = f"of {least} or more" if most is None else f"from {least} to {most}"
    raise complaint(name, f"{_short(value)} is no whole number {room}", "give one")


def check_index(name: str, value: object, count: int, what: str = "attractor") -> int:
    """The number of one of so many things, counted from 0.

    Raises:
        ValueError: If it is none of them.
    """
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not 0 <= value < count:
        raise complaint(name, f"there is no {what} {_short(value)}", f"there are {count}, counted from 0")
    return int(value)


def check_point(name: str, value: object, places: Places) -> int:
    """The number of an attractor that is a point.

    Raises:
        ValueError: If there is no such attractor, or it is a cycle.
    """
    k = check_index(name, value, len(places.attractors))
    if places.attractors[k].fixed_point is None:
        raise complaint(name, f"attractor {k} is a cycle", "times are counted from one point to another")
    return k


def check_points(points: object, dim: int, name: str = "points") -> tuple[Array, tuple[int, ...]]:
    """Points ``(n, d)``, one a row, and the shape of one value for each of them.

    One point ``(d,)`` is taken as well, and values ``(n,)`` in one dimension.

    Raises:
        ValueError: If they are something else.
    """
    values = array(name, points, f"give an array of shape (n, {dim}), one point a row")
    if values.ndim == 1 and dim == 1:
        return values[:, None], values.shape
    if values.ndim == 1 and values.size == dim:
        return values[None], ()
    if values.ndim != 2 or values.shape[1] != dim:
        raise complaint(
            name, f"the shape is {values.shape}", f"give an array of shape (n, {dim}), one point a row"
        )
    return values, values.shape[:1]


def check_plane(plane: object, dim: int) -> tuple[int, ...]:
    """The coordinates that a picture shows: one on the line, two of them else.

    Raises:
        ValueError: If they are others.
    """
    if dim < 3:
        return tuple(range(dim))
    values = tuple(plane) if isinstance(plane, Sequence) else ()
    if len(values) != 2 or len(set(values)) != 2 or any(value not in range(dim) for value in values):
        raise complaint("plane", f"{_short(plane)} are not two coordinates", "give for example (0, 1)")
    return tuple(int(value) for value in values)


def array(name: str, value: object, fix: str) -> Array:
    """An array of real numbers.

    Raises:
        ValueError: If it is none.
    """
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise complaint(name, f"{_short(value)} are no numbers", fix) from None


def check_choice(name: str, value: object, choices: Sequence[str]) -> str:
    """One of a few words.

    Raises:
        ValueError: If it is none of them.
    """
    from cases.base.errors import suggestion

    if value not in choices:
        raise complaint(name, f"there is no {_short(value)}", suggestion(str(value), choices, "choices"))
    return str(value)


def check_function(name: str, value: object, system: System) -> Field:
    """A function of points ``(n, d) -> (n,)``, or an expression of the coordinates, as one of columns.

    Raises:
        ValueError: If it is neither, or has other symbols.
    """
    dim, names = system.dim, system.coordinates
    fix = f"give a function of points (n, {dim}), or a sympy expression of the coordinates"
    if isinstance(value, sp.Expr):
        known = {str(symbol): symbol for symbol in value.free_symbols}
        if unknown := sorted(set(known) - set(names)):
            raise complaint(
                name,
                f"the symbol {unknown[0]} is no coordinate",
                f"the coordinates are {', '.join(names) or 'without names: give a function of points'}",
            )
        return symbolic.to_numpy(value, [known.get(one, sp.Symbol(one)) for one in names])
    if not callable(value):
        raise complaint(name, f"this is of type {type(value).__name__}", fix)
    return adapted(name, value, ())


def check_plain(name: str, value: object, dim: int) -> Field:
    """A function of points ``(n, d) -> (n,)``, as one of columns.

    Raises:
        ValueError: If it is none.
    """
    if not callable(value):
        raise complaint(
            name, f"this is of type {type(value).__name__}", f"give a function of points (n, {dim})"
        )
    return adapted(name, value, ())


def check_known(epsilon: object, known: Sequence[float]) -> int:
    """Which of the noise levels that were solved for it is.

    Raises:
        ValueError: If it is none of them.
    """
    level = check_level(epsilon)
    for n, one in enumerate(known):
        if abs(one - level) <= 1e-12 * one:
            return n
    names = ", ".join(f"{e:g}" for e in known) or "none"
    raise complaint("epsilon", f"{level:g} was not solved for", f"the noise levels are: {names}")


def check_options(options: Mapping[str, object], allowed: Iterable[str]) -> None:
    """There must be no other ones.

    Raises:
        ValueError: With the first one that there is not.
    """
    choices = sorted(allowed)
    if unknown := set(options) - set(choices):
        check_choice("options", min(unknown), choices)


def check_times(times: object) -> tuple[float, ...]:
    """Times that increase, from zero on; at least one.

    Raises:
        ValueError: If they are something else.
    """
    fix = "give them in order, as in [0, 0.5, 1]"
    values = np.atleast_1d(array("times", times, fix))
    if values.ndim != 1 or not values.size or not np.isfinite(values).all() or (values < 0).any():
        raise complaint("times", f"{_short(times)} are no times from 0 on", fix)
    if (np.diff(values) <= 0).any():
        raise complaint("times", f"{_short(times)} do not increase", fix)
    return tuple(float(value) for value in values)


def check_start(start: object, system: System, box: Box) -> Field:
    """A density at time 0: ``(mean, covariance)`` of a normal one, a function of points, or an expression.

    Raises:
        ValueError: If it is something else, or negative or not finite in the box.
    """
    if isinstance(start, tuple | list):
        return gaussian(*_moments(start, system.dim))
    density = check_function("start", start, system)
    points = box_sample(box)
    values = density(points)
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        at = at_point(points[:, int(np.argmax(bad))])
        raise complaint("start", f"the density is negative or not finite at {at}", "use one, as exp(-x**2)")
    return density


def _moments(start: Sequence[object], dim: int) -> tuple[Array, Array]:
    """Mean ``(d,)`` and covariance ``(d, d)`` of a normal density; numbers will do on the line."""
    fix = f"give (mean, covariance) of shapes ({dim},) and ({dim}, {dim})"
    if len(start) != 2:
        raise complaint("start", f"these are {len(start)} things", fix)
    mean, covariance = array("start", start[0], fix), array("start", start[1], fix)
    if dim == 1 and (mean.size, covariance.size) == (1, 1):
        mean, covariance = mean.reshape(1), covariance.reshape(1, 1)
    if (mean.shape, covariance.shape) != ((dim,), (dim, dim)):
        raise complaint("start", f"the shapes are {mean.shape} and {covariance.shape}", fix)
    if tensor_fault(covariance[..., None], mean[:, None]) is not None:
        raise complaint("start", "this is no covariance", "make it symmetric and positive definite")
    return mean, covariance


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
