"""The commands that one process does alone, each of which returns its exit code: list, probe, report, …"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from cases.base.errors import EXIT_GOOD, CaseError, suggestion

#: What ``quasipot list`` calls the cases that reproduce the claims of papers.
BUILTIN_FAMILY = "built-in"


def list_cases(arguments: argparse.Namespace) -> int:
    """Print one line for each case that comes with the program, or for each of one family."""
    from cases.loading.catalogue import entries, families

    family: str | None = arguments.family
    known = families()
    if family is not None and family not in [BUILTIN_FAMILY, *known]:
        fix = suggestion(family, [BUILTIN_FAMILY, *known], "families")
        raise CaseError("quasipot", f"list {family}", "there is no such family", fix)
    found = entries("" if family == BUILTIN_FAMILY else family)
    width = max(len(one.name) for one in found)
    for one in found:
        head = f"{one.family}: " if one.family and family is None else ""
        print(f"{one.name:{width}}  {head}{one.title}" + (f" [{one.paper}]" if one.paper else ""))
    return EXIT_GOOD


def probe_field(arguments: argparse.Namespace) -> int:
    """Print the values of a field at points as a JSON list."""
    import numpy as np

    from cases.casefile.schema import TAKEN_NAMES

    folder = _result_folder(arguments.folder)
    noises = sorted(path.stem for path in folder.glob("*.vtkhdf") if path.stem not in TAKEN_NAMES)
    name = arguments.noise if arguments.noise is not None or len(noises) != 1 else noises[0]
    if name is None:
        raise CaseError(
            str(folder), "--noise", "which noise is meant", f"give one of {', '.join(noises) or 'none'}"
        )
    if name not in noises:
        raise CaseError(
            str(folder), "--noise", f"there is no noise '{name}'", suggestion(name, noises, "noises")
        )
    points = np.array(_points(arguments.at))
    from cases.results.damage import reading
    from solver.output.probe import fields, probe
    from solver.output.reading import Unreadable

    path = folder / f"{name}.vtkhdf"
    with reading(folder):
        known = fields(path)
    if arguments.field not in known:
        fix = suggestion(arguments.field, known, "fields")
        raise CaseError(str(path), arguments.field, "there is no such field", fix)
    with reading(folder):
        try:
            values = probe(path, arguments.field, points)
        except Unreadable:
            raise
        except ValueError as error:
            raise CaseError(str(path), "--at", str(error), "correct the points") from None
    print(json.dumps(values))
    return EXIT_GOOD


def _points(texts: Sequence[str]) -> list[list[float]]:
    """The points of ``--at``: finite numbers, one to three of them, equally many each time."""
    points = []
    for text in texts:
        try:
            point = [float(part) for part in text.split(",")]
        except ValueError:
            point = []
        if not 1 <= len(point) <= 3 or not all(abs(x) < float("inf") for x in point):
            raise CaseError(
                "quasipot", f"--at={text}", "this is not a point", "write for example --at=-1,0.5"
            )
        points.append(point)
    if len({len(point) for point in points}) != 1:
        raise CaseError(
            "quasipot", "--at", "points have different numbers of coordinates", "give the same number"
        )
    return points


def rebuild_report(arguments: argparse.Namespace) -> int:
    """Write report.html of a finished run or sweep again (of a sweep table and figure too); print where."""
    from cases.results.damage import reading

    if (arguments.folder / "sweep.json").is_file():
        from cases.sweep.run import redraw

        with reading(arguments.folder):
            redraw(arguments.folder)
        print(arguments.folder / "report.html")
        return EXIT_GOOD
    folder = _result_folder(arguments.folder)
    from cases.report.page import write_report

    with reading(folder):
        write_report(folder)
    print(folder / "report.html")
    return EXIT_GOOD


def print_schema(arguments: argparse.Namespace) -> int:
    """Print the JSON schema of a case file (TOML read as JSON), or of summary.json."""
    if arguments.what == "case":
        from cases.casefile.schema import CaseTable

        schema = CaseTable.model_json_schema(by_alias=True)
    else:
        from cases.contracts.summary import adapter

        schema = adapter().json_schema()
    dialect = "https://json-schema.org/draft/2020-12/schema"
    print(json.dumps({"$schema": dialect, **schema}, indent=1, ensure_ascii=False))
    return EXIT_GOOD


def paraview_script(arguments: argparse.Namespace) -> int:
    """Write the ParaView script of a finished run, draw its picture if asked to, and print the places."""
    picture: Path | None = arguments.picture
    if picture is not None and (picture.suffix != ".png" or not picture.parent.is_dir()):
        raise CaseError(
            "quasipot", f"--picture {picture}", "this is no place for a picture", "give a .png in a folder"
        )
    folder = _result_folder(arguments.folder)
    from cases.report.paraview import draw, write_script
    from cases.results.damage import reading

    with reading(folder):
        script = write_script(folder)
    print(script)
    if picture is not None:
        draw(script, picture)
        print(picture)
    return EXIT_GOOD


def _result_folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise CaseError(str(folder), "", "no such folder", "give the result folder of a run")
    if not (folder / "summary.json").is_file():
        raise CaseError(
            str(folder), "", "this is no result folder: it has no summary.json", "give that of a run"
        )
    return folder
