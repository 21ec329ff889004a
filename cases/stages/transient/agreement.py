"""What must hold between ``[transient]`` and the other tables of a case."""

from __future__ import annotations

from cases.base.errors import suggestion
from cases.casefile.case import Case
from cases.casefile.schema import OF_THE_START
from cases.casefile.transient_table import GaussianTable, symmetric_positive


def check_transient(case: Case) -> None:
    """Complain about a table ``[transient]`` that does not fit the others.

    Raises:
        CaseError: naming the key.
    """
    table = case.transient
    if table is None:
        return
    if isinstance(table.start, GaussianTable):
        check_gaussian(case, "transient.start", table.start)
    for name, drift in table.drift.items():
        if name not in case.noise:
            raise case.error(
                f"transient.drift.{name}", f"unknown noise '{name}'", suggestion(name, case.noise, "noises")
            )
        if len(drift) != case.dim:
            raise case.error(
                f"transient.drift.{name}",
                f"{len(drift)} components for {case.dim} coordinates",
                "give one expression for each",
            )
    for name in case.noise:
        if f"{name}-transient" in case.noise:
            raise case.error(f"noise.{name}-transient", "the name of another file", "rename this noise")
    if table.alone:
        _check_alone(case)


def _check_alone(case: Case) -> None:
    """Without a starting attractor there is nothing that depends on one."""
    others = [
        ("compare.epsilon", bool(case.compare.epsilon)),
        ("compare.from", case.compare.from_ is not None),
        ("compare.to", case.compare.to is not None),
        ("exit", bool(case.exits)),
        ("simulate", case.simulate is not None),
    ]
    for key, given in others:
        if given:
            raise case.error(key, "transient.alone computes the evolution only", "leave one of them out")
    if case.compare.normalise != "none":
        raise case.error(
            "compare.normalise",
            "noises are made equally strong at an attractor, and transient.alone looks for none",
            'write normalise = "none"',
        )
    for name, noise in case.noise.items():
        if isinstance(noise.diffusion, str) and noise.diffusion in OF_THE_START:
            raise case.error(
                f"noise.{name}.diffusion",
                f"'{noise.diffusion}' belongs to an attractor, and transient.alone looks for none",
                "use another noise, or leave alone out",
            )


def check_gaussian(case: Case, key: str, start: GaussianTable) -> None:
    """Complain about a Gaussian of other dimensions, or without a density.

    Raises:
        CaseError: naming the key.
    """
    covariance = start.covariance
    if len(start.mean) != case.dim or any(len(row) != case.dim for row in covariance):
        raise case.error(key, f"its numbers are not those of {case.dim} coordinates", "give one for each")
    if not symmetric_positive(covariance):
        raise case.error(
            f"{key}.covariance", "it is no covariance", "make it symmetric and positive definite"
        )
