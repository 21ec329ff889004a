"""The stationary states of a mean-field problem as a plain table."""

from __future__ import annotations

from cases.base.numbers import fixed, number
from cases.base.text_table import text_table
from cases.contracts.mean_field import TemperatureEntry
from cases.contracts.summary import Summary

_SHOWN = 3


def mean_field_table(summary: Summary) -> str:
    """One line per stationary state, then the flow and the particles; at most 100 columns wide.

    Args:
        summary: What summary.json holds.
    """
    levels = summary["mean_field"]["levels"]
    heads = ["λ", "state", "F + λ KL", "on the mesh", "spectral gap", "averages", "c"]
    lines = []
    for level in levels:
        for state, mesh in zip(level["states"], level["mesh"], strict=True):
            shown = ", ".join(_rounded(value, 6) for value in state["averages"][:_SHOWN])
            shown += ", …" if len(state["averages"]) > _SHOWN else ""
            kind = "minimum" if state["stable"] else "unstable"
            values = [_rounded(one["value"], 7) for one in (state, mesh)]
            constant = number(level.get("particle_constant"), 6)
            lines.append(
                [f"{level['temperature']:g}", kind, *values, number(mesh["gap"], 6), shown, constant]
            )
    text = [text_table("Stationary states of energy plus entropy", [heads], lines, left=())]
    for level in levels:
        text += _flow_and_particles(level)
    return "\n".join(text)


def _rounded(value: float, digits: int) -> str:
    """A number that may be zero up to rounding."""
    return number(round(value, 12) + 0.0, digits)


def _flow_and_particles(level: TemperatureEntry) -> list[str]:
    text = []
    if flow := level.get("flow"):
        text.append(
            f"flow at λ = {level['temperature']:g}: the energy falls from {number(flow['energies'][0], 6)} "
            f"to {number(flow['energies'][-1], 6)}"
        )
        if flow["decay_rate"] is not None and flow["decay_measured"] is not None:
            low, high = flow["decay_measured"]
            text.append(
                f"  it decays at the rate {number(flow['decay_rate'], 5)} between t = {low:g} and {high:g}; "
                f"twice the gap is {number(2 * level['mesh'][0]['gap'], 5)}"
            )
    for row in level.get("particles", []):
        low, high = row["scaled_gap_ci"]
        text.append(
            f"{row['particles']} particles: N (E F(m^N) − F(m*)) = {fixed(row['scaled_gap'], 5)} ± "
            f"{fixed((high - low) / 2, 5)}; the limit is c = {fixed(level.get('particle_constant'), 5)}"
        )
    return text
