"""What a run has finished so far, kept beside its result folder so that a run that was ended can go on.

For a result folder NAME it is the hidden folder ``.NAME.checkpoint``: a mark with the digest of the case, and
for each noise that is done its part of the summary, its paths and its fields.  It does not depend on the
number of ranks.  A run that ends by itself removes it; one that begins anew does so only when nothing is
wrong with its case.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from cases.base.errors import CaseError
from cases.base.interrupts import NOTHING, State
from cases.run.found import Found
from meshes.serial import on_root
from solver.output.polylines import Polyline
from solver.output.replacing import write_text

if TYPE_CHECKING:
    from mpi4py import MPI

    from cases.contracts.summary import NoiseEntry

MARK = "checkpoint.json"


@dataclass(frozen=True)
class Checkpoint:
    """The place of what is done.  Its methods are for one rank.

    Attributes:
        place: The folder; it is made when there is something to keep.
        digest: What identifies the case.
        noises: How many noises the case has.
    """

    place: Path
    digest: str
    noises: int = 0

    def begin(self, resume: bool | None) -> None:
        """Go on from what is there, or remove it.

        Args:
            resume: Whether to go on; None: if it is of this case.
        """
        if resume is False or (self.known() is not None and self.known() != self.digest):
            self.remove()

    def known(self) -> str | None:
        """The digest of the case that this is a checkpoint of; None where there is none."""
        try:
            return str(json.loads((self.place / MARK).read_text(encoding="utf-8"))["digest"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def state(self) -> State:
        """What there is for a run to go on with."""
        if self.known() != self.digest:
            return NOTHING
        done = sum(path.suffix == ".json" and path.name != MARK for path in self.place.iterdir())
        verb = "is" if done == 1 else "are"
        words = f"{done} of {self.noises} noises {verb} kept; go on with the same command and --resume"
        return State(words, True) if done else NOTHING

    def read(self, name: str, folder: Path) -> tuple[NoiseEntry, Found] | None:
        """What was found under a noise, its fields put into the result folder; None where it is not done."""
        try:
            data = json.loads((self.place / f"{name}.json").read_text(encoding="utf-8"))
            lines, relaxed = ([_line(one) for one in data["found"][kind]] for kind in ("lines", "relaxed"))
            found = Found(list(data["found"]["problems"]), lines, relaxed, data["found"]["unknowns"])
            for file in data["files"]:
                shutil.copyfile(self.place / file, folder / file)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return cast("NoiseEntry", data["entry"]), found

    def write(self, name: str, entry: NoiseEntry, found: Found, folder: Path) -> None:
        """Keep what was found under a noise.

        Raises:
            OSError: where it cannot be written; what was kept before stays.
        """
        if not (self.place / MARK).exists():
            self.place.mkdir(exist_ok=True)
            write_text(self.place / MARK, json.dumps({"digest": self.digest}))
        files = [path.name for path in [folder / f"{name}.vtkhdf"] if path.is_file()]
        for file in files:
            (self.place / file).unlink(missing_ok=True)
            try:
                os.link(folder / file, self.place / file)
            except OSError:  # a file system without links
                shutil.copyfile(folder / file, self.place / file)
        kept = asdict(found) | {
            kind: [_plain(line) for line in getattr(found, kind)] for kind in ("lines", "relaxed")
        }
        data = {"entry": entry, "found": kept, "files": files}
        # Last: what is named in it is there.
        write_text(self.place / f"{name}.json", json.dumps(data, allow_nan=True))

    def remove(self) -> None:
        """Remove the checkpoint; nothing that is not ours."""
        if not (self.place / MARK).is_file():
            return
        for path in self.place.iterdir():
            if path.suffix in (".json", ".vtkhdf") and path.is_file() and path.name != MARK:
                path.unlink(missing_ok=True)
        (self.place / MARK).unlink(missing_ok=True)
        if not any(self.place.iterdir()):
            self.place.rmdir()


def checkpoint(
    target: Path, digest: str, noises: int, resume: bool | None, comm: MPI.Intracomm
) -> Checkpoint:
    """The checkpoint of a result folder, looked at only: :meth:`Checkpoint.begin` follows.  Collective.

    Args:
        target: The result folder.
        digest: What identifies the case.
        noises: How many noises the case has.
        resume: Whether to go on from what is there; None: if it is of this case.
        comm: MPI communicator.

    Raises:
        CaseError: where something else is in its place, or is to be resumed with another case.
    """
    target = Path(os.path.abspath(target))
    found = Checkpoint(target.with_name(f".{target.name[:200]}.checkpoint"), digest, noises)
    on_root(comm, lambda: _look(found, resume))
    return found


def _look(found: Checkpoint, resume: bool | None) -> None:
    if not os.path.lexists(found.place):
        return
    if found.known() is None:
        raise CaseError(
            "output folder", str(found.place), "stands where a checkpoint belongs", "move it elsewhere"
        )
    if resume and found.known() != found.digest:
        raise CaseError(
            "quasipot",
            "--resume",
            f"the checkpoint {found.place} is of another case, or the case has changed since",
            "leave out --resume to begin anew, or undo the change",
        )


def _plain(line: Polyline) -> dict[str, object]:
    data = {key: np.asarray(values).tolist() for key, values in line.point_data.items()}
    return {
        "points": line.points.tolist(),
        "point_data": data,
        "ids": {key: int(value) for key, value in line.ids.items()},
        "name": line.name,
    }


def _line(data: dict[str, object]) -> Polyline:
    points, along = np.array(data["points"]), cast("dict[str, list[float]]", data["point_data"])
    ids = cast("dict[str, int]", data["ids"])
    return Polyline(points, {key: np.array(values) for key, values in along.items()}, ids, str(data["name"]))
