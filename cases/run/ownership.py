"""What in a folder is a result of ours, and what is not: nothing else is ever removed.

A folder holds an earlier result when its ``summary.json`` is one of ours.  Ours are then the files whose
names every run uses, and those that this summary lists, if they are of a kind that a run writes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from cases.contracts.summary import Summary

SUMMARY = "summary.json"
#: Names that runs and the commands ``report`` and ``paraview`` use, whatever the case.
NAMES = frozenset(
    {SUMMARY, "run.json", "case.toml", "report.html", "member.json", "paraview_state.py", "trajectories.json"}
)
#: What is left of one of them when its writer is killed (:mod:`solver.output.replacing`).
REMNANT = re.compile(rf"\.({'|'.join(map(re.escape, sorted(NAMES)))})\.[0-9]+-[0-9a-f]{{8}}")
#: Kinds of files that a run writes; a file of another kind is not ours even if the summary lists it.
KINDS = frozenset({".vtkhdf", ".json", ".html", ".toml", ".csv", ".svg", ".npz"})
#: What every summary has said since there are summaries, and of which type.
MARKS: Mapping[str, type] = {"case": str, "convention": str, "files": list, "ok": bool, "problems": list}
LARGEST = 1 << 30


def read_summary(folder: Path) -> Summary | None:
    """The summary of a finished run in this folder; None where there is none, or it is not one of ours."""
    path = folder / SUMMARY
    try:
        if path.stat().st_size > LARGEST:
            return None
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not all(
        isinstance(found.get(key), kind) for key, kind in MARKS.items()
    ):
        return None
    return cast(Summary, found)


def ours(folder: Path) -> set[str]:
    """Names of the files in a folder that a run of ours wrote; empty where it holds no result."""
    summary = read_summary(folder)
    if summary is None:
        return set()
    listed = {name for name in summary["files"] if isinstance(name, str) and Path(name).suffix in KINDS}
    with os.scandir(folder) as entries:
        files = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    return {name for name in files if name in NAMES | listed or REMNANT.fullmatch(name)}


def foreign(folder: Path) -> list[str]:
    """Names of everything in a folder that is not ours, sorted."""
    return sorted(set(os.listdir(folder)) - ours(folder))


def remove_ours(folder: Path) -> bool:
    """Remove what is ours, and the folder if nothing else is in it; whether it is gone."""
    for name in ours(folder):
        (folder / name).unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        return False
    return True
