"""What a case may ask for beside barriers, densities and rates, in ``summary.json``."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from pydantic import with_config

from cases.contracts.strict import STRICT, Number, Point


@with_config(STRICT)
class MarginalLevel(TypedDict):
    """The density of a function of the coordinates at one noise level."""

    epsilon: float
    """noise level"""
    density: list[float]
    """mass of every bin over its width"""
    outside: float
    """probability of no bin"""
    quadrature: float
    """estimated error by the cutting of cells into bins"""
    exact: list[float] | None
    """the closed form as density, scaled to the mass within the range"""
    distance: Number
    """total variation distance of the two within the range"""


@with_config(STRICT)
class MarginalEntry(TypedDict):
    """The stationary density of a function of the coordinates."""

    name: str
    """its name"""
    of: str
    """the function"""
    tolerance: float
    """largest accepted distance from the closed form"""
    edges: list[float]
    """ends of the bins"""
    levels: list[MarginalLevel]
    """by noise level"""


@with_config(STRICT)
class Mark(TypedDict):
    """A marked place of a curve."""

    text: str
    """as in the case"""
    t: float
    """its parameter"""


@with_config(STRICT)
class SectionEntry(TypedDict):
    """A curve, and the curvature of the loss along it."""

    curve: list[str]
    """its coordinates as functions of t"""
    t: list[float]
    """parameters of the points"""
    points: list[Point]
    """the points"""
    marks: list[Mark]
    """marked places"""
    loss: list[float] | None
    """the loss at the points"""
    hessian_of: str | None
    """whose Hessian is shown: "loss", or an expression"""
    trace: list[float] | None
    """its trace"""
    largest: list[float] | None
    """its largest eigenvalue"""
    condition: list[Number] | None
    """largest over smallest eigenvalue above rounding; null where the largest is not positive"""


@with_config(STRICT)
class SectionLevel(TypedDict):
    """The density along the curve at one noise level."""

    epsilon: float
    """noise level"""
    log_density: list[Number]
    """log p at the points, from its maximum there"""
    log_maximum: Number
    """that maximum"""
    peak: Number
    """t of the maximum, between the points"""


@with_config(STRICT)
class NoiseSectionEntry(TypedDict):
    """V and the density along the curve under one noise."""

    V: list[Number]
    """V at the points"""
    levels: list[SectionLevel]
    """by noise level"""


@with_config(STRICT)
class Relaxation(TypedDict):
    """How an evolving density approaches the stationary one."""

    distances: list[float]
    """total variation distance at the times"""
    decay: Number
    """rate at which it falls at the end"""
    eigenvalue: Number
    """the slowest decay rate"""
    time: Number
    """one over that"""
    refused: str | None
    """why there is none"""


@with_config(STRICT)
class EvolutionEntry(TypedDict):
    """A density that evolves under one noise."""

    epsilon: float
    """noise level"""
    times: list[float]
    """times"""
    expectations: dict[str, list[float]]
    """of the observed functions, at the times"""
    mean: list[Point]
    """E x"""
    covariance: list[list[Point]]
    """Cov x"""
    lowest: list[float]
    """lowest value of the density over its highest"""
    steps: int
    """number of time steps"""
    relaxation: Relaxation | None
    """the approach to the stationary density"""


@with_config(STRICT)
class DistanceEntry(TypedDict):
    """How far the densities under two noises are apart."""

    noises: list[str]
    """the two noises"""
    total_variation: list[float]
    """distance at the times"""


@with_config(STRICT)
class TransientEntry(TypedDict):
    """Evolving densities side by side."""

    distances: list[DistanceEntry]
    """for every two noises; empty without an evolution"""


@with_config(STRICT)
class Observed(TypedDict):
    """A polynomial averaged along a trajectory, or at its end."""

    value: float
    """its value"""
    error: NotRequired[float]
    """half the 95 % interval"""


@with_config(STRICT)
class TrajectoryEntry(TypedDict):
    """One trajectory."""

    end: Point
    """the last iterate"""
    observed: dict[str, Observed]
    """of SGD averages, else values at the end"""


@with_config(STRICT)
class TrajectoriesEntry(TypedDict):
    """SGD, gradient descent, and gradient descent without noise, from one point."""

    learning_rate: float
    """of all of them"""
    batch_size: int
    """of SGD"""
    steps: int
    """of SGD"""
    paths: int
    """of SGD"""
    start: Point
    """the first iterate"""
    plain_loss: str | None
    """the loss without noise"""
    sgd: TrajectoryEntry
    """SGD on the samples"""
    gd: TrajectoryEntry
    """descent on the mean loss"""
    plain: NotRequired[TrajectoryEntry]
    """descent on the loss without noise"""


class Iterates(TypedDict):
    """One trajectory in ``trajectories.json``."""

    times: list[float]
    """learning rate times steps"""
    points: list[Point]
    """the iterates"""
    observed: dict[str, list[float]]
    """what is observed of them"""


@with_config(STRICT)
class StabilityRow(TypedDict):
    """A minimum on the curve, and the learning rates up to which methods stay at it."""

    t: float
    """its parameter"""
    point: Point
    """where it is"""
    trace: float
    """tr H"""
    frobenius: float
    """Frobenius norm of H"""
    largest: float
    """largest eigenvalue of H"""
    gradient_descent: float
    """largest stable learning rate of gradient descent"""
    by_trace: float
    """2/tr H"""
    sgd: dict[str, float]
    """largest stable learning rate of SGD, by batch size: batch_1 and so on"""


@with_config(STRICT)
class Flattest(TypedDict):
    """Where a measure is best along the curve."""

    t: float
    """there"""
    value: float
    """the measure there"""


@with_config(STRICT)
class PhaseRest(TypedDict):
    """An attractor on a circle."""

    phase: float
    """where it is"""
    up: Number
    """V at the next zero of the drift above it"""
    down: Number
    """V at the next zero of the drift below it"""


@with_config(STRICT)
class PhaseLevel(TypedDict):
    """Turns of a phase at one noise level."""

    epsilon: float
    """noise level"""
    log_rate_up: Number
    """log of the number of whole turns up a unit of time"""
    log_rate_down: Number
    """the same down"""
    velocity: Number
    """mean velocity, the period times the difference of the rates"""


@with_config(STRICT)
class PhaseEntry(TypedDict):
    """A phase under one noise."""

    attractors: list[PhaseRest]
    """where it rests; empty where the drift has one sign"""
    levels: list[PhaseLevel]
    """by noise level, the largest first"""


@with_config(STRICT)
class MomentumRow(TypedDict):
    """One rate of a loss with momentum beside the laws for it."""

    attractor: int
    """number of the attractor escaped from"""
    saddle: int
    """number of the saddle"""
    epsilon: float
    """noise level"""
    log_rate: Number
    """log of the computed rate constant"""
    kramers: Number
    """the same by Kramers' law"""
    turnover: Number
    """the same by the law of Mel'nikov and Meshkov"""
    swings: Number
    """the temperature over the energy that one swing at the height of the pass costs"""


@with_config(STRICT)
class MomentumEntry(TypedDict):
    """A loss with momentum under one noise."""

    friction: float
    """gamma in dx = v dt, dv = (-dU/dx - gamma v) dt + sqrt(2 gamma epsilon a) dW"""
    laws: list[MomentumRow]
    """by escape and noise level"""
    refused: list[str]
    """why there are no laws, where there are none"""


@with_config(STRICT)
class StabilityEntry(TypedDict):
    """Sharpness and largest stable learning rates at global minima along a curve."""

    batch_sizes: list[int]
    """of SGD"""
    samples: int
    """number of samples of the model"""
    along: list[StabilityRow]
    """along the curve"""
    at: list[StabilityRow]
    """at the parameters that the case names"""
    flattest: dict[str, Flattest]
    """by measure"""
    notes: list[str]
    """whether tr H <= 2/eta holds, in words"""
