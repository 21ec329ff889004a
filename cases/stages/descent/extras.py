"""What a case may ask for beside potentials, densities and rates, and what is printed of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cases.base.numbers import number
from cases.casefile.case import Case
from cases.landscapes.landscape import Landscape
from cases.stages.descent import stability_map, trajectories
from cases.stages.section import run as section_run


def check(case: Case, landscape: Landscape) -> None:
    """Complain about what could not be run.

    Raises:
        CaseError: naming the key.
    """
    if case.trajectories is not None:
        trajectories.check(case, landscape, case.trajectories)
    if case.stability is not None:
        stability_map.check(case, landscape, case.stability)


def run(case: Case, landscape: Landscape, folder: Path, comm: Any) -> dict[str, Any]:
    """Compute it and return the keys for summary.json.  Collective.

    Raises:
        NotConverged: when a trajectory runs away.
    """
    found: dict[str, Any] = {}
    if case.trajectories is not None:
        found["trajectories"] = trajectories.run(case, landscape, case.trajectories, folder, comm)
    if case.stability is not None:
        found["stability"] = stability_map.stability_map(case, landscape, case.stability)
    if case.section is not None:
        found["section"] = section_run.section(case, landscape)
    return found


def lines(summary: Mapping[str, Any]) -> list[str]:
    """What is printed at the end of a run."""
    return [
        *_trajectory_lines(summary.get("trajectories")),
        *_stability_lines(summary.get("stability")),
        *_section_lines(summary),
    ]


def _trajectory_lines(found: Mapping[str, Any] | None) -> list[str]:
    if found is None:
        return []
    text = [
        f"Trajectories with learning rate {found['learning_rate']:g}, {found['steps']} steps "
        f"(SGD: averages over {found['paths']} paths with 95 % intervals; descent: the last iterate)"
    ]
    names = {"sgd": "SGD", "gd": "descent on the mean loss", "plain": f"descent on {found['plain_loss']}"}
    for kind, word in names.items():
        if kind in found:
            values = ", ".join(
                f"{name} {number(one['value'], 5)}" + (f" ± {one['error']:.1g}" if "error" in one else "")
                for name, one in found[kind]["observed"].items()
            )
            text.append(f"  {word}: {values}")
    return ["\n".join(text)]


def _stability_lines(found: Mapping[str, Any] | None) -> list[str]:
    if found is None:
        return []
    batches = [f"batch_{batch}" for batch in found["batch_sizes"]]
    heads = ["t", "tr H", "|H|_F", "largest", "GD: 2/largest", "2/tr H"]
    heads += [f"SGD, B = {batch}" for batch in found["batch_sizes"]]
    rows = [
        [
            f"{row['t']:.6g}",
            *(number(row[key], 8) for key in ("trace", "frobenius", "largest")),
            *(number(row[key], 6) for key in ("gradient_descent", "by_trace")),
            *(number(row["sgd"][batch], 8) for batch in batches),
        ]
        for row in found["at"]
    ]
    widths = [max(len(line[i]) for line in [heads, *rows]) for i in range(len(heads))]
    table = [
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in [heads, ["─" * width for width in widths], *rows]
    ]
    flat = ", ".join(f"{name} at t = {one['t']:.7g}" for name, one in found["flattest"].items())
    text = "Sharpness and largest stable learning rates at the minima\n" + "\n".join(table)
    return [f"{text}\nflattest by {flat}", *(f"NOTE: {note}" for note in found["notes"])]


def _section_lines(summary: Mapping[str, Any]) -> list[str]:
    found = summary.get("section")
    if found is None:
        return []
    text = [f"Along the curve ({', '.join(found['curve'])}), t from {found['t'][0]:g} to {found['t'][-1]:g}"]
    text += [f"  mark: t = {one['text']} = {one['t']:.7g}" for one in found["marks"]]
    text += [
        f"  density largest at t = {level['peak']:.7g} ({noise}, ε = {level['epsilon']:g})"
        for noise, entry in summary["noises"].items()
        for level in entry.get("section", {"levels": []})["levels"]
        if level["peak"] is not None
    ]
    return ["\n".join(text)]
