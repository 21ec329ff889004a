"""A sweep over a double well, and a stand-in for the pipeline that runs its members."""

import json
import sys
import types

import h5py
import pytest

from cases import cli
from cases.contracts.summary import adapter

CASE = """
title = "Turned"
[system]
coordinates = ["x"]
parameters = { a = 1.0, b = 2.0 }
loss = "(x**2-1)**2/4"
[domain]
bounds = [[-2.0, 2.0]]
[mesh]
resolution = 16
[noise.isotropic]
diffusion = "identity"
[noise.strong]
diffusion = "a"
[compare]
normalise = "none"
epsilon = [0.2, 0.1]
"""
SWEEP = '[sweep]\nvary = { "system.parameters.a" = [1.0, 2.0, 4.0] }\n'


NOTHING = {
    "start": 0, "attractors": [], "saddles": [], "other_fixed_points": [], "comparison": [],
    "exit_comparison": [], "disagreements": [], "references": [], "check_thresholds": {}, "timings": {},
    "discretisation": {"cells": None, "degree": 3, "unknowns": None},
    "files": ["case.toml", "report.html", "strong.vtkhdf", "summary.json"],
}  # fmt: skip
REQUIRED = {name: entry.get("required", []) for name, entry in adapter().json_schema()["$defs"].items()}
OF_RATE = dict.fromkeys(REQUIRED["RateEntry"])
OF_LEVEL = dict.fromkeys(REQUIRED["StationaryEntry"]) | {"covariance": [], "eigenvalues": []}
OF_BARRIER = dict.fromkeys(REQUIRED["BarrierEntry"])


def summary(case, ok=True):
    """What a run would find: barrier 1/(2a)."""
    noises = {}
    for name in case.noise:
        a = case.system.parameters["a"] if name == "strong" else 1.0
        rates = [
            OF_RATE | {"from": 0, "to": 1, "epsilon": e, "log_rate": -0.5 / a / e, "log_mfpt": 0.5 / a / e}
            for e in case.compare.epsilon
        ]
        numbers = {"barrier": 0.5 / a, "lower": 0.4 / a, "upper": 0.5 / a}
        noises[name] = {
            "kind": "identity", "scale": 1.0, "anisotropy": {"attractors": [], "saddles": []}, "checks": {},
            "barriers": [OF_BARRIER | {"from": 0, "to": 1, "saddle": 0} | numbers], "rates": rates,
            "stationary": [OF_LEVEL | {"epsilon": 0.1, "mean": [a / 10]}],
        }  # fmt: skip
    words = {"case": case.name, "title": case.title, "convention": "dX = b dt + sqrt(eps) sigma dW"}
    return NOTHING | words | {"noises": noises, "ok": ok, "problems": [] if ok else ["a check failed"]}


@pytest.fixture
def solver(monkeypatch):
    """A stand-in for the pipeline that can be told to fail; returns what it was asked to run."""
    asked, resumed = [], []

    def run(case, effective, folder, progress, comm, resume):
        asked.append((case.system.parameters["a"], comm.size))
        resumed.append(resume)
        fault = faults.get(case.system.parameters["a"])
        if isinstance(fault, Exception):
            raise fault
        if comm.rank == 0:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "summary.json").write_text(json.dumps(summary(case, fault is None)))
            (folder / "case.toml").write_text(effective)
            with h5py.File(folder / "strong.vtkhdf", "w") as file:
                file["V"] = [0.0] * 100
        comm.Barrier()
        return 0 if fault is None else 3

    faults = {}
    module = types.ModuleType("cases.run.pipeline")
    module.run = run
    monkeypatch.setitem(sys.modules, "cases.run.pipeline", module)
    return types.SimpleNamespace(asked=asked, resumed=resumed, faults=faults)


def write(folder, text=CASE + SWEEP):
    (folder / "case.toml").write_text(text)
    return str(folder / "case.toml")


def run(folder, *more, text=CASE + SWEEP):
    return cli.main(["run", write(folder, text), "-o", str(folder / "out"), *more])
