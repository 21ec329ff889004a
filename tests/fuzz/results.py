"""Damaged results: truncated, emptied, changed, foreign; probe, report and paraview answer in one line."""

from __future__ import annotations

import atexit
import json
import os
import random
import shutil
import tempfile
from functools import cache
from pathlib import Path

import h5py

from tests.fuzz import odd
from tests.fuzz.casefiles import places
from tests.fuzz.trial import program

CASE = """
title = "a result to be damaged"
[system]
coordinates = ["x"]
loss = "(x**2 - 1)**2/4 + x/20"
[domain]
bounds = [[-1.8, 1.8]]
[mesh]
resolution = 24
[noise.isotropic]
diffusion = "identity"
[noise.other]
diffusion = "1 + x**2/4"
[compare]
epsilon = [0.2, 0.1]
"""


@cache
def whole() -> Path:
    """The folder of a finished run; made once, and gone when the process ends."""
    top = Path(tempfile.mkdtemp(prefix="fuzz-result-"))
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    (top / "case.toml").write_text(CASE, encoding="utf-8")
    ended = program(["run", str(top / "case.toml"), "-o", str(top / "out"), "--quiet"], seconds=300)
    assert not ended.problem, ended.problem
    return top / "out"


def cut(rng: random.Random, path: Path) -> None:
    """The first part of a file only."""
    raw = path.read_bytes()
    path.write_bytes(raw[: rng.choice([0, 1, rng.randrange(len(raw) + 1)])])


def flip(rng: random.Random, path: Path) -> None:
    """Some bytes changed."""
    raw = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 3, 30])):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    path.write_bytes(raw)


def foreign(rng: random.Random, path: Path) -> None:
    """Another file, a folder, a link to nowhere, or nothing in its place."""
    path.unlink()
    kind = rng.randrange(5)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        os.symlink("nowhere", path)
    elif kind == 2:
        path.write_text(rng.choice(['{"ok": true}', "[]", "null", "3", "{}", '"a"', "[" * 5000]))
    elif kind == 3:
        path.write_bytes(rng.randbytes(300))


def changed(rng: random.Random, path: Path) -> None:
    """A record with another value, or without one; of an HDF5 file a part of it."""
    if path.suffix == ".json":
        data = json.loads(path.read_text(encoding="utf-8"))
        way = rng.choice(places(data))
        here = data
        for key in way[:-1]:
            here = here[key]
        if rng.random() < 0.3:
            del here[way[-1]]
        else:
            here[way[-1]] = rng.choice([None, -1, 10**9, 1e300, "", "x", [], {}, [[]], True, 0.5])
        path.write_text(json.dumps(data), encoding="utf-8")
    elif path.suffix == ".vtkhdf":
        with h5py.File(path, "r+") as file:
            names: list[str] = []
            file.visit(names.append)
            name = rng.choice(names)
            if isinstance(file[name], h5py.Dataset) and rng.random() < 0.6:
                data = file[name][...]
                if data.size:
                    data.flat[rng.randrange(data.size)] = rng.choice([-1, 0, 10**6])
                attributes = dict(file[name].attrs)
                del file[name]
                file[name] = data[: rng.choice([len(data), max(len(data) - 1, 0), 0])]
                file[name].attrs.update(attributes)
            elif file[name].attrs and rng.random() < 0.5:
                key = rng.choice(list(file[name].attrs))
                file[name].attrs[key] = rng.choice([-1, 0, 7, "x"])
            else:
                del file[name]
    else:
        cut(rng, path)


DAMAGE = (cut, flip, foreign, changed, changed)


def trial(rng: random.Random, folder: Path) -> str:
    """Damage one or two files of a result and ask for it; what is wrong, or nothing."""
    out = folder / "out"
    shutil.copytree(whole(), out)
    (out / "mine.txt").write_text("mine")
    kinds = ["summary.json", "run.json", "case.toml", "isotropic.vtkhdf", "other.vtkhdf"]
    kinds += ["instantons.vtkhdf", "relaxations.vtkhdf", "summary.json", "isotropic.vtkhdf"]
    for name in {rng.choice(kinds) for _ in range(rng.choice([1, 1, 2]))}:
        rng.choice(DAMAGE)(rng, out / name)
    field = rng.choice(["V", "V_0", "drift", "density_eps0.1", "valid", rng.choice(odd.NAMES) or "x"])
    calls = [
        ["probe", str(out), field, "--noise", "isotropic", f"--at={rng.choice(['0', '-1', '5', '1e300'])}"],
        ["report", str(out)],
        ["paraview", str(out)],
    ]
    for call in calls:
        ended = program(call, seconds=60)
        if ended.problem:
            return f"{call[0]}: {ended.problem}"
    return "" if (out / "mine.txt").read_text() == "mine" else "a foreign file was lost"
