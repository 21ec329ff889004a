"""The library of named systems as a measuring instrument: all of them on default settings.

    docker/run python3 benchmarks/zoo.py [--family NAME] [--only NAME ...] [--seconds 180] [--memory 6]
                                         [--rows FILE] [--print]

Runs every system in a process of its own, within CPU seconds and gigabytes, and prints as Markdown how each
ended: how many of its reference values are met, the largest error (of logarithms the difference), the widest
bracket of the referenced barriers relative to the barrier, CPU seconds and peak memory; then totals, and the
failures by kind.  ``--rows FILE`` keeps a line of JSON per system, and runs only those that are not in it;
``--print`` prints the table of such a file and runs nothing.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cases.loading.catalogue import families, files
from cases.loading.load import load

# A machine that is shared may give a process a fraction of a core.
WALL_PER_CPU = 6


@dataclass(frozen=True)
class Row:
    """How one system ended."""

    name: str
    family: str
    dimension: int
    end: str  # good, failed, refused, wrong, time, memory, bug
    met: int
    references: int
    error: float | None
    bracket: float | None
    cpu: float
    megabytes: float
    reason: str


def measured(name: str, family: str, seconds: float, gigabytes: float) -> Row:
    """Run one system and look at what came out."""
    case, _ = load(name)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "result"
        command = [sys.executable, "-m", "cases", "run", name, "-o", str(place), "--quiet"]
        code, cpu, peak, text = limited(command, seconds, gigabytes)
        summary = place / "summary.json"
        found = json.loads(summary.read_text(encoding="utf-8")) if summary.is_file() else {}
    rows = found.get("references", [])
    errors = [row["error"] for row in rows if row["error"] is not None]
    met = sum(row["ok"] is True for row in rows)
    end, reason = verdict(code, found, text, len(case.references))
    return Row(
        name, family, case.dim, end, met, len(case.references), max(errors, default=None),
        bracket(found), cpu, peak, reason,
    )  # fmt: skip


def limited(command: Sequence[str], seconds: float, gigabytes: float) -> tuple[str | int, float, float, str]:
    """Exit code, or "time" or "memory"; CPU seconds, peak megabytes, and what was said on standard error."""
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True)
        began, peak, ended = time.monotonic(), 0.0, None
        while (done := os.wait4(child.pid, os.WNOHANG))[0] == 0:
            time.sleep(0.2)
            megabytes, cpu = usage(child.pid)
            peak = max(peak, megabytes)
            if peak > 1000 * gigabytes:
                ended = "memory"
            elif cpu > seconds or time.monotonic() - began > WALL_PER_CPU * seconds:
                ended = "time"
            if ended is not None:
                os.killpg(child.pid, signal.SIGKILL)
                done = os.wait4(child.pid, 0)
                break
        child.returncode = os.waitstatus_to_exitcode(done[1])
        used: resource.struct_rusage = done[2]
        said.seek(0)
        text = said.read()
    peak = max(peak, used.ru_maxrss / 1024)
    return ended or child.returncode, used.ru_utime + used.ru_stime, peak, text


def usage(pid: int) -> tuple[float, float]:
    """Megabytes and CPU seconds of a process now."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, IndexError):
        return 0.0, 0.0
    ticks = sum(int(one) for one in fields[11:15])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, ticks / os.sysconf("SC_CLK_TCK")


def verdict(code: str | int, summary: dict, text: str, references: int) -> tuple[str, str]:
    """One word for how it ended, and the first sentence about it."""
    problems = summary.get("problems", [])
    rows = summary.get("references", [])
    missed = [row for row in rows if row["ok"] is False]
    last = " ".join(text.strip().splitlines()[-1:])
    if code in ("time", "memory"):
        return str(code), f"beyond the limit of {code}"
    others = [one for one in problems if not one.startswith("reference ")]
    if missed and not others:
        return "wrong", next(one for one in problems if one.startswith("reference "))
    if code == 0:
        if sum(row["ok"] is True for row in rows) == references:
            return "good", ""
        absent = [row["label"] for row in rows if row["ok"] is None]
        return "incomplete", f"not computed: {'; '.join(absent)}"
    if code == 2:
        return "refused", last
    if code == 3:
        return "failed", (others or problems or [last])[0]
    return "bug", f"exit code {code}: {last}"


