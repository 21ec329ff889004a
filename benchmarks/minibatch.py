"""Minibatch SGD against its diffusion: how long each takes to leave a well of the iris data.

    docker/run python3 benchmarks/minibatch.py

The right well of the case radial-iris, (2.339, 0.114), until c < 0.9; batch size 1 and learning rate ε, so
that this is plain SGD.  Both are simulated; no equation is solved.
"""

from __future__ import annotations

import itertools

import numpy as np

from cases.loading.load import load
from cases.loading.validate import validate
from cases.noise.tensors import scaled
from solver.simulation.first_passage import mean_first_passage
from solver.simulation.minibatch import minibatch_first_passage
from solver.simulation.tabulate import tabulate
from solver.simulation.targets import HalfSpace

START = np.array([2.339, 0.114])
PATHS = {0.1: 600, 0.07: 300}
MOST_STEPS = 4_000_000_000


def main() -> None:
    case, _ = load("radial-iris")
    landscape = validate(case)
    noise = scaled(case, landscape, START)["measured"]
    tabulated = tabulate(noise.system, [(low, high) for low, high in case.domain.bounds])
    target = HalfSpace(np.array([-1.0, 0.0]), -0.9)
    logs = []
    print("ε = η  paths  log T, SDE   log T, SGD  ratio of times")
    for epsilon, paths in PATHS.items():
        sde = mean_first_passage(
            noise.system, tabulated, START, target, epsilon, paths, 1, max_steps=MOST_STEPS
        )
        samples = landscape.samples
        sgd = minibatch_first_passage(
            tabulated, samples.sample_gradient, samples.size, START, target, epsilon, 1, None, paths, 1,
            max_steps=MOST_STEPS,
        )  # fmt: skip
        logs.append((1 / epsilon, sde.log_mean, sgd.log_mean))
        texts = [f"{one.log_mean:.2f} ± {(one.ci[1] - one.ci[0]) / 2:.2f}" for one in (sde, sgd)]
        ratio = np.exp(sgd.log_mean - sde.log_mean)
        print(f"{epsilon:5g}  {paths:5d}  {texts[0]:>11}  {texts[1]:>12}  {ratio:14.0f}", flush=True)
    for (one, *first), (other, *second) in itertools.pairwise(logs):
        slopes = [(b - a) / (other - one) for a, b in zip(first, second, strict=True)]
        print(f"slope in 1/ε: SDE {slopes[0]:.3f}, SGD {slopes[1]:.3f}")


if __name__ == "__main__":
    main()
