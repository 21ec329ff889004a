"""A ParaView state script for a finished run, and its picture.

The script is :file:`templates/paraview_state.py` with what it needs to know of the run written into it, so
that it needs nothing but ParaView.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from cases.base.display import run_on_display
from cases.base.errors import CaseError
from cases.figures.rundata import RunData, load_run
from cases.figures.style import colour
from solver.output.probe import fields, locator_of, sample
from solver.output.replacing import write_text
from solver.output.vtkgrid import read_field, read_grid

Array = NDArray[np.float64]

SCRIPT = "paraview_state.py"
LEVELS = {2: 12, 3: 5}  # isolines, isosurfaces
_HEADROOM = {1: 1.5, 2: 1.25, 3: 1.0}  # how far above the highest barrier the picture goes
_ACROSS = 9  # places of tensors along the longer side
_SECONDS = 300


def write_script(directory: Path) -> Path:
    """Write the state script into a result folder; not collective.

    Returns:
        The file.

    Raises:
        CaseError: when there is no field in the folder to show.
    """
    directory = Path(directory)
    run = load_run(directory)
    text = resources.files("cases.report").joinpath("templates", SCRIPT).read_text(encoding="utf-8")
    described = json.dumps(describe(run))
    path = directory / SCRIPT
    write_text(path, text.replace('r"""{}"""', f'r"""{described}"""', 1))
    return path


def describe(run: RunData) -> dict[str, object]:
    """What the script needs to know: files, places, scales, tensors; points padded to three coordinates.

    Raises:
        CaseError: when there is no field to show.
    """
    shown = {name: field for name in run.noises if (field := _field(run, name)) is not None}
    if not shown:
        raise CaseError(str(run.folder), "", "there is no field to show", "give the folder of a finished run")
    values = {name: read_field(run.grid_file(name), field).values for name, field in shown.items()}
    grids = {name: read_grid(run.grid_file(name)) for name in shown}
    finite = np.concatenate([one[np.isfinite(one)] for one in values.values()])
    is_height = bool(run.barrier_scale) and set(shown.values()) == {"V"}
    bottom = 0.0 if is_height else float(finite.min(initial=0.0))
    top = _HEADROOM[run.dim] * (run.barrier_scale or 1.0) if is_height else float(finite.max(initial=1e-300))
    corners = []
    for name, one in values.items():
        inside = np.isfinite(one) & (np.nan_to_num(one, nan=np.inf) <= top)
        corners += [grids[name].points[inside if inside.any() else slice(None)]]
    low, high = (
        np.min([c.min(axis=0) for c in corners], axis=0),
        np.max([c.max(axis=0) for c in corners], axis=0),
    )
    places = {name: _tensor_places(run, name, low, high, 0.8 * top if is_height else top) for name in shown}
    largest = max((float(np.linalg.eigvalsh(a).max()) for p in places.values() for _, a in p), default=0.0)
    step = float(np.max(high - low)) / _ACROSS
    groups = list(dict.fromkeys(path.name for path in run.paths))
    return {
        "folder": str(run.folder.resolve()),
        "dim": run.dim,
        "coordinates": run.coordinates[: run.dim],
        "attractors": [_padded(place) for place in run.attractors],
        "saddles": [_padded(place) for place in run.saddles],
        "window": [_padded(low), _padded(high)],
        "size": float(np.linalg.norm(high - low)),
        "levels": np.linspace(bottom, top, LEVELS.get(run.dim, 1) + 1)[1:].tolist(),
        "palette": _palette(bottom, top),
        "ellipse_scale": 0.45 * step / np.sqrt(largest) if largest > 0 else 1.0,
        "noises": [
            {
                "name": name,
                "file": f"{name}.vtkhdf",
                "field": field,
                "colour": [round(part, 4) for part in to_rgb(colour(index))],
                "path_group": groups.index(name) if name in groups else None,
                "tensors": [[_padded(place), _root(tensor)] for place, tensor in places[name]],
            }
            for index, (name, field) in enumerate(shown.items())
        ],
    }


def _field(run: RunData, noise: str) -> str | None:
    """What to colour by: V where it was computed, else the density at the smallest noise level."""
    path = run.grid_file(noise)
    names = [name for name in fields(path) if read_field(path, name).values.ndim == 1]
    names = [name for name in names if np.isfinite(read_field(path, name).values).any()]
    wanted = ["V", *(name for name in names if name.startswith(("density", "log_density"))), "loss"]
    return next((name for name in [*wanted, *names] if name in names), None)


def _tensor_places(
    run: RunData, noise: str, low: Array, high: Array, top: float
) -> list[tuple[Array, Array]]:
    """Where to draw A: at attractors and saddles, and in the plane on a coarse grid where V is low."""
    found = [(p, a) for kind, i, p in run.marked() if (a := run.tensor_at(noise, kind, i)) is not None]
    if run.dim != 2 or not run.has(noise, "diffusion") or not run.has(noise, "V"):
        return found if run.dim > 1 else []
    path = run.grid_file(noise)
    locator = locator_of(path)
    step = float(np.max(high - low)) / _ACROSS
    lines = [np.arange(a + step / 2, b, step) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 2)
    heights = sample(path, "V", points, locator=locator)
    tensors = sample(path, "diffusion", points, locator=locator)
    for n, point in enumerate(points):
        apart = min((float(np.linalg.norm(point - p)) for p, _ in found), default=np.inf) > 0.8 * step
        if heights[n] <= top and np.isfinite(tensors[n]).all() and apart:
            found.append((point, tensors[n]))
    return found


def _root(tensor: Array) -> list[float]:
    """The symmetric square root, padded to 3×3 and written row by row."""
    values, vectors = np.linalg.eigh(tensor)
    padded = np.zeros((3, 3))
    d = len(tensor)
    padded[:d, :d] = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return [float(entry) for entry in padded.ravel()]


def _padded(point: Array) -> list[float]:
    return [*(float(x) for x in point), 0.0, 0.0][:3]


def _palette(bottom: float, top: float) -> list[float]:
    """The colours of the report's maps, as ParaView wants them: value, red, green, blue and so on."""
    colours = matplotlib.colormaps["GnBu"](np.linspace(0.0, 0.78, 12))[:, :3]
    values = np.linspace(bottom, top, len(colours))
    return [round(float(x), 6) for v, c in zip(values, colours, strict=True) for x in (v, *c)]


def draw(script: Path, picture: Path) -> None:
    """Run the script under pvpython, with a virtual display where there is none; not collective.

    Raises:
        CaseError: when there is no ParaView, or it draws nothing.
    """
    if shutil.which("pvpython") is None:
        raise CaseError(
            "quasipot", "--picture", "there is no pvpython", "install ParaView, or open " + str(script)
        )
    command = ["pvpython", str(script.resolve()), str(picture.resolve())]
    # ParaView brings its own MPI and its own Python path
    ours = ("OMPI_", "PMIX_", "PRTE_", "PMI_", "PYTHON")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    try:
        if os.environ.get("DISPLAY"):
            done = subprocess.run(
                command, env=clean, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        else:
            done = run_on_display(command, "1280x1024", clean, _SECONDS)
    except OSError as failure:
        raise CaseError("quasipot", "--picture", f"there is no display ({failure})", "install xvfb") from None
    except subprocess.TimeoutExpired:
        raise CaseError(
            "quasipot", "--picture", f"ParaView took longer than {_SECONDS} s", "try again"
        ) from None
    if "PICTURE" not in done.stdout or not picture.is_file():
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CaseError(
            "quasipot", "--picture", f"ParaView drew nothing: {last}", f"open {script} in ParaView"
        )
