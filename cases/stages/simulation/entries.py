"""Simulated passage times as ``summary.json`` has them, and how far they are from the computed ones."""

from __future__ import annotations

from cases.contracts.escapes import Survival
from cases.contracts.summary import NoiseEntry
from cases.contracts.values import number
from cases.results.simulated import Simulations
from solver.simulation import survival


def add_to_rates(entry: NoiseEntry, simulated: Simulations, pair: tuple[int, int | None]) -> None:
    """Put simulated times into the rows of one escape, at the noise levels that were simulated."""
    for row in entry["rates"]:
        found = simulated.get(row["epsilon"])
        if found is None or (row["from"], row["to"]) != pair:
            continue
        row["log_mfpt_simulated"] = number(found.log_mean)
        row["simulated_ci"] = list(found.ci)
        row["simulated_by"] = found.by
        row["simulated_paths"] = found.paths
        row["simulated_replicas"] = found.replicas
        row["simulated_dt"] = found.dt
        if found.sde is not None:
            row["survival"] = _survival(found.sde)
        if found.sgd is not None:
            row["log_mfpt_sgd"] = number(found.sgd.log_mean)
            row["sgd_ci"] = list(found.sgd.ci)
            row["sgd_learning_rate"] = found.sgd.learning_rate
            row["sgd_batch_size"] = found.sgd.batch_size
            row["sgd_survival"] = _survival(found.sgd)


def _survival(simulation: survival.Simulation) -> Survival:
    """The survival curve: times, and the part of the paths that had not arrived by then."""
    return {
        "times": [float(f"{time:.6g}") for time in simulation.times],
        "probability": [float(f"{part:.6g}") for part in simulation.survival],
    }
