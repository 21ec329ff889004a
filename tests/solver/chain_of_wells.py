"""Three wells of different depths on the line: barriers, and rate constants by quadrature."""

import numpy as np

from solver.fokker_planck.markov_chain import markov_chain

POTENTIAL = np.polynomial.Polynomial([0.0, 0.12, 2.0, 0.0, -4.2, 0.0, 2.3])  # b = −U', V = 2 U
EDGES = (-1.3, 1.3)


def three_wells():
    """Wells and passes on the line, and the barriers between neighbours."""
    turns = sorted(r.real for r in POTENTIAL.deriv().roots() if abs(r.imag) < 1e-9)
    wells, passes = turns[::2], turns[1::2]
    costs = np.full((3, 3), np.inf)
    for n, top in enumerate(passes):
        costs[n, n + 1] = 2 * (POTENTIAL(top) - POTENTIAL(wells[n]))
        costs[n + 1, n] = 2 * (POTENTIAL(top) - POTENTIAL(wells[n + 1]))
    return wells, passes, costs


def rates_of(epsilon):
    """The chain with k_ij = (ε/2) / (∫ over well i of e^{−V/ε} · ∫ from i to j of e^{V/ε})."""
    wells, passes, _ = three_wells()
    log_rate = np.full((3, 3), -np.inf)
    edges = [EDGES[0], *passes, EDGES[1]]
    for n in range(2):
        x = np.linspace(wells[n], wells[n + 1], 20001)
        over = np.trapezoid(np.exp(2 * POTENTIAL(x) / epsilon), x)
        for i, j in ((n, n + 1), (n + 1, n)):
            x = np.linspace(edges[i], edges[i + 1], 20001)
            mass = np.trapezoid(np.exp(-2 * POTENTIAL(x) / epsilon), x)
            log_rate[i, j] = np.log(0.5 * epsilon / over / mass)
    return markov_chain(epsilon, log_rate)
