"""The noise at the minima and saddles of a run: strength, shape, and how it lies to the way out.

For a place with covariance A and way out u (a unit vector) the *strength along the way out* is

    uᵀA u / (tr A / d),

1 for isotropic noise, up to d for noise that acts along u only, 0 for noise across it; beside it the angle
between u and the direction in which A is largest.  At an attractor u points along the first part of the most
probable escape path, at a saddle along its last part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cases.contracts.places import PlaceEntry, TensorEntry
from cases.figures.rundata import Kind, RunData

Array = NDArray[np.float64]

#: Share of an escape path whose chord is its direction at an end.
_PART = 0.2
#: Relative difference of eigenvalues below which A has no direction in which it is largest.
_ROUND = 1e-6


@dataclass(frozen=True)
class Shape:
    """A at one place.

    Attributes:
        place: The place in words.
        point: Where it is.
        noise: Name of the noise.
        trace: tr A.
        eigenvalues: Largest first.
        largest: Unit vector in which A is largest; None for a ball.
        way: Index of the saddle (at an attractor) or attractor (at a saddle) that the way out connects to.
        strength: uᵀAu over the mean eigenvalue; None without a way out.
        angle: Between u and ``largest``, in degrees, 0 to 90.
    """

    place: str
    point: tuple[float, ...]
    noise: str
    trace: float
    eigenvalues: tuple[float, ...]
    largest: tuple[float, ...] | None
    way: int | None
    strength: float | None
    angle: float | None


def shapes(run: RunData) -> list[Shape]:
    """All attractors and saddles under all noises; one row per way out, and one where there is none."""
    found = []
    kinds: tuple[tuple[Kind, str], ...] = (("attractors", "attractor"), ("saddles", "saddle"))
    for kind, word in kinds:
        for index, entry in enumerate(run.places(kind)):
            for noise in run.summary["noises"]:
                known = run.tensor(noise, kind, index)
                if known is None:
                    continue
                place = f"{word} {entry['index']}"
                ways = _ways(run, noise, kind, entry["index"])
                found += [_shape(place, entry, noise, known, *way) for way in ways]
                if not ways:
                    found.append(_shape(place, entry, noise, known, None, None))
    return found


def _ways(run: RunData, noise: str, kind: Kind, index: int) -> list[tuple[int, Array]]:
    """Directions of the escape paths at this place: what they connect to, and unit vectors."""
    found: dict[int, Array] = {}
    for path in run.paths_of(noise):
        start, saddle = path.ids.get("from", -1), path.ids.get("saddle", -1)
        if kind == "attractors" and start == index:
            found.setdefault(saddle, _chord(path.points))
        elif kind == "saddles" and saddle == index:
            found.setdefault(start, _chord(path.points[::-1]))
    return list(found.items())


def _chord(points: Array) -> Array:
    """The direction from the first point to where a fifth of the length is covered."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    end = min(int(np.searchsorted(length, _PART * length[-1])), len(points) - 1)
    chord = points[max(end, 1)] - points[0]
    return np.asarray(chord / np.linalg.norm(chord))


def _shape(
    place: str, entry: PlaceEntry, noise: str, known: TensorEntry, way: int | None, along: Array | None
) -> Shape:
    values = tuple(sorted((float(v) for v in known.get("eigenvalues") or ()), reverse=True))
    largest = strength = angle = None
    trace = float(known["trace"])
    if known.get("matrix"):
        tensor = np.array(known["matrix"], dtype=np.float64)
        if values and len(values) > 1 and values[0] - values[1] > _ROUND * abs(values[0]):
            largest = np.linalg.eigh(tensor)[1][:, -1]
            largest = largest * np.sign(largest[np.argmax(np.abs(largest))])
        if along is not None and trace > 0:
            strength = float(along @ tensor @ along) * len(tensor) / trace
            if largest is not None:
                angle = float(np.degrees(np.arccos(min(1.0, abs(float(along @ largest))))))
    return Shape(
        place,
        tuple(entry["point"]),
        noise,
        trace,
        values,
        None if largest is None else tuple(float(x) for x in largest),
        way,
        strength,
        angle,
    )


def at_start(run: RunData) -> dict[str, list[tuple[str, Shape]]]:
    """A at the starting attractor and the passes out of it, by noise, with what to call the place."""
    start = run.summary.get("start", 0)
    found: dict[str, list[tuple[str, Shape]]] = {}
    for shape in shapes(run):
        kind, index = shape.place.split()
        near = shape.place == f"attractor {start}" or (kind == "saddle" and shape.way == start)
        if near and all(place != f"at {shape.place}" for place, _ in found.get(shape.noise, [])):
            found.setdefault(shape.noise, []).append((f"at {kind} {index}", shape))
    return found
