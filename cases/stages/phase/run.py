"""Barriers, rates of turns and the mean velocity of a phase under every noise, by quadrature."""

from __future__ import annotations

from cases.base.remedies import with_remedy
from cases.contracts.further import PhaseEntry, PhaseLevel, PhaseRest
from cases.contracts.values import number
from cases.stages.base.stage import Setting
from meshes.serial import on_root
from solver.errors import NotConverged
from solver.formulas.phase_slips import phase_slips, rests
from solver.system import System


def phases(setting: Setting) -> tuple[dict[str, PhaseEntry], tuple[str, ...]]:
    """What the summary says of a phase, and a line for each noise level that failed.  Collective."""
    return on_root(setting.comm, lambda: _all(setting))


def _all(setting: Setting) -> tuple[dict[str, PhaseEntry], tuple[str, ...]]:
    assert setting.case.domain.bounds is not None
    low, high = setting.case.domain.bounds[0]
    problems: list[str] = []
    found: dict[str, PhaseEntry] = {}
    for name, noise in setting.noises.items():
        levels = []
        for epsilon in sorted(setting.case.compare.epsilon, reverse=True):
            try:
                levels.append(_level(noise.system, low, high - low, epsilon))
            except NotConverged as error:
                problems.append(f"{name}: {with_remedy(str(error))}")
        attractors: list[PhaseRest] = [
            {"phase": one.phase, "up": number(one.up), "down": number(one.down)}
            for one in rests(noise.system, low, high - low)
        ]
        found[name] = {"attractors": attractors, "levels": levels}
    return found, tuple(problems)


def _level(system: System, start: float, period: float, epsilon: float) -> PhaseLevel:
    one = phase_slips(system, start, period, epsilon)
    return {
        "epsilon": epsilon,
        "log_rate_up": number(one.log_up),
        "log_rate_down": number(one.log_down),
        "velocity": number(one.velocity),
    }
