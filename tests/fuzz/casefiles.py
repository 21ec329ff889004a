"""Case files: the built-in ones with odd changes, as tables and as text."""

from __future__ import annotations

import copy
import json
import random
import tomllib
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

from cases.loading.catalogue import BUILTIN
from tests.fuzz import odd
from tests.fuzz.trial import program

FULL = """
title = "all tables"
[system]
coordinates = ["x", "y"]
parameters = { kappa = 2.0 }
loss = "(x**2-1)**2/4 + kappa*y**2/2"
attractors = [[-1.0, 0.0], [1.0, 0.0]]
[domain]
bounds = [[-2.0, 2.0], [-1.5, 1.5]]
[mesh]
resolution = 16
refine = [[0.0, 0.0]]
valleys = 2.0
[noise.isotropic]
diffusion = "identity"
[noise.other]
diffusion = [["1", "0.2*x"], ["0.2*x", 0.8]]
floor = 0.01
[compare]
epsilon = [0.2, 0.1]
from = [-1.0, 0.0]
to = 1
baseline = "isotropic"
[[exit]]
name = "ball"
ball = { centre = [-1.0, 0.0], radius = 0.5 }
[[exit]]
name = "strip"
inside = "x + 0.1"
reflect = true
[[marginal]]
name = "r"
of = "sqrt(x**2 + y**2)"
range = [0.0, 2.0]
exact = { isotropic = "r*exp(-r**2/epsilon)" }
[transient]
epsilon = 0.2
times = [0.0, 0.5]
start = { mean = [1.5, 0.0], covariance = [[0.04, 0.0], [0.0, 0.04]] }
observe = { r2 = "x**2 + y**2" }
[transient.drift]
other = ["-0.25*epsilon*x", 0.0]
[trajectories]
start = [1.0, 0.2]
learning_rate = 0.01
steps = 100
observe = { xx = "x**2" }
[section]
curve = ["t", "0"]
from = -1.0
to = 1.0
marks = ["0.5"]
[simulate]
paths = 100
seed = 1
epsilon = [0.2]
rare = true
[solver.petsc]
ksp_rtol = 1e-8
[sweep]
vary = { "system.parameters.kappa" = [1.0, 2.0], "noise.other.floor" = { from = 0.01, to = 0.1, count = 2 } }
values = { b = "noises.isotropic.barriers.0.barrier" }
columns = { c = "2*b*kappa" }
exact = { c = "kappa" }
abscissa = "kappa**2"
show = ["noises.isotropic.checks.window"]
[reference.barrier]
quantity = "barrier"
noise = "isotropic"
from = [-1.0, 0.0]
to = [1.0, 0.0]
value = 0.5
parameters = { kappa = 2.0 }
"""
LINE = """
[system]
coordinates = ["x"]
parameters = { kappa = 0.5 }
drift = ["x - x**3 + kappa"]
[domain]
bounds = [[-2.0, 2.0]]
[noise.one]
diffusion = "1 + x**2/4"
[compare]
epsilon = [0.1]
"""
LETTERS = "abcxyz01.-+*/()[]{}\"'=#,\n \t\\\x00é"


@cache
def originals() -> list[dict[str, Any]]:
    """Good cases to start from; those that load data sets are few, because they are slow to check."""
    full = tomllib.loads(FULL)
    few = {key: copy.deepcopy(full[key]) for key in ("system", "domain", "mesh", "noise", "compare")}
    line = tomllib.loads(LINE)
    found = [full] * 6 + [few] * 12 + [line] * 6
    for path in sorted(BUILTIN.glob("*.toml")):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        if data.get("system", {}).get("model", "") in ("", "projected_orbits", "factorization"):
            found.append(data)
    return found


