"""What must hold between the tables of a case, and defaults that depend on other tables."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
from pydantic import ValidationError

from cases.base.errors import suggestion
from cases.casefile.case import Case
from cases.casefile.schema import LAYOUT, DomainTable, SystemTable
from cases.casefile.transient_table import GaussianTable
from cases.landscapes.grid_file import BadTable, read
from cases.landscapes.models.catalogue import MODELS
from cases.landscapes.models.registry import options_of
from cases.landscapes.phase_space import name_of_momentum, position
from cases.landscapes.reactions import drift_of
from cases.problem.default_mesh import default_resolution
from cases.problem.landscape import build
from cases.results import references
from cases.stages.catalogue import STAGES
from cases.stages.transient.agreement import check_gaussian


def complete(case: Case) -> Case:
    """Fill in what a named model brings along, then check the tables against each other.

    Raises:
        CaseError: when two tables contradict each other.
    """
    if case.mean_field is not None:
        return _complete_mean_field(case)
    if case.reactions:
        case = _with_reactions(case)
    _check_sources(case)
    given = case
    if case.system.damping is not None:
        case = _of_position(case)
    if case.system.model is not None:
        case = _with_function(case) if ":" in case.system.model else _with_model(case)
    if case.system.data is not None:
        case = _with_data(case)
    if given.system.damping is not None:
        case = _in_phase_space(given, case)
    _check_domain(case)
    _check_dimensions(case)
    _check_names(case)
    for stage in STAGES:
        stage.agree(case)
    if case.alone and case.mesh.adapt:
        raise case.error(
            "mesh.adapt", "the mesh is adapted to V, which this case does not solve for", "leave it out"
        )
    if case.mesh.valleys > 1.0 and (case.system.drift is not None or case.alone):
        what = "there is no loss" if case.system.drift is not None else "this case looks for no pass"
        raise case.error("mesh.valleys", f"{what}, so that nothing lies below a pass", "leave it out")
    references.check(case, case.references)
    case = _with_resolution(_refining(_with_mesh_file(case)))
    compare = case.compare.model_copy(update={"baseline": case.baseline, "reference": case.reference})
    return replace(case, compare=compare)


def _with_reactions(case: Case) -> Case:
    """The drift that reactions make; a case that brings another one contradicts itself."""
    for k, one in enumerate(case.reactions):
        if len(one.change) != case.dim:
            raise case.error(
                f"reaction.{k}.change",
                f"{len(one.change)} numbers for {case.dim} coordinates",
                "give one for each",
            )
    drift = drift_of(case.reactions, case.dim)
    for key in ("loss", "model", "data", "drift"):
        if getattr(case.system, key) is not None and case.system.drift != drift:
            raise case.error(f"system.{key}", "reactions make a drift of their own", "keep one of them")
    return replace(case, system=case.system.model_copy(update={"drift": drift}))


def _of_position(case: Case) -> Case:
    """The case of the loss alone; a case with momentum names x, or x and v."""
    named, bounds = case.system.coordinates, case.domain.bounds
    if named is not None and len(named) > 2:
        what = f"momentum is for a loss in one coordinate, and there are {len(named)} names"
        raise case.error("system.coordinates", what, "name that coordinate, and its momentum if you like")
    if bounds is not None and len(bounds) > 2:
        what = f"{len(bounds)} intervals for one coordinate and its momentum"
        raise case.error("domain.bounds", what, "give one [lower, upper] for each")
    if case.domain.periodic:
        raise case.error("domain.periodic", "this does not go with friction", "leave the list empty")
    return position(case)


def _in_phase_space(given: Case, line: Case) -> Case:
    """The case in position and momentum, with a range of the momentum where none is given.

    Raises:
        CaseError: where the loss has more coordinates than one, or none is known.
    """
    if line.dim != 1:
        what = f"momentum is for a loss in one coordinate, and this one has {line.dim}"
        raise line.error("system.friction", what, "leave friction out")
    names = given.system.coordinates or []
    x = line.coordinates[0]
    if len(names) < 2:
        names = [x, name_of_momentum(x, set(line.system.parameters))]
    system = given.system.model_copy(
        update={key: getattr(line.system, key) for key in ("model", "data", "options")}
        | {"coordinates": names}
    )
    domain = line.domain
    if domain.bounds is not None:
        bounds = given.domain.bounds or []
        momenta = bounds[1] if len(bounds) == 2 else _momenta(line)
        domain = domain.model_copy(update={"bounds": [domain.bounds[0], momenta]})
    return replace(line, system=system, domain=domain)


def _momenta(line: Case) -> list[float]:
    """The momenta up to the energy of the lower end of the range of the position, or of its mean."""
    loss = build(line).loss
    if loss is None:
        raise line.error("system.friction", "momentum is for a loss, and there is none", "give system.loss")
    (low, high) = (line.domain.bounds or [])[0]
    heights = loss(np.linspace(low, high, 401)[None])
    rise = float(min(heights[0], heights[-1]) - heights.min())
    if not 0.0 < rise < np.inf:
        what = "the loss does not rise towards the ends of domain.bounds, so that no momentum is large"
        raise line.error("domain.bounds", what, "give the range of the momentum as a second interval")
    most = float(f"{(2.0 * rise) ** 0.5:.2g}")
    return [-most, most]


def _refining(case: Case) -> Case:
    """Whether a tolerance drives the mesh: a mesh that is given, in the case or a file, overrides that."""
    if case.solver.tolerance is None:
        return case
    if case.alone:
        raise case.error("solver.tolerance", "this case does not solve for V", "leave it out")
    given = case.mesh.model_fields_set & LAYOUT or case.domain.mesh is not None
    return replace(case, refines=not given)


def _with_resolution(case: Case) -> Case:
    """The resolution that the dimension and the shape of the box allow, where none is given."""
    if "resolution" in case.mesh.model_fields_set or case.domain.bounds is None:
        return case
    resolution = default_resolution(case.domain.bounds, case.mesh.degree)
    return replace(case, mesh=case.mesh.model_copy(update={"resolution": resolution}))


def _check_sources(case: Case) -> None:
    system = case.system
    if all(source is None for source in (system.loss, system.drift, system.model, system.data)):
        raise case.error(
            "system",
            "exactly one of loss, drift, model and data is needed but none is given",
            "give one of them",
        )
    if not case.noise:
        raise case.error(
            "noise",
            "there is no noise: the table is missing",
            'add a table such as [noise.isotropic] with diffusion = "identity"',
        )


def _complete_mean_field(case: Case) -> Case:
    """A mean-field problem has a confinement and features of its own, and no noises to compare."""
    others = [
        ("system.loss", case.system.loss), ("system.drift", case.system.drift),
        ("system.model", case.system.model), ("system.data", case.system.data), ("noise", case.noise),
        ("reaction", case.reactions),
        ("compare.epsilon", case.compare.epsilon), ("exit", case.exits), ("simulate", case.simulate),
        ("marginal", case.marginals), ("section", case.section),
        ("transient", case.transient), ("domain.mesh", case.domain.mesh),
        ("domain.periodic", case.domain.periodic), ("trajectories", case.trajectories),
        ("stability", case.stability), ("mesh.adapt", case.mesh.adapt),
        ("solver.tolerance", case.solver.tolerance),
    ]  # fmt: skip
    for key, given in others:
        if given:
            raise case.error(key, "this does not go with [mean_field]", "leave one of them out")
    _check_domain(case)
    _check_dimensions(case)
    start = case.mean_field.start if case.mean_field else None
    if isinstance(start, GaussianTable):
        check_gaussian(case, "mean_field.start", start)
    references.check(case, case.references)
    return case


def _with_model(case: Case) -> Case:
    name = case.system.model or ""
    if name not in MODELS:
        raise case.error("system.model", f"unknown model '{name}'", suggestion(name, MODELS, "models"))
    own = list(MODELS[name].coordinates)
    if case.system.coordinates not in (None, own):
        raise case.error(
            "system.coordinates", f"model '{name}' has the coordinates {own}", "leave coordinates out"
        )
    options = options_of(case, MODELS[name])
    system = case.system.model_copy(update={"coordinates": own, "options": options.model_dump()})
    return replace(case, system=system)


def _with_function(case: Case) -> Case:
    """Make the path of a module beside the case file absolute, for the effective case to load anywhere."""
    module, _, function = (case.system.model or "").rpartition(":")
    if not module or not function.isidentifier():
        raise case.error(
            "system.model",
            f"'{case.system.model}' is not module:function",
            'write for example "my_module:build"',
        )
    path = case.folder / (module if module.endswith(".py") else module.replace(".", "/") + ".py")
    if not path.is_file():
        if module.endswith(".py"):
            raise case.error("system.model", f"no such file '{module}'", "paths start at the case file")
        return case
    name = f"{path.resolve()}:{function}"
    return replace(case, system=case.system.model_copy(update={"model": name}))


def _with_data(case: Case) -> Case:
    """Make the path of the data absolute; names of coordinates and box from the file unless given."""
    path = (case.folder / (case.system.data or "")).resolve()
    if not path.is_file():
        raise case.error("system.data", f"no such file '{case.system.data}'", "paths start at the case file")
    try:
        table = read(path)
    except BadTable as error:
        raise case.error("system.data", *error.args) from None
    given = case.system.coordinates
    if given is not None and len(given) != table.dim:
        raise case.error(
            "system.coordinates",
            f"{len(given)} names for the {table.dim} axes of the data",
            "give one for each",
        )
    own = list(table.coordinates or ("x", "y", "z")[: table.dim])
    system = case.system.model_copy(update={"data": str(path)})
    if given is None:
        # validated anew: names in the file obey the rules for names in the case
        system = _checked_system(case, {**system.model_dump(), "coordinates": own})
    case = replace(case, system=system)
    if case.domain.bounds is None and case.domain.mesh is None:
        return replace(case, domain=_checked_domain(case, table.bounds))
    for k, ((low, high), (first, last)) in enumerate(
        zip(case.domain.bounds or [], table.bounds, strict=False)
    ):
        if low < first - 1e-9 * (last - first) or high > last + 1e-9 * (last - first):
            raise case.error(
                f"domain.bounds.{k}",
                f"[{low:g}, {high:g}] reaches beyond the grid of the data, [{first:g}, {last:g}]",
                "stay on the grid: nothing is extrapolated",
            )
    return case


def _checked_domain(case: Case, bounds: list[list[float]]) -> DomainTable:
    """The domain of the case with the box of a table, which obeys the rules for boxes in a case."""
    try:
        return DomainTable.model_validate(case.domain.model_dump() | {"bounds": bounds})
    except ValidationError as error:
        problem, _, fix = str(error.errors()[0]["ctx"]["error"]).partition("|")
        raise case.error("system.data", f"in the file, {problem}", fix) from None


def _checked_system(case: Case, data: dict[str, object]) -> SystemTable:
    try:
        return SystemTable.model_validate(data)
    except ValidationError as error:
        problem, _, _ = str(
            error.errors()[0].get("ctx", {}).get("error", error.errors()[0]["msg"])
        ).partition("|")
        raise case.error("system.data", f"in the file, {problem}", "give system.coordinates") from None


def _check_domain(case: Case) -> None:
    if case.domain.bounds is None and case.domain.mesh is None:
        raise case.error(
            "domain",
            "exactly one of bounds and mesh is needed but both are missing",
            "give bounds = [[lower, upper], …] or mesh",
        )


def _with_mesh_file(case: Case) -> Case:
    """Make the path of the mesh absolute: the effective case must load from any folder."""
    if case.domain.mesh is None:
        return case
    path = (case.folder / case.domain.mesh).resolve()
    if not path.is_file():
        raise case.error("domain.mesh", f"no such file '{case.domain.mesh}'", "paths start at the case file")
    if not os.access(path, os.R_OK):
        raise case.error("domain.mesh", f"'{case.domain.mesh}' cannot be read", "check its permissions")
    return replace(case, domain=case.domain.model_copy(update={"mesh": str(path)}))


def _check_dimensions(case: Case) -> None:
    d = case.dim
    if case.system.drift is not None and len(case.system.drift) != d:
        raise case.error(
            "system.drift",
            f"{len(case.system.drift)} components for {d} coordinates",
            "give one expression for each",
        )
    if case.domain.bounds is not None and len(case.domain.bounds) != d:
        raise case.error(
            "domain.bounds",
            f"{len(case.domain.bounds)} intervals for {d} coordinates",
            "give one [lower, upper] for each",
        )
    points = [(f"system.attractors.{i}", point) for i, point in enumerate(case.system.attractors or [])]
    points += [(f"mesh.refine.{i}", point) for i, point in enumerate(case.mesh.refine)]
    points += [
        (key, point)
        for key, point in (("compare.from", case.compare.from_), ("compare.to", case.compare.to))
        if isinstance(point, list)
    ]
    for key, point in points:
        if len(point) != d:
            raise case.error(
                key, f"{point} has {len(point)} numbers for {d} coordinates", "give one for each"
            )
        for x, (lower, upper) in zip(point, case.domain.bounds or [], strict=False):
            if not lower <= x <= upper:
                raise case.error(key, f"{point} is outside the domain", "move it inside domain.bounds")
    if case.compare.from_ is not None and case.compare.from_ == case.compare.to:
        raise case.error(
            "compare.to", "the same attractor as compare.from", "name another one, or leave it out"
        )


def _check_names(case: Case) -> None:
    for name in case.domain.periodic:
        if name not in case.coordinates:
            raise case.error(
                "domain.periodic",
                f"unknown coordinate '{name}'",
                suggestion(name, case.coordinates, "coordinates"),
            )
    for key, noise in (("baseline", case.compare.baseline), ("reference", case.compare.reference)):
        if noise is not None and noise not in case.noise:
            raise case.error(
                f"compare.{key}", f"unknown noise '{noise}'", suggestion(noise, case.noise, "noises")
            )
