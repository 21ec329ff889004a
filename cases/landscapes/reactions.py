"""Reactions as a landscape: drift ``b = Σ r_k ν_k``, noise ``A = Σ r_k ν_k ν_kᵀ``, and the law of jumps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sympy as sp

from cases.casefile.case import Case
from cases.casefile.reaction_table import ReactionTable
from cases.expressions.parse import symbols
from cases.landscapes.landscape import Landscape, checked_expression
from solver import symbolic
from solver.laws.jumps import JumpLaw


def drift_of(reactions: Sequence[ReactionTable], dim: int) -> list[str]:
    """The components of ``Σ r_k ν_k`` as expressions of a case."""
    parts = [
        [f"({one.change[i]:g})*({one.rate})" for one in reactions if one.change[i] != 0] for i in range(dim)
    ]
    return [" + ".join(part) or "0" for part in parts]


def check_rates(case: Case) -> list[sp.Expr]:
    """The rates of the reactions of a case.

    Raises:
        CaseError: for one that is no expression of its coordinates.
    """
    return [
        checked_expression(case, f"reaction.{k}.rate", one.rate, case.system.parameters)
        for k, one in enumerate(case.reactions)
    ]


def with_reactions(case: Case, landscape: Landscape) -> Landscape:
    """The landscape of the drift with the noise and the law of the reactions of the case.

    Raises:
        CaseError: for a rate that is no expression.
    """
    xs = symbols(case.coordinates)
    rates = check_rates(case)
    changes = np.array([one.change for one in case.reactions])
    values = symbolic.to_numpy(rates, xs)
    slopes = symbolic.to_numpy(symbolic.jacobian(rates, xs), xs)
    law = JumpLaw(changes, values, slopes)
    system = law.diffusion()
    return replace(
        landscape,
        covariance=system.diffusion,
        covariance_slope=system.diffusion_slope,
        divergence=system.divergence,
        law=law,
    )