def written(value: Any) -> str:
    """A value as TOML, whatever it is."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str():
            return json.dumps(value).replace("\x7f", "\\u007f")
        case list():
            return "[" + ", ".join(written(entry) for entry in value) + "]"
        case dict():
            return "{" + ", ".join(f"{json.dumps(k)} = {written(v)}" for k, v in value.items()) + "}"
        case datetime() | date() | time():
            return value.isoformat()
    raise TypeError(type(value))


def places(data: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in a tree."""
    below = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    found = [above] if above else []
    for key, value in below:
        found += places(value, (*above, key))
    return found


def changed(rng: random.Random, data: dict[str, Any]) -> None:
    """One odd change somewhere in the tree."""
    path = rng.choice(places(data))
    target: Any = data
    for key in path[:-1]:
        target = target[key]
    last, kind = path[-1], rng.random()
    if kind < 0.4:
        target[last] = odd.alike(rng, target[last])
    elif kind < 0.55:
        target[last] = odd.value(rng)
    elif kind < 0.7:
        del target[last]
    elif kind < 0.85 and isinstance(target, dict):
        target[rng.choice(odd.NAMES)] = odd.value(rng) if rng.random() < 0.5 else target[last]
    elif kind < 0.9 and isinstance(target, list):
        target.insert(rng.randrange(len(target) + 1), copy.deepcopy(target[last]))
    elif isinstance(target[last], str):
        target[last] = garbled(rng, target[last])
    else:
        target[last] = [copy.deepcopy(target[last])] * rng.choice([0, 1, 2, 7])


def garbled(rng: random.Random, text: str) -> str:
    """A text with some letters changed, left out or put in."""
    for _ in range(rng.randint(1, 4)):
        k = rng.randrange(len(text) + 1)
        text = text[:k] + rng.choice(["", rng.choice(LETTERS), text[:20]]) + text[k + rng.randint(0, 3) :]
    return text


def case_text(rng: random.Random) -> bytes:
    """A case file, most often one that TOML can read."""
    data = copy.deepcopy(rng.choice(originals()))
    if rng.random() < 0.5:
        for _ in range(
            rng.choice([1, 1, 2, 3])
        ):  # gentle: of the right type, so that more of it is looked at
            key = rng.choice(list(data))
            data[key] = odd.alike(rng, data[key])
        return "".join(f"{key} = {written(value)}\n" for key, value in data.items()).encode(
            "utf-8", "surrogatepass"
        )
    for _ in range(rng.choice([1, 1, 1, 2, 3, 5])):
        if data:
            changed(rng, data)
    lines = []
    for key, value in data.items():
        lines.append(
            f"{json.dumps(key) if not key.isalpha() or not key.isascii() else key} = {written(value)}\n"
        )
    text = "".join(lines)
    kind = rng.random()
    if kind < 0.1:
        text = garbled(rng, text)
    elif kind < 0.12:
        text = "a = " + "[" * 3000 + "1" + "]" * 3000 + "\n" + text
    elif kind < 0.14:
        text = "a." * 3000 + "b = 1\n" + text
    elif kind < 0.16:
        text = f"a = {'9' * 5000}\n" + text
    raw = text.encode("utf-8", errors="surrogatepass")
    return raw[: rng.randrange(len(raw) + 1)] if kind > 0.97 else raw


def trial(rng: random.Random, folder: Path) -> str:
    """Check one case file; what is wrong, or nothing."""
    path = folder / "case.toml"
    path.write_bytes(case_text(rng))
    more = [f"--set={rng.choice(['mesh.resolution', 'a.b', '', '=', 'system'])}={rng.choice(odd.TEXTS)}"]
    more = more if rng.random() < 0.05 else []
    # 3: the noise vanishes where there must be some, or nothing holds the density
    first = program(["check", str(path), *more], codes=(0, 2, 3))
    if first.problem or first.code != 0:
        return first.problem
    path.write_text(first.out, encoding="utf-8")
    again = program(["check", str(path)])
    if again.problem:
        return f"the effective case: {again.problem}"
    return "" if again.out == first.out else f"another effective case: {first.out}\n…\n{again.out}"
