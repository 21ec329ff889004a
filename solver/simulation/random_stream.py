"""Independent random streams for numba: xoshiro256++ seeded by splitmix64 from (seed, path).

Every path owns its stream, so a result depends on the seed and the number of paths, never on how the
paths are spread over ranks.  (Blackman & Vigna 2021, *Scrambled linear pseudorandom number
generators*.)
"""

from __future__ import annotations

import math

import numpy as np
from numba import uint64

from solver.compiled import compiled, inlined
from solver.system import Array

State = np.ndarray
"""Four 64-bit words, ``(4,)`` uint64."""


@compiled
def seed_stream(state: State, seed: int, path: int) -> None:
    """Set ``state`` to the start of stream ``path`` of ``seed``."""
    z = uint64(seed) * uint64(0xD1342543DE82EF95) ^ uint64(path)
    for i in range(4):
        z = z + uint64(0x9E3779B97F4A7C15)
        y = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
        y = (y ^ (y >> uint64(27))) * uint64(0x94D049BB133111EB)
        state[i] = y ^ (y >> uint64(31))
        if i == 1:  # mix path and seed once more, so that neighbours share no word
            z = z ^ state[0]


@inlined
def next_word(state: State) -> np.uint64:
    """Return 64 random bits."""
    s = state[0] + state[3]
    result = ((s << uint64(23)) | (s >> uint64(41))) + state[0]
    t = state[1] << uint64(17)
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= t
    state[3] = (state[3] << uint64(45)) | (state[3] >> uint64(19))
    return result


@inlined
def uniform(state: State) -> float:
    """Return a number in [0, 1), a multiple of 2^-53."""
    return float(next_word(state) >> uint64(11)) * (1.0 / 9007199254740992.0)


@inlined
def normals(state: State, work: Array, row: int, count: int) -> None:
    """Write ``count`` independent standard normals into a row (Marsaglia's polar method, in pairs)."""
    n = 0
    while n < count:
        u, v = 2 * uniform(state) - 1, 2 * uniform(state) - 1
        s = u * u + v * v
        if s >= 1.0 or s == 0.0:
            continue
        factor = math.sqrt(-2 * math.log(s) / s)
        work[row, n] = u * factor
        if n + 1 < count:
            work[row, n + 1] = v * factor
        n += 2


@compiled
def below(state: State, n: int) -> int:
    """Return an integer in [0, n), uniform to n·2^-53."""
    return int(uniform(state) * n)
