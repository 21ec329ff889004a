"""``quasipot run CASE --study resolution=16,32,64``: how results change with the mesh, and at which order.

For each barrier and each log T the table gives the values, their differences and, from three meshes on, the
observed order p: with errors ``C h^p`` at cell sizes h₁ > h₂ > h₃,

    (Q₁ − Q₂) / (Q₂ − Q₃) = (h₁^p − h₂^p) / (h₂^p − h₃^p),

solved for p.  Where differences are at rounding level, change sign, or do not shrink, there is no order.
With ``degree=2,3,4`` or ``adapt=0,1,2`` convergence is exponential at best: the table then gives the
factor between differences.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path

from mpi4py import MPI
from scipy.optimize import brentq

from cases.base.errors import EXIT_GOOD, EXIT_SOLVER, CaseError
from cases.base.numbers import DASH, number
from cases.base.progress import Level, Progress
from cases.base.text_table import text_table
from cases.casefile.case import Case
from cases.contracts.sweep import Quantity, StudyRecord, SweepRow
from cases.sweep.members import Outcome, run_members
from cases.sweep.plan import members
from cases.sweep.rows import outcome_rows
from cases.sweep.run import claimed, member_entry
from meshes.serial import on_root
from solver.output.replacing import write_text

KEYS = {"resolution": "mesh.resolution", "degree": "mesh.degree", "adapt": "mesh.adapt"}
WHOLE = re.compile(r" *[0-9]{1,9} *")
#: Relative differences below this are rounding: no order can be read from them.
ROUNDING = 1e-12
STEEPEST = 30.0


def parse(text: str) -> tuple[str, list[int]]:
    """``resolution=16,32,64`` as a name and increasing whole numbers.

    Raises:
        CaseError: when it is something else.
    """
    name, _, rest = text.partition("=")
    parts = rest.split(",")
    if name not in KEYS or len(parts) < 2 or not all(WHOLE.fullmatch(part) for part in parts):
        raise CaseError(
            "quasipot",
            f"--study {text}",
            "this is no study",
            "write resolution=16,32,64 or degree=2,3,4 or adapt=0,1,2",
        )
    values = [int(part) for part in parts]
    if any(b <= a for a, b in itertools.pairwise(values)):
        raise CaseError("quasipot", f"--study {text}", "the values do not increase", "sort them")
    return name, values


def run_study(
    case: Case,
    effective: str,
    folder: Path,
    text: str,
    level: Level,
    comm: MPI.Intracomm,
    fresh: bool = False,
) -> int:
    """Solve on a list of resolutions or degrees and print the convergence.  Collective.

    Returns:
        The exit code: 0, or 3 when a member failed.

    Raises:
        CaseError: for bad input.
        Stopped: when a signal asked for that before all members were done.
    """
    name, values = parse(text)
    if case.sweep is not None:
        raise case.error("sweep", "a case with a sweep cannot be studied", "remove it, or leave out --study")
    found = on_root(comm, lambda: members(case, effective, {KEYS[name]: values}, "zip", f"--study {text}"))
    with claimed(folder, "study.json", effective, comm):
        outcomes = run_members(found, folder / "members", comm.size, fresh, level, comm)
        record = on_root(comm, lambda: _write(case, name, values, folder, outcomes))
    progress = Progress(level, comm)
    progress.result(table_text(record))
    for problem in record["problems"]:
        progress.result(f"PROBLEM: {problem}")
    progress.result(f"results: {folder}/study.json, {folder}/members/*")
    return EXIT_GOOD if record["ok"] else EXIT_SOLVER


def _write(
    case: Case, name: str, values: list[int], folder: Path, outcomes: Sequence[Outcome]
) -> StudyRecord:
    """Everything about the study, into study.json; returns it."""
    table = [outcome_rows(outcome, ()) for outcome in outcomes]
    record: StudyRecord = {
        "case": case.name,
        "study": name,
        "values": values,
        "quantities": quantities(name, values, table),
        "members": [member_entry(o, rows) for o, rows in zip(outcomes, table, strict=True)],
        "ok": all(not o.problems for o in outcomes),
        "problems": [f"{o.member.label}: {problem}" for o in outcomes for problem in o.problems],
    }
    write_text(folder / "study.json", json.dumps(record, indent=1, allow_nan=False))
    return record


def quantities(name: str, values: Sequence[int], table: Sequence[list[SweepRow]]) -> list[Quantity]:
    """Each barrier and log T over the members, with differences and orders (or factors, for degrees)."""
    found: dict[tuple[str, int, int | None, str, float | None], list[float | None]] = {}
    for k, rows in enumerate(table):
        for row in rows:
            for what, level in (("barrier", None), ("log_mfpt", row["epsilon"])):
                if row["from"] is not None and row[what] is not None:
                    key = row["noise"], row["from"], row["to"], what, level
                    found.setdefault(key, [None] * len(values))[k] = row[what]
    entries: list[Quantity] = []
    for (noise, start, end, what, epsilon), numbers in found.items():
        steps = [None if a is None or b is None else b - a for a, b in itertools.pairwise(numbers)]
        entry: Quantity = {
            "noise": noise,
            "from": start,
            "to": end,
            "quantity": what,
            "epsilon": epsilon,
            "values": numbers,
            "differences": steps,
        }
        if name == "resolution":
            entry["orders"] = [
                observed_order(values[k : k + 3], numbers[k : k + 3]) for k in range(len(values) - 2)
            ]
        else:
            entry["factors"] = [_factor(a, b) for a, b in itertools.pairwise(steps)]
        entries.append(entry)
    return entries


def observed_order(resolutions: Sequence[int], numbers: Sequence[float | None]) -> float | None:
    """The order p of three values on meshes of h = 1/resolution; None where it cannot be told."""
    first, second, third = numbers
    if first is None or second is None or third is None:
        return None
    large, small = first - second, second - third
    size = max(abs(first), abs(second), abs(third))
    if min(abs(large), abs(small)) <= ROUNDING * size or large * small <= 0:
        return None
    coarse, middle, fine = (1.0 / n for n in resolutions)

    def gap(p: float) -> float:
        return (1 - (middle / coarse) ** p) / ((middle / coarse) ** p - (fine / coarse) ** p) - large / small

    if not gap(1e-3) < 0 < gap(STEEPEST):
        return None
    return float(brentq(gap, 1e-3, STEEPEST))


def _factor(first: float | None, second: float | None) -> float | None:
    return None if first is None or not second else abs(first / second)


def table_text(record: StudyRecord) -> str:
    """The study as plain text."""
    last = "order" if record["study"] == "resolution" else "factor"
    heads = ["noise", "escape", "quantity", record["study"], "value", "difference", last]
    lines = []
    for entry in record["quantities"]:
        rates = entry.get("orders", entry.get("factors", []))
        for k, value in enumerate(entry["values"]):
            what = "barrier" if entry["epsilon"] is None else f"log T, ε={entry['epsilon']:g}"
            goal = DASH if entry["to"] is None else entry["to"]
            start = [entry["noise"], f"{entry['from']} → {goal}", what] if k == 0 else ["", "", ""]
            step = entry["differences"][k - 1] if k > 0 else None
            rate = rates[k - 2] if k > 1 else None
            lines.append(
                [
                    *start,
                    str(record["values"][k]),
                    number(value, 9),
                    _signed(step),
                    "" if k < 2 else number(rate, 3),
                ]
            )
    return text_table("", [heads], lines, left=(0, 1, 2))


def _signed(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:+.2e}".replace("-", "−")
