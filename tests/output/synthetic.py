"""A finished run made up from closed forms: what the report is developed and tested against.

A tilted double well in x, a parabola in the other coordinates, all of it rotated; constant noise that is
diagonal in the rotated frame.  V, the barriers and the mean first passage times are exact.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from dolfinx import fem, mesh
from mpi4py import MPI

from solver.output.polylines import Polyline, write_polylines
from solver.output.vtkhdf import write_vtkhdf

TILT, STIFFNESS, ANGLE = 0.06, 1.5, 0.5
NOISES = {"isotropic": 1.0, "along": 1.45, "across": 0.7}  # A_xx; the trace is that of the identity
EPSILONS = (0.15, 0.1, 0.07)


def well(x):
    return (x**2 - 1) ** 2 / 4 + TILT * x


CRITICAL = np.sort(np.roots([1, 0, -1, TILT]).real)  # left minimum, saddle, right minimum


def rotation(dim):
    turn = np.eye(dim)
    if dim > 1:
        turn[:2, :2] = [[np.cos(ANGLE), np.sin(ANGLE)], [-np.sin(ANGLE), np.cos(ANGLE)]]
    return turn


def place(x, dim):
    """The point of the rotated problem where the well coordinate is x and the others vanish."""
    return (rotation(dim).T @ np.array([x, 0.0, 0.0])[:dim]).tolist()


def log_mfpt(epsilon, start, stop):
    """Exact mean first passage time between the minima: the one-dimensional double integral."""
    sign = np.sign(stop - start)
    x = np.linspace(min(-2.6 * sign, stop * 1.0), max(-2.6 * sign, stop), 20001)
    if sign < 0:
        x = x[::-1]
    u = 2 * well(x) / epsilon
    steps = np.abs(np.diff(x))
    inner = np.concatenate([[0], np.cumsum((np.exp(-u[1:]) + np.exp(-u[:-1])) / 2 * steps)])
    outer = np.exp(u) * inner
    passed = (x - start) * sign >= 0
    return float(np.log(2 / epsilon * np.trapezoid(outer[passed], np.abs(x[passed] - x[0]))))


def kramers(epsilon, start):
    def curvature(x):
        return 3 * x**2 - 1

    saddle = CRITICAL[1]
    prefactor = 2 * np.pi / np.sqrt(abs(curvature(saddle)) * curvature(start))
    return float(np.log(prefactor) + 2 * (well(saddle) - well(start)) / epsilon)


def diagonal(axx, dim):
    rest = (dim - axx) / (dim - 1) if dim > 1 else 1.0
    return np.array([axx, rest, rest][:dim])


def make_run(folder: Path, dim: int = 2, comm: MPI.Intracomm = MPI.COMM_SELF) -> Path:
    """Write all the files of a run, except the report (collective over ``comm``)."""
    folder.mkdir(parents=True, exist_ok=True)
    domain = make_domain(dim, comm)
    turn = rotation(dim)
    lines, noises, comparison = [], {}, []
    for name, axx in NOISES.items():
        a = diagonal(axx, dim)
        tensor = turn.T @ np.diag(a) @ turn
        write_noise(folder / f"{name}.vtkhdf", domain, a, tensor, dim)
        noises[name] = describe(axx, a, tensor, dim)
        for i, j in ((0, 1), (1, 0)):
            s = np.linspace(CRITICAL[2 * i], CRITICAL[1], 60)
            points = np.array([place(x, dim) for x in s])
            action = 2 * (well(s) - well(s[0])) / axx
            lines.append(Polyline(points, {"action": action}, {"from": i, "to": j, "saddle": 0}, name))
        for rate, base in zip(noises[name]["rates"], noises["isotropic"]["rates"], strict=True):
            if name != "isotropic":
                entry = {key: rate[key] for key in ("from", "to", "epsilon")}
                ratio = rate["log_rate"] - base["log_rate"]
                comparison.append(
                    entry
                    | {
                        "noise": name,
                        "baseline": "isotropic",
                        "barrier_ratio": 1 / axx,
                        "log_rate_ratio": ratio,
                    }
                )
    write_polylines(folder / "instantons.vtkhdf", lines)
    summary: dict[str, Any] = {
        "case": "Rotated double well",
        "convention": "dX = b dt + sqrt(eps) sigma dW; V: b.gradV + gradV.A.gradV/2 = 0",
        "attractors": [{"index": i, "kind": "point", "point": place(CRITICAL[2 * i], dim)} for i in range(2)],
        "saddles": [{"index": 0, "point": place(CRITICAL[1], dim), "between": [0, 1]}],
        "noises": noises,
        "comparison": comparison,
        "discretisation": {"cells": 2048, "degree": 3, "unknowns": 9409},
        "check_thresholds": {"hj_residual": 1e-4, "gauge_refresh": 1e-3, "simulation_gap": 0.05},
        "files": [f"{name}.vtkhdf" for name in NOISES],
        "timings": {"quasi-potential": 3.2, "stationary density": 5.1, "rates": 2.0, "simulation": 11.3},
        "ok": False,
        "problems": ["across: simulation_gap 0.061 is above 0.05"],
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=1))
    record = {
        "date": "2026-01-01T12:00:00+00:00",
        "command": ["quasipot", "run", "rotated"],
        "ranks": 2,
        "versions": {"quasipot": "0.1.0", "dolfinx": "0.9.0", "petsc": "3.22.0", "python": "3.13"},
        "git_commit": "0123456789abcdef",
        "timings": summary["timings"],
    }
    (folder / "run.json").write_text(json.dumps(record))
    names = ["x", "y", "z"][:dim]
    (folder / "case.toml").write_text(
        f'title = "Rotated double well"\n[system]\ncoordinates = {json.dumps(names)}\n'
        'loss = "<rotated & tilted>"\n[compare]\nnormalise = "trace"\nfrom = 0\nto = 1\n'
    )
    return folder


def make_domain(dim, comm):
    if dim == 1:
        return mesh.create_interval(comm, 60, [-1.8, 1.8])
    if dim == 2:
        return mesh.create_rectangle(comm, [[-1.9, -1.7], [1.9, 1.7]], [32, 28])
    return mesh.create_box(comm, [[-1.8, -1.5, -1.2], [1.8, 1.5, 1.2]], [12, 10, 8])


def write_noise(path, domain, a, tensor, dim):
    turn, barrier = rotation(dim), 2 * (well(CRITICAL[1]) - well(CRITICAL[0])) / a[0]
    space = fem.functionspace(domain, ("Lagrange", 3))

    def local(x, start):
        y = turn @ x[:dim]
        rest = sum(STIFFNESS * y[i] ** 2 / a[i] for i in range(1, dim))
        return 2 * (well(y[0]) - well(start)) / a[0] + rest

    def function(expression):
        u = fem.Function(space)
        u.interpolate(expression)
        return u

    fields: dict[str, Any] = {"V": function(lambda x: local(x, CRITICAL[0]))}
    fields["V"].x.array[fields["V"].x.array > 2.2 * barrier] = np.nan
    for i in range(2):
        side = -1 if i == 0 else 1

        def one(x, start=CRITICAL[2 * i], side=side):
            y = turn @ x[:dim]
            return np.where(side * (y[0] - CRITICAL[1]) >= -1e-9, local(x, start), np.nan)

        fields[f"V_{i}"] = function(one)
    fields["drift"] = lambda x: np.zeros_like(x)
    fields["diffusion"] = lambda x: np.repeat(tensor[:, :, None], x.shape[1], axis=2)
    for epsilon in EPSILONS:
        s = np.linspace(-2.6, 2.6, 4001)
        width = 5.2 / 4000
        log_z = np.log(np.sum(np.exp(-2 * (well(s) - well(CRITICAL[0])) / a[0] / epsilon)) * width)
        log_z += sum(0.5 * np.log(np.pi * epsilon * a[i] / STIFFNESS) for i in range(1, dim))

        def log_density(x, epsilon=epsilon, log_z=log_z):
            return -local(x, CRITICAL[0]) / epsilon - log_z

        fields[f"log_density_eps{epsilon:g}"] = function(log_density)
        fields[f"density_eps{epsilon:g}"] = function(lambda x, f=log_density: np.exp(f(x)))
        slope = np.where((s > CRITICAL[0]) & (s < CRITICAL[2]), np.exp(2 * well(s) / a[0] / epsilon), 0.0)
        rising = np.cumsum(slope) / np.sum(slope)

        def committor(x, s=s, rising=rising):
            return np.interp((turn @ x[:dim])[0], s, rising)

        def current(x, epsilon=epsilon):
            y = turn @ x[:dim]
            spread = [np.sqrt(STIFFNESS / np.pi / epsilon / a[i]) for i in range(1, dim)]
            across = np.exp(-sum(STIFFNESS * y[i] ** 2 / a[i] / epsilon for i in range(1, dim)))
            return turn[0][:, None] * across * np.prod(spread) * np.where(np.abs(y[0]) < 0.8, 1.0, np.nan)

        fields[f"committor_eps{epsilon:g}_1"] = function(committor)
        fields[f"reactive_current_eps{epsilon:g}_0_1"] = current
    write_vtkhdf(path, domain, fields, 3)


def describe(axx, a, tensor, dim):
    rng = np.random.default_rng(int(100 * axx))
    noise = {"trace": float(a.sum()), "eigenvalues": sorted(a.tolist()), "matrix": tensor.tolist()}
    result: dict[str, Any] = {
        "scale": 1.0,
        "anisotropy": {"attractors": [noise, noise], "saddles": [noise]},
        "barriers": [],
        "stationary": [{"epsilon": e, "mass": [0.6, 0.4], "log_normaliser": 0.0} for e in EPSILONS],
        "rates": [],
        "checks": {"hj_residual": 3.1e-6, "gauge_refresh": 2.2e-5, "simulation_gap": None},
    }
    for i, j in ((0, 1), (1, 0)):
        start, stop = CRITICAL[2 * i], CRITICAL[2 * j]
        height = float(2 * (well(CRITICAL[1]) - well(start)) / axx)
        result["barriers"].append(
            {
                "from": i,
                "to": j,
                "saddle": 0,
                "barrier": height,
                "lower": height - 2e-5,
                "upper": height + 3e-6,
            }
        )
        for n, epsilon in enumerate(EPSILONS):
            exact = log_mfpt(epsilon * axx, start, stop)
            simulated = exact + 0.02 * rng.standard_normal() if n == 0 and i == 0 else None
            result["rates"].append(
                {"from": i, "to": j, "epsilon": epsilon, "log_rate": -exact, "log_mfpt": exact}
                | {
                    "log_mfpt_direct": exact,
                    "log_mfpt_kramers": kramers(epsilon * axx, start),
                }
                | {"log_mfpt_simulated": simulated}
                | {"simulated_ci": simulated and [simulated - 0.05, simulated + 0.05]}
                | {"eigenvalue": None}
            )
            if simulated is not None:
                part = np.linspace(0.995, 0.0, 100)
                times = -np.exp(simulated) * np.log(np.maximum(part, 1e-3))
                result["rates"][-1]["survival"] = {"times": times.tolist(), "probability": part.tolist()}
    if axx < 1:
        result["checks"]["simulation_gap"] = 0.061
    return result
