"""Escape under noise in proportion to the potential, ``A(x) = 2 U(x) G`` with a constant G and U > 0.

In the time ``∫ U dt`` this is noise εG on the potential log U: barriers are those of the logarithm, and
``E τ`` is a power of the ratio of U at the saddle to U at the minimum.  With g = eᵀG e along the escape
direction e, and d coordinates,

    1/E τ ≈ (|h_s|/2π) √( det ∇²U(x̄)/|det ∇²U(x*)| ) (U(x*)/U(x̄))^{−(1/(εg) + 1 − d/2)},

h_s the negative eigenvalue of ∇²U at the saddle x* (Mori, Ziyin, Liu, Ueda, *Power-law escape rate of SGD*,
ICML 2022, arXiv 2105.09557; there G = ∇²U(x̄), and d counts the stiff directions).  In one dimension it reads
``(1/2π) √(h|h_s|) (U(x*)/U(x̄))^{−(1/2 + 1/(εh))}``, which is the law of Eyring and Kramers for this A: exact
as ε → 0.  In more, assumptions: the way out is straight along e, which G maps to itself, and the noise across
it is as strong as that along it (exact for G = g I).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.system import Array, System

# relative deviation of A from 2 U G up to which it counts as that
PROPORTIONAL = 1e-9


@dataclass(frozen=True)
class PowerLawEscape:
    """``E τ ≈ exp(log_prefactor) · ratio^{1/(ε strength)}``.

    Attributes:
        ratio: U at the saddle over U at the minimum.
        strength: g.
        log_prefactor: Logarithm of what does not depend on ε.
    """

    ratio: float
    strength: float
    log_prefactor: float

    def log_mfpt(self, epsilon: float) -> float:
        """Logarithm of the mean escape time over this saddle at noise level ε."""
        return float(self.log_prefactor + np.log(self.ratio) / (epsilon * self.strength))


def power_law_escape(
    system: System, attractor: Array, saddle: Array, direction: Array, path: Array
) -> PowerLawEscape | None:
    """The law of Mori et al. for escape over one saddle.  Not collective.

    Args:
        system: The system.
        attractor: x̄, ``(d,)``.
        saddle: x*, ``(d,)``.
        direction: The escape direction e: the unstable unit vector of the saddle, ``(d,)``.
        path: Points ``(n, d)`` at which A is looked at.

    Returns:
        None where the noise is not in proportion to the potential, or the drift no gradient.
    """
    if system.loss is None:
        return None
    points = np.concatenate([attractor[None], path, saddle[None]]).T
    loss, diffusion = system.loss(points), system.diffusion(points)
    if not (loss > 0.0).all() or np.ptp(loss) <= PROPORTIONAL * loss.max():
        return None
    tensors = diffusion / (2.0 * loss)
    shape = tensors[..., 0]
    if np.abs(tensors - shape[..., None]).max() > PROPORTIONAL * np.abs(shape).max():
        return None
    bottom, top = (-system.jacobian(x[:, None])[..., 0] for x in (attractor, saddle))
    down = float(-direction @ top @ direction)
    ratio = float(loss[-1] / loss[0])
    determinants = np.linalg.slogdet(top)[1] - np.linalg.slogdet(bottom)[1]
    prefactor = np.log(2 * np.pi / down) + 0.5 * determinants + (1.0 - 0.5 * system.dim) * np.log(ratio)
    return PowerLawEscape(ratio, float(direction @ shape @ direction), float(prefactor))
