"""Noise: named and written diffusion tensors, and their scaling to equal strength.

Kinds of ``diffusion`` in ``[noise.NAME]``:

``"identity"``
    A = I.
a scalar, or a d×d list, of expressions
    A = a(x) I, or A = the given tensor, which must be symmetric.
``"hessian"``
    A = the Hessian of the loss *at the starting attractor*, constant in space.  The Hessian itself
    is no covariance where it is indefinite (at every saddle); freezing it at the minimum that is
    escaped from is how Zhu et al. (2019) construct this noise.
``"top_eigenvector"``
    A = h e eᵀ with the largest eigenvalue h of that Hessian and its eigenvector e: the noise of rank one that
    Zhu et al. compare with.  At that attractor the drift hands nothing on to other directions: in more than
    one dimension it needs a floor.
``"loss"``
    A = 2 L(x) H with the loss L and the same constant Hessian H; see :mod:`cases.noise.loss_noise`.
``"gradient_covariance"``
    A = the covariance of the per-sample gradients of a model with data.
``"reactions"``
    A = Σ r_k ν_k ν_kᵀ of the reactions of the case: the chemical Langevin equation.

With momentum (``system.friction``) all of them are of the loss in its one coordinate, a(x), and act on the
momentum alone: A = diag(0, 2γ a).

``floor`` δ of a noise table adds δ I.  Strength is compared at the starting attractor: there every
noise gets the trace (or determinant) of the reference noise, ``[compare] reference``, by a factor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp

from cases.base.errors import CaseError, nearest
from cases.casefile.case import Case
from cases.casefile.schema import OF_THE_START, NoiseTable
from cases.expressions.parse import symbols
from cases.landscapes.landscape import Landscape, at_point, checked_expression
from cases.landscapes.phase_space import phase_system, position
from cases.noise.loss_noise import loss_noise
from cases.noise.requirements import check_noise, check_tensors
from solver import symbolic
from solver.laws.jumps import JumpLaw
from solver.system import Array, Field, System, constant_tensor


@dataclass(frozen=True)
class Noise:
    """An unscaled diffusion tensor, its divergence, its slope if known; functions take points ``(d, N)``.

    ``line`` is that of the one coordinate in a phase space, where A is 2γ times that on the momentum alone.
    """

    name: str
    kind: str
    diffusion: Field
    divergence: Field
    slope: Field | None = None
    line: Noise | None = None

    def check(self, case: Case, points: Array) -> None:
        """A must be a covariance, and ∇·A finite, at these points.

        Raises:
            CaseError: naming the first point where one of them does not hold.
        """
        if self.line is not None:
            self.line.check(case, points[:1])
            return
        check_noise(case, self.name, self.diffusion, self.divergence, points)


@dataclass(frozen=True)
class ScaledNoise:
    """A noise at the strength at which it is compared.

    Attributes:
        name: Name of the noise in the case.
        kind: "identity", "expression" or the name of a noise model.
        scale: The factor that the normalisation put on A.
        tensor: The scaled A at the starting attractor, ``(d, d)``.
        system: Drift and scaled diffusion, for the solver.
    """

    name: str
    kind: str
    scale: float
    tensor: Array
    system: System


class _Unavailable(Exception):
    """A noise model that this landscape cannot have: problem and fix."""


_NO_HESSIAN = ("the system has no loss, so it has no Hessian", "use another noise, or give the loss")

Builder = Callable[[Landscape, Array | None], tuple[Field, Field]]
#: Noises that the process brings along.
OF_THE_PROCESS = ("gradient_covariance", "reactions")
NOISE_MODELS: dict[str, Builder] = {}


def noise_model(name: str) -> Callable[[Builder], Builder]:
    """Register ``(landscape, start or None) -> (A, ∇·A)`` as a named noise model."""

    def register(build: Builder) -> Builder:
        NOISE_MODELS[name] = build
        return build

    return register


@noise_model("identity")
def _identity(landscape: Landscape, start: Array | None) -> tuple[Field, Field]:
    return constant_tensor(np.eye(landscape.dim))


@noise_model("hessian")
def _hessian(landscape: Landscape, start: Array | None) -> tuple[Field, Field]:
    return constant_tensor(_hessian_at(landscape, start))


@noise_model("top_eigenvector")
def _top_eigenvector(landscape: Landscape, start: Array | None) -> tuple[Field, Field]:
    values, vectors = np.linalg.eigh(_hessian_at(landscape, start))
    return constant_tensor(values[-1] * np.outer(vectors[:, -1], vectors[:, -1]))


@noise_model("loss")
def _loss(landscape: Landscape, start: Array | None) -> tuple[Field, Field]:
    h = _hessian_at(landscape, start)
    if landscape.loss is None:
        raise _Unavailable(*_NO_HESSIAN)
    return loss_noise(landscape.loss, landscape.drift, h)


def _hessian_at(landscape: Landscape, start: Array | None) -> Array:
    """The Hessian at the starting attractor, which must be a covariance."""
    if landscape.hessian is None:
        raise _Unavailable(*_NO_HESSIAN)
    if start is None:
        raise ValueError("noise made of the Hessian needs the starting attractor")
    h = landscape.hessian(start.reshape(-1, 1))[:, :, 0]
    if not (np.isfinite(h).all() and np.linalg.eigvalsh(h)[0] > 1e-12 * abs(np.linalg.eigvalsh(h)[-1])):
        raise _Unavailable(
            f"the Hessian at the starting attractor {at_point(start)} is not positive definite",
            "use another noise, or start from a non-degenerate minimum",
        )
    return np.asarray(h)


@noise_model("gradient_covariance")
def _gradient_covariance(landscape: Landscape, start: Array | None) -> tuple[Field, Field]:
    if landscape.covariance is None or landscape.divergence is None or isinstance(landscape.law, JumpLaw):
        raise _Unavailable(
            "the system has no data, so it has no gradient covariance", "use a model with data, or write A"
        )
    return landscape.covariance, landscape.divergence


@noise_model("reactions")
def _reactions(landscape: Landscape, start: Array | None) -> tuple[Field, Field]:
    if landscape.covariance is None or landscape.divergence is None or not isinstance(landscape.law, JumpLaw):
        raise _Unavailable("the system has no reactions", "add [[reaction]] tables, or write A")
    return landscape.covariance, landscape.divergence


def check_available(case: Case, landscape: Landscape, name: str) -> None:
    """Complain now about a noise that could not be built later, when the attractor is known.

    Raises:
        CaseError: when the landscape lacks what the noise is made of.
    """
    if needs_start(case.noise[name]) and landscape.hessian is None:
        raise case.error(f"noise.{name}.diffusion", *_NO_HESSIAN)


def needs_start(table: NoiseTable) -> bool:
    """Whether this noise can only be built once the starting attractor is known."""
    return isinstance(table.diffusion, str) and table.diffusion in OF_THE_START


def build(case: Case, landscape: Landscape, name: str, start: Array | None) -> Noise:
    """One noise of the case, unscaled.

    Raises:
        CaseError: when the noise is misspelt, misshapen or not to be had for this landscape.
    """
    table, key = case.noise[name], f"noise.{name}.diffusion"
    if landscape.line is not None:
        return _of_phase_space(case, landscape, name, start)
    if isinstance(table.diffusion, str) and table.diffusion in NOISE_MODELS:
        try:
            pair = NOISE_MODELS[table.diffusion](landscape, start)
        except _Unavailable as error:
            raise case.error(key, *error.args) from None
        slope = landscape.covariance_slope if table.diffusion in OF_THE_PROCESS else None
        return _with_floor(Noise(name, table.diffusion, *pair, slope), table.floor)
    tensor = _tensor(case, landscape, table, key)
    xs = symbols(case.coordinates)
    divergence = symbolic.to_numpy(symbolic.divergence(tensor, xs), xs)
    return _with_floor(Noise(name, "expression", symbolic.to_numpy(tensor, xs), divergence), table.floor)


def _of_phase_space(case: Case, landscape: Landscape, name: str, start: Array | None) -> Noise:
    """The noise of a phase space: that of the loss in its one coordinate acts on the momentum."""
    assert landscape.line is not None
    floor = case.noise[name].floor
    table = case.noise[name].model_copy(update={"floor": 0.0})
    inner = position(replace(case, noise=case.noise | {name: table}))
    line = build(inner, landscape.line, name, None if start is None else start[:1])
    system = phase_system(landscape, line.diffusion, line.slope, 1.0)
    noise = Noise(name, line.kind, system.diffusion, system.divergence, system.diffusion_slope, line)
    return _with_floor(noise, floor)


def _tensor(case: Case, landscape: Landscape, table: NoiseTable, key: str) -> list[list[sp.Expr]]:
    d = case.dim
    if not isinstance(table.diffusion, list):
        return _scalar_tensor(case, landscape, table.diffusion, key)
    rows = table.diffusion
    if len(rows) != d or any(len(row) != d for row in rows):
        shape = f"{len(rows)} rows of {sorted({len(row) for row in rows})} entries"
        raise case.error(key, f"{shape} in {d} coordinates", f"give a {d}×{d} list of expressions")
    return [
        [
            checked_expression(case, f"{key}.{i}.{j}", entry, landscape.parameters)
            for j, entry in enumerate(row)
        ]
        for i, row in enumerate(rows)
    ]


def _scalar_tensor(case: Case, landscape: Landscape, text: str | float, key: str) -> list[list[sp.Expr]]:
    try:
        scalar = checked_expression(case, key, text, landscape.parameters)
    except CaseError:
        near = nearest(str(text), NOISE_MODELS) if str(text).isidentifier() else None
        if near is None:
            raise
        raise case.error(key, f"unknown noise model '{text}'", f"did you mean '{near}'?") from None
    return [[scalar if i == j else sp.Integer(0) for j in range(case.dim)] for i in range(case.dim)]


def _with_floor(noise: Noise, floor: float) -> Noise:
    if floor == 0:
        return noise

    def diffusion(x: Array) -> Array:
        a = noise.diffusion(x)
        return a + floor * np.eye(a.shape[0])[:, :, None]

    return replace(noise, diffusion=diffusion, line=None)


def scaled(case: Case, landscape: Landscape, start: Array) -> dict[str, ScaledNoise]:
    """All noises of the case at equal strength at the starting attractor, with their systems.

    Args:
        case: The case; ``compare.normalise`` and ``compare.reference`` say what is equal to what.
        landscape: Its landscape.
        start: The starting attractor, ``(d,)``.
    """
    start = np.asarray(start, dtype=np.float64).reshape(-1)
    noises = {name: build(case, landscape, name, start) for name in case.noise}
    at_start = {name: noise.diffusion(start.reshape(-1, 1))[:, :, 0] for name, noise in noises.items()}
    for name, tensor in at_start.items():
        check_tensors(case, name, tensor[:, :, None], start.reshape(-1, 1))
    budget = strength(at_start[case.reference], case.compare.normalise)
    result = {}
    for name, noise in noises.items():
        scale = budget / strength(at_start[name], case.compare.normalise)
        system = system_for(landscape, noise, scale)
        result[name] = ScaledNoise(name, noise.kind, scale, scale * at_start[name], system)
    return result


def strength(tensor: Array, how: str) -> float:
    """What is made equal: mean eigenvalue ("trace"), geometric mean ("det"), or 1 ("none")."""
    d = tensor.shape[0]
    if how == "trace":
        return float(np.trace(tensor)) / d
    if how == "det":
        return float(np.exp(np.linalg.slogdet(tensor)[1] / d))
    return 1.0


def system_for(landscape: Landscape, noise: Noise, scale: float = 1.0) -> System:
    """Drift of the landscape and ``scale`` times the diffusion of the noise."""
    if noise.line is not None:
        return phase_system(landscape, noise.line.diffusion, noise.line.slope, scale)
    slope = noise.slope
    return System(
        dim=landscape.dim,
        drift=landscape.drift,
        jacobian=landscape.jacobian,
        diffusion=lambda x: scale * noise.diffusion(x),
        divergence=lambda x: scale * noise.divergence(x),
        loss=landscape.loss,
        diffusion_slope=None if slope is None else lambda x: scale * slope(x),
    )
