"""Survival curves: how long the simulated paths stayed."""

from __future__ import annotations

import math

import numpy as np

from cases.contracts.escapes import Survival
from cases.figures.rundata import RunData
from cases.figures.style import Figure, canvas, colour, to_svg

#: Curve, mean time, colour, kind of line, label.
_Curve = tuple[Survival, float, str, str, str]
_LONGEST = 5.0  # mean times
_CAPTION = (
    "The part of the simulated paths that had not arrived after a time t, in units of the mean time E t "
    "(full lines: paths of the SDE; dotted: minibatch SGD on the data); dashed: "
    "exp(−t/E t). To see: escape from a well forgets its beginning, so that the times are exponentially "
    "distributed but for the short time of relaxation."
)


def survival_figures(run: RunData) -> list[Figure]:
    """One panel with the curves of all simulations of the run; nothing where there are none."""
    curves: list[_Curve] = []
    for index, (noise, entry) in enumerate(run.summary["noises"].items()):
        for row in entry.get("rates", []):
            name = f"{noise}, ε = {row['epsilon']:g}"
            for curve, log_mean, style, label in (
                (row.get("survival"), row["log_mfpt_simulated"], "-", name),
                (row.get("sgd_survival"), row.get("log_mfpt_sgd"), ":", f"{name}, minibatch SGD"),
            ):
                if curve and log_mean is not None:
                    curves.append((curve, math.exp(log_mean), colour(index), style, label))
    if not curves:
        return []
    figure, axes = canvas(5.4, 4.0)
    for curve, mean, tint, style, label in curves:
        times, part = np.array(curve["times"]) / mean, np.array(curve["probability"])
        axes.plot(times[part > 0.0], part[part > 0.0], lw=1.6, color=tint, ls=style, label=label)
    law = np.linspace(0.0, _LONGEST, 2)
    axes.plot(law, np.exp(-law), color="black", lw=1.0, ls=(0, (4, 2)), label="exp(−t/E t)")
    axes.set_yscale("log")
    axes.set_xlim(0.0, _LONGEST)
    axes.set_ylim(0.5 * math.exp(-_LONGEST), 1.2)
    axes.set_xlabel("t / E t")
    axes.set_ylabel("part not yet arrived")
    axes.grid(True)
    axes.legend(loc="lower left")
    return [Figure("How long the paths stay", (to_svg(figure, "Survival curves"),), _CAPTION)]
