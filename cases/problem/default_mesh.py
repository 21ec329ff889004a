"""How fine the mesh is if a case does not say: as fine as a run that ends in minutes allows.

The time is that of exact factors: of order n^(3/2) in the plane and n² in space, with n unknowns; a run makes
some tens of them.  In the plane 64 cells along the longest side do, and more along that of a long box, so
that the shorter one has 16; from where that would be too many on, cells are as long as the box.  On the line
a factorisation of thousands of unknowns takes milliseconds: 512 cells, so that layers of the width √(ε A) are
resolved where noise that grows with the coordinate is weak, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

LINE, PLANE, LONG = 512, 64, 256
SHORT = 16
# as in meshes.box, which needs more than reading a case does
LEAST, SLENDER = 8, 16.0
# unknowns in space: some tens of factorisations of 10 s each
SPACE = 40_000
COARSEST = 6


def default_resolution(bounds: Sequence[Sequence[float]], degree: int) -> int:
    """Cells along the longest side of a box."""
    lengths = [upper - lower for lower, upper in bounds]
    longest, shortest = max(lengths), min(lengths)
    if len(lengths) == 1:
        return LINE
    if len(lengths) == 2:
        return max(PLANE, min(round(SHORT * longest / shortest), LONG))
    finest = PLANE
    while finest > COARSEST and nodes(bounds, finest, degree) > SPACE:
        finest -= 1
    return finest


def nodes(bounds: Sequence[Sequence[float]], resolution: int, degree: int) -> int:
    """Unknowns of one continuous finite-element field on a box."""
    lengths = [upper - lower for lower, upper in bounds]
    longest = max(lengths)
    leasts = [min(resolution, LEAST) if SLENDER * length < longest else 1 for length in lengths]
    return math.prod(
        degree * max(least, math.ceil(resolution * length / longest - 1e-9)) + 1
        for least, length in zip(leasts, lengths, strict=True)
    )
