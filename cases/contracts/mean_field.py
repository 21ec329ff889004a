"""Mean-field Langevin dynamics in ``summary.json``."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from pydantic import with_config

from cases.contracts.strict import STRICT, Number, Point


@with_config(STRICT)
class StateEntry(TypedDict):
    """A stationary state by its averages and quadrature."""

    averages: list[float]
    """averages of the features"""
    residual: list[float] | None
    """averages minus targets"""
    value: float
    """energy plus entropy"""
    stable: bool
    """whether it is a minimum of that"""
    mean: Point
    """E x"""
    second_moment: list[Point]
    """E x x^T"""
    expectations: dict[str, float]
    """of the observed functions"""


@with_config(STRICT)
class MeshStateEntry(TypedDict):
    """The same state as a density on the mesh."""

    averages: list[float]
    """averages of the features"""
    value: float
    """energy plus entropy"""
    gap: float
    """spectral gap of the linearised flow; negative for an unstable state"""
    mean: Point
    """E x"""
    second_moment: list[Point]
    """E x x^T"""
    expectations: dict[str, float]
    """of the observed functions"""
    lowest: float
    """lowest value over the highest"""
    residual: float
    """of the discrete equation"""


@with_config(STRICT)
class FlowEntry(TypedDict):
    """The flow from the initial density."""

    times: list[float]
    """times"""
    energies: list[float]
    """energy plus entropy"""
    averages: list[list[float]]
    """averages of the features"""
    mass_error: float
    """change of the mass"""
    steps: int
    """number of time steps"""
    decay_rate: Number
    """rate at which the energy decays, late but above errors"""
    decay_measured: list[float] | None
    """between these times"""


@with_config(STRICT)
class ParticlesEntry(TypedDict):
    """N interacting particles."""

    particles: int
    """N"""
    energy: float
    """mean energy"""
    scaled_gap: float
    """N (E F(m^N) - F(m*))"""
    scaled_gap_ci: list[float]
    """its 95 % interval"""


@with_config(STRICT)
class NetworkEntry(TypedDict):
    """The learned function."""

    z: list[float]
    """inputs"""
    f: list[float]
    """outputs"""


@with_config(STRICT)
class TemperatureEntry(TypedDict):
    """Everything at one temperature; nothing but the temperature where the solver failed."""

    temperature: float
    """lambda"""
    states: list[StateEntry]
    """stationary states"""
    mesh: list[MeshStateEntry]
    """the same on the mesh"""
    checks: dict[str, Number]
    """values of the checks"""
    count: NotRequired[int]
    """number of stationary states"""
    particle_constant: NotRequired[Number]
    """limit of N (E F(m^N) - F(m*))"""
    unknowns: NotRequired[int]
    """size of the discrete problem"""
    network: NotRequired[NetworkEntry]
    """the learned function in the first state"""
    flow: NotRequired[FlowEntry]
    """the flow"""
    particles: NotRequired[list[ParticlesEntry]]
    """interacting particles"""


@with_config(STRICT)
class MeanFieldEntry(TypedDict):
    """A mean-field problem."""

    levels: list[TemperatureEntry]
    """by temperature"""
    targets: NotRequired[list[float]]
    """of the features"""
    coupling: NotRequired[float]
    """strength of the interaction"""
    inputs: NotRequired[list[float]]
    """of the network"""