def bracket(summary: dict) -> float | None:
    """The widest bracket of a barrier that a reference is about, relative to the barrier."""
    about = {row["label"].rpartition(", ")[2] for row in summary.get("references", [])}
    widths = []
    for noise, one in summary.get("noises", {}).items():
        for row in one.get("barriers", []):
            height, low, high = row["barrier"], row.get("lower"), row.get("upper")
            if noise in about and height and low is not None and high is not None and asked(summary, row):
                widths.append((high - low) / height)
    return max(widths, default=None)


def asked(summary: dict, row: dict) -> bool:
    """Whether some referenced barrier has the value of this one: the same pair, by its computed value."""
    return any(
        one["quantity"] == "barrier" and one["computed"] == row["barrier"]
        for one in summary.get("references", [])
    )


def table(rows: Sequence[Row]) -> str:
    """All rows as Markdown, then totals and the failures by kind."""
    lines = [
        "| system | d | ended | references met | largest error | bracket | CPU s | MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        error, width = ("–" if x is None else f"{x:.1e}" for x in (row.error, row.bracket))
        lines.append(
            f"| `{row.name}` | {row.dimension} | {row.end} | {row.met} of {row.references} | {error} "
            f"| {width} | {row.cpu:.0f} | {row.megabytes:.0f} |"
        )
    return "\n".join([*lines, "", *totals(rows), "", *kinds(rows)]) + "\n"


def totals(rows: Sequence[Row]) -> list[str]:
    """How many end well, the wrong ones, and the middle of the costs, by dimension."""
    good = [row for row in rows if row.end == "good"]
    wrong = [row.name for row in rows if row.end == "wrong"]
    lines = [
        f"{len(good)} of {len(rows)} end well ({100 * len(good) / max(1, len(rows)):.0f} %); "
        f"a reference missed and nothing else said: {', '.join(wrong) or 'none'}.",
    ]
    for d in (1, 2, 3):
        own = [row for row in rows if row.dimension == d]
        if own:
            well = sum(row.end == "good" for row in own)
            cpu, memory = (statistics.median(x) for x in ([r.cpu for r in own], [r.megabytes for r in own]))
            lines.append(
                f"In {d}D {well} of {len(own)}; median of all {cpu:.0f} CPU seconds and {memory:.0f} MB."
            )
    return lines


def kinds(rows: Sequence[Row]) -> list[str]:
    """What was said, numbers put aside, with the systems that it was said of."""
    found = collections.defaultdict(list)
    for row in rows:
        if row.end != "good":
            kind = re.sub(r"-?\d+(\.\d+)?(e[+-]?\d+)?", "…", row.reason.removeprefix(f"{row.name}: "))
            found[f"{row.end}: {kind[:160]}"].append(row.name)
    ordered = sorted(found.items(), key=lambda one: -len(one[1]))
    return [f"- {kind} — {', '.join(f'`{name}`' for name in names)}" for kind, names in ordered]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--family")
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--seconds", type=float, default=180.0, help="CPU seconds for each system")
    parser.add_argument("--memory", type=float, default=6.0, help="gigabytes for each system")
    parser.add_argument("--rows", type=Path, help="file that keeps the rows")
    parser.add_argument("--print", action="store_true", help="print the rows of the file, run nothing")
    given = parser.parse_args()
    known = {name: family for family, names in families().items() for name in names}
    assert set(known) <= set(files())
    rows: dict[str, Row] = {}
    if given.rows is not None and given.rows.is_file():
        lines = given.rows.read_text(encoding="utf-8").splitlines()
        rows = {one["name"]: Row(**one) for one in map(json.loads, lines)}
    wanted = [
        name
        for name, family in known.items()
        if given.family in (None, family) and (given.only is None or name in given.only)
    ]
    for name in [] if given.print else wanted:
        if name in rows:
            continue
        rows[name] = measured(name, known[name], given.seconds, given.memory)
        if given.rows is not None:
            with given.rows.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(rows[name])) + "\n")
        print(f"{name}: {rows[name].end} {rows[name].reason}", file=sys.stderr, flush=True)
    print(table([rows[name] for name in wanted if name in rows]))


if __name__ == "__main__":
    main()
