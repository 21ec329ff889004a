"""A trained PyTorch model as a landscape: its loss and SGD noise on a plane of weight space, as a table.

A script of a few lines makes the file that a case reads with ``[system] data = "landscape.npz"``::

    from cases.landscapes.torch_landscape import tabulate_model, weights
    from cases.landscapes.weight_plane import through

    flat = through(weights(minimum), weights(other_minimum), weights(third))
    tabulate_model(model, loss, inputs, targets, flat, [(-1, 4), (-2, 2)], path="landscape.npz")

PyTorch is needed when these are called, not to import them.  All is computed in double precision on a copy
of the model in evaluation mode, because single precision is not smooth enough to differentiate twice.  The
slopes of the per-sample losses along the d directions come from d forward-mode derivatives
(``torch.func.jvp``): no gradient of the size of the model is kept per sample.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from cases.landscapes.grid_file import Table
from cases.landscapes.weight_plane import LossAndSlopes, Plane, save, tabulate
from solver.system import Array

#: Models, tensors and what is done to them: PyTorch need not be there when this is imported.
Torch: TypeAlias = Any

CHUNK = 1024


def weights(model: Torch) -> Array:
    """All trained parameters of a model as one vector ``(P,)``, in the order of ``named_parameters``."""
    parts = [p.detach().cpu().double().numpy().ravel() for p in model.parameters()]
    return np.concatenate(parts) if parts else np.empty(0)


def evaluator(
    model: Torch,
    loss: Callable[[Torch, Torch], Torch],
    inputs: Torch,
    targets: Torch,
    flat: Plane,
    penalty: float = 0.0,
    chunk: int = CHUNK,
) -> LossAndSlopes:
    """The function that :func:`cases.landscapes.weight_plane.tabulate` wants, from a PyTorch model.

    Args:
        model: A ``torch.nn.Module`` whose outputs for different samples do not depend on each other.
        loss: ``(outputs, targets) -> (n,)``: the losses of the samples, as with ``reduction="none"``;
            further axes are averaged.
        inputs: The whole data set, first axis the samples.
        targets: Their targets.
        flat: The flat along which slopes are wanted.
        penalty: λ of ``λ/2 |θ|²`` in the loss (weight decay); it drops out of the covariance.
        chunk: Samples at a time.

    Raises:
        ImportError: without PyTorch.
        ValueError: a flat of another number of parameters, or losses that are not per sample.
    """
    import torch
    from torch.func import functional_call, jvp

    # a copy: the model of the caller keeps its weights, precision and mode
    net = copy.deepcopy(model).double().eval()
    parameters = dict(net.named_parameters())
    shapes = {name: p.shape for name, p in parameters.items()}
    device = next(iter(parameters.values())).device
    if sum(shape.numel() for shape in shapes.values()) != flat.origin.size:
        raise ValueError(f"the flat has {flat.origin.size} parameters, the model another number")

    def tensors(vector: Array) -> dict[str, Torch]:
        parts, start = {}, 0
        for name, shape in shapes.items():
            piece = torch.as_tensor(vector[start : start + shape.numel()], dtype=torch.float64)
            parts[name] = piece.reshape(shape).to(device)
            start += shape.numel()
        return parts

    def to(data: Torch) -> Torch:
        data = torch.as_tensor(data).to(device)
        return data.double() if data.is_floating_point() else data

    x, y = to(inputs), to(targets)
    directions = [tensors(row) for row in flat.directions]

    def losses(weights: dict[str, Torch], start: int) -> Torch:
        part = slice(start, start + chunk)
        values = loss(functional_call(net, weights, (x[part],)), y[part])
        if values.ndim == 0 or len(values) != len(x[part]):
            raise ValueError('the loss must keep the samples apart: use reduction="none"')
        return values.reshape(len(values), -1).mean(dim=1)

    def evaluate(theta: Array) -> tuple[float, Array]:
        point = tensors(theta)
        values, slopes = [], []
        for start in range(0, len(x), chunk):
            columns = []
            for direction in directions:
                value, slope = jvp(lambda w, start=start: losses(w, start), (point,), (direction,))
                columns.append(slope)
            values.append(value.detach().cpu().numpy())
            slopes.append(torch.stack(columns, dim=1).detach().cpu().numpy())
        mean = float(np.concatenate(values).mean()) + 0.5 * penalty * float(theta @ theta)
        return mean, np.concatenate(slopes)

    return evaluate


def tabulate_model(  # noqa: PLR0913  (what scripts call; half of it has defaults)
    model: Torch,
    loss: Callable[[Torch, Torch], Torch],
    inputs: Torch,
    targets: Torch,
    flat: Plane,
    bounds: Sequence[tuple[float, float]],
    points: int = 65,
    penalty: float = 0.0,
    path: Path | str | None = None,
    say: Callable[[int, int], None] = lambda done, total: None,
) -> Table:
    """Loss and projected gradient covariance of a model on a flat; written to ``path`` if given.

    Args:
        model: See :func:`evaluator`, as for ``loss``, ``inputs``, ``targets``, ``flat``, ``penalty``.
        loss: Per-sample losses.
        inputs: The data.
        targets: The targets.
        flat: The flat.
        bounds: ``(lower, upper)`` of each coordinate.
        points: Grid points along the longest side.
        penalty: Weight decay.
        path: An .npz or .h5 file.
        say: Told how many grid points of how many are done.
    """
    table = tabulate(evaluator(model, loss, inputs, targets, flat, penalty), flat, bounds, points, say=say)
    if path is not None:
        save(path, table, flat)
    return table
