"""Which of PETSc's options a user may set for the linear solvers, and with which values.

PETSc takes hundreds.  Some write any file (``ksp_view = "ascii:…"``), some run code (``pc_type = "python"``),
and one that is misspelt, or belongs to another solver than the one that is chosen, is passed over in silence.
So these are the options that change how a system is solved, each with the solvers that heed it.  Knows
PETSc's names only and does not load it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

Value = str | int | float | bool

KRYLOV = (
    "preonly", "gmres", "fgmres", "lgmres", "bcgs", "bcgsl", "fbcgs", "ibcgs", "cgs", "tfqmr", "gcr",
    "richardson", "chebyshev", "cg", "cr", "minres", "bicg",
)  # fmt: skip
FACTORS = ("lu", "ilu", "cholesky", "icc")
BLOCKS = ("asm", "gasm", "bjacobi")
PRECONDITIONERS = (*FACTORS, *BLOCKS, "jacobi", "pbjacobi", "sor", "eisenstat", "gamg", "hypre", "none")
PACKAGES = ("mumps", "petsc", "superlu_dist")
GMRES = ("gmres", "fgmres", "lgmres")
# MUMPS' controls of ordering, scaling, pivoting, memory and compression; not those of its printing and files
MUMPS_WHOLE = (6, 7, 8, 10, 12, 13, 14, 23, 24, 27, 28, 29, 33, 35, 36, 38)
MUMPS_REAL = (1, 2, 3, 4, 5, 7)
# What is chosen where nothing is said: see solver.elements.linear.
DEFAULTS: Mapping[str, Value] = {
    "ksp_type": "preonly", "pc_type": "lu", "pc_factor_mat_solver_type": "mumps",
    "pc_hypre_type": "boomeramg",
}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """What an option takes, and who heeds it.

    Attributes:
        values: "positive", "number", "count" (from 0 on), "whole", "flag", or the words that it takes.
        of: The option whose value decides whether this one is heeded; empty if it always is.
        when: The values of it with which this one is.
    """

    values: str | tuple[str, ...]
    of: str = ""
    when: tuple[str, ...] = ()


_RULES: Mapping[str, Rule] = {
    "ksp_type": Rule(KRYLOV),
    "pc_type": Rule(PRECONDITIONERS),
    # tolerances are let through beside a direct solver as well: they say what is wanted, and do no harm
    "ksp_rtol": Rule("positive"),
    "ksp_atol": Rule("number"),
    "ksp_divtol": Rule("positive"),
    "ksp_max_it": Rule("count"),
    "ksp_pc_side": Rule(("left", "right"), "ksp_type", KRYLOV[1:]),
    "ksp_gmres_restart": Rule("count", "ksp_type", GMRES),
    "ksp_lgmres_augment": Rule("count", "ksp_type", ("lgmres",)),
    "ksp_bcgsl_ell": Rule("count", "ksp_type", ("bcgsl",)),
    "ksp_gcr_restart": Rule("count", "ksp_type", ("gcr",)),
    "ksp_richardson_scale": Rule("positive", "ksp_type", ("richardson",)),
    "ksp_richardson_self_scale": Rule("flag", "ksp_type", ("richardson",)),
    "pc_factor_mat_solver_type": Rule(PACKAGES, "pc_type", ("lu", "cholesky")),
    "pc_jacobi_type": Rule(("diagonal", "rowmax", "rowsum"), "pc_type", ("jacobi",)),
    "pc_jacobi_abs": Rule("flag", "pc_type", ("jacobi",)),
    "pc_sor_omega": Rule("positive", "pc_type", ("sor",)),
    "pc_sor_its": Rule("count", "pc_type", ("sor",)),
    "pc_sor_lits": Rule("count", "pc_type", ("sor",)),
    "pc_eisenstat_omega": Rule("positive", "pc_type", ("eisenstat",)),
    "pc_asm_overlap": Rule("count", "pc_type", ("asm",)),
    "pc_asm_type": Rule(("basic", "restrict", "interpolate", "none"), "pc_type", ("asm",)),
    "pc_asm_blocks": Rule("count", "pc_type", ("asm",)),
    "pc_gasm_overlap": Rule("count", "pc_type", ("gasm",)),
    "pc_bjacobi_blocks": Rule("count", "pc_type", ("bjacobi",)),
    "sub_ksp_type": Rule(KRYLOV, "pc_type", BLOCKS),
    "sub_pc_type": Rule(("lu", "ilu", "icc", "cholesky", "jacobi", "sor", "none"), "pc_type", BLOCKS),
    "sub_ksp_rtol": Rule("positive", "sub_ksp_type", KRYLOV[1:]),
    "sub_ksp_max_it": Rule("count", "sub_ksp_type", KRYLOV[1:]),
    "sub_pc_factor_levels": Rule("count", "sub_pc_type", ("ilu", "icc")),
    "sub_pc_factor_fill": Rule("positive", "sub_pc_type", FACTORS),
    "pc_gamg_agg_nsmooths": Rule("count", "pc_type", ("gamg",)),
    "pc_gamg_threshold": Rule("number", "pc_type", ("gamg",)),
    "pc_gamg_coarse_eq_limit": Rule("count", "pc_type", ("gamg",)),
    "mg_levels_ksp_type": Rule(("richardson", "chebyshev", "gmres"), "pc_type", ("gamg",)),
    "mg_levels_ksp_max_it": Rule("count", "pc_type", ("gamg",)),
    "mg_levels_pc_type": Rule(("jacobi", "sor", "pbjacobi", "bjacobi", "asm", "none"), "pc_type", ("gamg",)),
    "pc_hypre_type": Rule(("boomeramg", "euclid", "pilut", "parasails"), "pc_type", ("hypre",)),
    "pc_hypre_boomeramg_strong_threshold": Rule("number", "pc_hypre_type", ("boomeramg",)),
    "pc_hypre_boomeramg_max_iter": Rule("count", "pc_hypre_type", ("boomeramg",)),
    "pc_hypre_boomeramg_max_levels": Rule("count", "pc_hypre_type", ("boomeramg",)),
    "pc_hypre_boomeramg_agg_nl": Rule("count", "pc_hypre_type", ("boomeramg",)),
}


def _rules() -> dict[str, Rule]:
    ways = ("nonzero", "positive_definite", "inblocks", "none")
    orders = ("natural", "nd", "1wd", "rcm", "qmd")
    rules = dict(_RULES) | {
        "pc_factor_levels": Rule("count", "pc_type", ("ilu", "icc")),
        "pc_factor_fill": Rule("positive", "pc_type", FACTORS),
        "pc_factor_shift_type": Rule(ways, "pc_type", FACTORS),
        "pc_factor_shift_amount": Rule("number", "pc_type", FACTORS),
        "pc_factor_zeropivot": Rule("number", "pc_type", FACTORS),
        "pc_factor_mat_ordering_type": Rule(orders, "pc_type", FACTORS),
    }
    mumps = ("pc_factor_mat_solver_type", ("mumps",))
    rules |= {f"mat_mumps_icntl_{n}": Rule("whole", *mumps) for n in MUMPS_WHOLE}
    return rules | {f"mat_mumps_cntl_{n}": Rule("number", *mumps) for n in MUMPS_REAL}


RULES: Mapping[str, Rule] = _rules()


def refusal(options: Mapping[str, Value]) -> tuple[str, str, str] | None:
    """The first option that cannot be set, as its name, the problem and the remedy; None if all can."""
    for name, value in options.items():
        if (rule := RULES.get(name)) is None:
            near = difflib.get_close_matches(name, RULES, n=1, cutoff=0.75)
            fix = (
                f"did you mean '{near[0]}'?"
                if near
                else "leave it out, or set ksp_type, pc_type and the like"
            )
            return name, "this option of PETSc is unknown, or does more than solve", fix
        if not _fits(value, rule.values):
            return name, f"{value!r} is not one of its values", f"write {_wanted(rule.values)}"
        if not _heeded(rule, options):
            return name, f"it is not used with {_chosen(rule.of, options)}", _remedy(rule)
    return None


def _heeded(rule: Rule, options: Mapping[str, Value]) -> bool:
    if not rule.of:
        return True
    above = RULES[rule.of]
    return _choice(rule.of, options) in rule.when and _heeded(above, options)


def _choice(name: str, options: Mapping[str, Value]) -> Value | None:
    return options.get(name, DEFAULTS.get(name))


def _chosen(name: str, options: Mapping[str, Value]) -> str:
    """The choice that keeps an option from being heeded, in words."""
    above = RULES[name]
    if above.of and not _heeded(above, options):
        return _chosen(above.of, options)
    choice = _choice(name, options)
    return f"no {name}" if choice is None else f'{name} = "{choice}"'


def _remedy(rule: Rule) -> str:
    return f'leave it out, or choose {rule.of} = "{rule.when[0]}"'


def _fits(value: Value, values: str | tuple[str, ...]) -> bool:
    if isinstance(values, tuple):
        return value in values
    if values == "flag":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if values in ("count", "whole"):
        return isinstance(value, int) and abs(value) < 2**31 and (values == "whole" or value >= 0)
    return values == "number" or value > 0


def _wanted(values: str | tuple[str, ...]) -> str:
    if isinstance(values, tuple):
        return f"one of {', '.join(values)}"
    return {
        "flag": "true or false",
        "count": "a whole number from 0 on",
        "whole": "a whole number",
        "number": "a number",
        "positive": "a positive number",
    }[values]
