"""Barriers, densities and rates of one noise in ``summary.json``."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from pydantic import with_config

from cases.contracts.strict import STRICT, Anywhere, From, Number, Point, To

#: ``from`` is no name of Python.
_Barrier = TypedDict("_Barrier", {"from": From, "to": Anywhere})
_Rate = TypedDict("_Rate", {"from": From, "to": To})


@with_config(STRICT)
class FloorLimit(TypedDict):
    """A barrier extrapolated to no floor of the noise."""

    value: Number
    """the barrier without the floor; null where it has no limit"""
    error: Number
    """estimated error of the extrapolation"""
    costs: list[Number]
    """barriers at the floor and its halves"""
    lost: bool
    """no path was found at smaller floors: nothing is extrapolated"""


@with_config(STRICT)
class BarrierEntry(_Barrier):
    """The barrier ``from`` an attractor ``to`` another one (null: to none of the domain) over one saddle."""

    saddle: int
    """number of the saddle"""
    barrier: Number
    """V at the saddle"""
    lower: Number
    """a lower bound of it, from a subsolution"""
    upper: Number
    """an upper bound of it, the action of an explicit path"""
    log_prefactor: Number
    """log of the prefactor of the asymptotic law of the mean passage time; null where it is refused"""
    barrier_weak: Number
    """to first order in the anisotropy of the noise"""
    barrier_xie: Number
    """from A at the minimum and the saddle only, after Xie, Sato, Sugiyama 2021"""
    noise_variation: Number
    """largest deviation of A/c from the identity along the way"""
    estimated_error: NotRequired[Number]
    """only where V is not to be had: the barrier is V of the jet scheme with this error, no bound, no path"""
    doubtful: NotRequired[str]
    """which check of it failed, and what to do"""
    floor_limit: NotRequired[FloorLimit | None]
    """the barrier without the floor, where the noise has one"""


@with_config(STRICT)
class StationaryEntry(TypedDict):
    """The stationary density at one noise level."""

    epsilon: float
    """noise level"""
    mass: list[float] | None
    """probability of every well; null where the wells overlap"""
    log_mass: list[Number] | None
    """its logarithm, which does not underflow"""
    log_normaliser: Number
    """log of the integral of exp(-V/epsilon) times the prefactor"""
    mean: list[Number]
    """E x"""
    covariance: list[list[Number]]
    """Cov x"""
    eigenvalues: list[Number]
    """slowest decay rates of the Fokker–Planck operator"""
    eigenvalues_refused: str | None
    """why there are none"""
    doubtful: NotRequired[str]
    """which check of it failed, and what to do"""


@with_config(STRICT)
class Target(TypedDict):
    """A box that holds the target of a passage."""

    low: Point
    """its lowest corner"""
    high: Point
    """its highest corner"""


@with_config(STRICT)
class Survival(TypedDict):
    """How long simulated paths stayed."""

    times: list[float]
    """times"""
    probability: list[float]
    """the part of the paths that had not arrived by then"""


@with_config(STRICT)
class RateEntry(_Rate):
    """Escape ``from`` one attractor ``to`` another at one noise level."""

    epsilon: float
    """noise level"""
    log_rate: Number
    """log of the rate: stationary flux over mass of the well"""
    log_mfpt: Number
    """log T, the mean first passage time of the Markov chain with these rates"""
    log_mfpt_error: Number
    """what log T changes by with the gauge and the window of the flux, neither of which may matter"""
    log_mfpt_direct: Number
    """log T of the backward equation with the target beside"""
    direct_target: Target | None
    """that target"""
    log_mfpt_kramers: Number
    """log T of the asymptotic law"""
    kramers_trend: Number
    """(log T - law)/epsilon, which tends to a constant"""
    log_mfpt_simulated: Number
    """log T of simulated paths"""
    simulated_ci: list[float] | None
    """its 95 % interval"""
    simulated_by: Literal["paths", "splitting"] | None
    """how it was simulated"""
    eigenvalue: Number
    """the slowest decay rate"""
    doubtful: NotRequired[str]
    """which check of it failed, and what to do"""
    log_mfpt_mori: NotRequired[Number]
    """log T of the power law of Mori et al. 2022, where A is in proportion to the loss"""
    simulated_paths: NotRequired[int]
    """number of paths, of each replica"""
    simulated_replicas: NotRequired[int | None]
    """number of replicas of the splitting"""
    simulated_dt: NotRequired[float]
    """time step"""
    survival: NotRequired[Survival]
    """how long the paths stayed"""
    log_mfpt_sgd: NotRequired[Number]
    """log T of minibatch SGD on the data, in units of t"""
    sgd_ci: NotRequired[list[float]]
    """its 95 % interval"""
    sgd_learning_rate: NotRequired[Number]
    """its learning rate"""
    sgd_batch_size: NotRequired[int | None]
    """its batch size"""
    sgd_survival: NotRequired[Survival]
    """how long its paths stayed"""


@with_config(STRICT)
class LawBarrier(_Barrier):
    """A barrier under the law of the process itself."""

    saddle: int
    """number of the saddle"""
    barrier: Number
    """V of the law at the saddle, by least action"""
    error: Number
    """its change under finer paths and quadrature"""
    lower: Number
    """no path in the box costs less, by a subsolution checked on a sample; null where there is none"""
    upper: Number
    """barrier + error; the action of an explicit path"""
    diffusion: Number
    """the barrier of the diffusion with the same drift and covariance"""
    largest_exponent: Number
    """largest |p·(g − mean g)| or |p·change| along the path: the diffusion is right where it is small"""
    per_learning_rate: Number
    """V1: to first order the barrier at the learning rate eta is barrier + eta V1"""
    path: list[Point]
    """points of the path of least action, the attractor first"""
    refused: str | None
    """why there is no barrier"""


@with_config(STRICT)
class LawTime(_Rate):
    """A mean passage time of the chain itself."""

    epsilon: float
    """noise level, one over the number of individuals"""
    log_mfpt: Number
    """log T; null where the chain has too few or too many states"""


@with_config(STRICT)
class ExtinctionTime(TypedDict):
    """A mean time to extinction."""

    epsilon: float
    """noise level, one over the number of individuals"""
    log_time: Number
    """log T of the chain from the attractor to the state 0; null where it has too few or too many states"""


_From = TypedDict("_From", {"from": From})


@with_config(STRICT)
class Extinction(_From):
    """A population that dies out, ``from`` an attractor."""

    barrier: Number
    """V of the jump process at the state 0"""
    diffusion: Number
    """V of the diffusion with the same drift and covariance there"""
    times: list[ExtinctionTime]
    """times of a chain of single steps by its exact sum"""


@with_config(STRICT)
class LawEntry(TypedDict):
    """Results of the large-deviation law of the process itself."""

    kind: Literal["minibatch", "reactions"]
    """which law"""
    barriers: list[LawBarrier]
    """escapes over saddles, in the order of those of the diffusion"""
    times: NotRequired[list[LawTime]]
    """passage times of a chain of single steps by its exact sum, for 1/epsilon individuals"""
    extinctions: NotRequired[list[Extinction]]
    """of a population on the line that nothing happens to at 0, from every attractor"""


@with_config(STRICT)
class StepChange(_Barrier):
    """What a finite learning rate changes of a barrier."""

    saddle: int
    """number of the saddle"""
    change: Number
    """V1: to first order the barrier at the learning rate eta is barrier + eta V1"""


@with_config(STRICT)
class LearningRateTime(_Rate):
    """A mean passage time at a learning rate."""

    epsilon: float
    """noise level"""
    learning_rate: float
    """learning rate eta, of batches of eta/epsilon"""
    log_mfpt: Number
    """log T of the chain whose rates are changed by exp(-eta V1/epsilon)"""


@with_config(STRICT)
class LearningRateEntry(TypedDict):
    """Passage times at finite learning rates."""

    barriers: list[StepChange]
    """changes of the barriers, in their order"""
    times: list[LearningRateTime]
    """passage times at every noise level and learning rate"""


@with_config(STRICT)
class PowerLawEntry(TypedDict):
    """The tail of the density as a power of the loss, under noise in proportion to it."""

    epsilon: float
    """noise level"""
    exponent: Number
    """fitted to the computed density"""
    residual: Number
    """of the fit"""
    predicted: Number
    """1 + 1/theta; null where the Hessian at the minimum is no multiple of the identity"""
