"""``python -m tests.fuzz --seed S --count N [WHAT …]``: fuzzing at length, with failures kept."""

from __future__ import annotations

import argparse
import importlib
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

KINDS = ("casefiles", "tables", "meshes", "results")


def main() -> int:
    """Run the generators; returns the exit code: 0 when nothing failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed; trial k has seed + k")
    parser.add_argument("--count", type=int, default=100, help="trials of each kind")
    parser.add_argument("--keep", type=Path, help="folder for the input of failing trials")
    parser.add_argument("what", nargs="*", choices=[*KINDS, []], help=f"of {', '.join(KINDS)}; all")
    arguments = parser.parse_args()
    failed = 0
    for kind in arguments.what or KINDS:
        trial = importlib.import_module(f"tests.fuzz.{kind}").trial
        start, bad = time.process_time(), 0
        for seed in range(arguments.seed, arguments.seed + arguments.count):
            with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
                folder = Path(place)
                problem = trial(random.Random(f"{kind} {seed}"), folder)
                if not problem:
                    continue
                bad += 1
                print(f"== {kind} --seed {seed} --count 1: {problem}\n", flush=True)
                if arguments.keep is not None:
                    shutil.copytree(
                        folder, arguments.keep / f"{kind}-{seed}", dirs_exist_ok=True, symlinks=True
                    )
        spent = time.process_time() - start
        print(f"{kind}: {arguments.count} trials, {bad} failed, {spent:.0f} s of processor time", flush=True)
        failed += bad
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
