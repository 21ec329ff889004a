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

import ufl
from dolfinx import fem, mesh

# the edge lies this many ε above the highest pass: what is left out carries e^{−K} of the current
CUT = 24.0
# the drift fades out over this part of the distance to the edge
FADE = 0.4
# the least distance from the highest pass to the walls, in ε, at which the region is kept clear of them
CLEAR = 16.0


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
    return 1.0 - t**3 * (10.0 - 15.0 * t + 6.0 * t**2)


def fade_levels(wall: float, highest: float, epsilon: float, cover: float = 0.0) -> Fade:
    """Where the region is to end at a noise level.

    Args:
        wall: Lowest W on the edge of what is known: on the walls of the mesh, as a rule.
        highest: W at the highest pass.
        epsilon: Noise level ε.
        cover: Distance above the highest pass up to which the density is wanted in any case.
    """
    top = highest + max(CUT * epsilon, cover / (1.0 - FADE))
    if wall > highest + max(CLEAR * epsilon, 1.2 * cover):
        top = min(top, wall)
    return Fade(top - min(FADE * (top - highest), top - highest - cover), top)
