"""Where the region of a density ends, and how.

On the artificial edge of a region only a density that is known beforehand could say what flows in.  Any
level set of the quasi-potential is crossed outwards by the transport velocity b + A∇W; the ragged edge of a
set of cells is not, and where a rotating drift comes in through it, what should have come from outside is
missing: errors of order one that run along the level sets, and oscillate back into the well.  So the drift of
the gauge form is faded out below the edge,

    c → χ(W) c,      χ = 1 for W ≤ full,   0 for W ≥ top,

where every cell of the edge has W ≥ top.  As c is tangential to the level sets of W up to terms of order ε,
``∇·(χ c e^{−W/ε}) = χ ∇·(c e^{−W/ε}) + χ'(W) (∇W·c) e^{−W/ε}`` stays of the same small size; with c = 0 the
equation is reversible, whatever the shape of the edge, and has W for its exponent as before.  The density is
a result where W ≤ full.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI

from solver.elements.region import Region, cell_values, edge_level
from solver.elements.smooth_step import smooth_step

# the edge lies this many ε above the highest pass: what is left out carries e^{−K} of the current
CUT = 24.0
# the drift fades out over this part of the distance to the edge
FADE = 0.4
# the least distance from the highest pass to the walls, in ε, at which the region is kept clear of them
CLEAR = 16.0
# and, up to the walls, at least this many times what W changes by over a cell there: where a cell is many ε
# high, a fade within one cell spoils the density down to below the pass (log p by 2.5 at a barrier of 500 ε)
CELLS = 3.0


@dataclass(frozen=True)
class Fade:
    """Levels of W: the drift is whole up to ``full``, and gone from ``top`` on."""

    full: float
    top: float


def fading(domain: mesh.Mesh, gauge: fem.Function, fade: Fade | None) -> ufl.core.expr.Expr:
    """χ(W): a C² step from 1 at ``full`` to 0 at ``top``; 1 without a fade."""
    if fade is None:
        return fem.Constant(domain, 1.0)
    full, top = fem.Constant(domain, fade.full), fem.Constant(domain, fade.top)
    t = ufl.max_value(ufl.min_value((gauge - full) / (top - full), 1.0), 0.0)
    return 1.0 - smooth_step(t)


def fade_levels(region: Region, gauge: fem.Function, highest: float, epsilon: float) -> Fade:
    """Where the region is to end at a noise level.  Collective.

    Args:
        region: What is known; the walls of the mesh are its edge, as a rule.
        gauge: W.
        highest: W at the highest pass.
        epsilon: Noise level ε.
    """
    values = cell_values(gauge)
    low, high = values.min(axis=1), values.max(axis=1)
    steps = (high - low)[region.active & (low < highest) & (high > highest)]
    step = region.domain.comm.allreduce(float(np.max(steps, initial=0.0)), op=MPI.MAX)
    wall = edge_level(region, gauge)
    top = highest + max(CUT * epsilon, min(CELLS * step, wall - highest))
    if wall > highest + CLEAR * epsilon:
        top = min(top, wall)
    return Fade(top - FADE * (top - highest), top)
