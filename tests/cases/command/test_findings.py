"""Checks judge the entry that they are about; what was asked for decides, the others are doubts."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from cases.casefile.schema import CaseTable
from cases.results.checks import ADVICE, CHECKS
from cases.results.findings import Wanted, findings, mark_doubts, worst
from cases.results.shortfalls import shortfalls
from solver.errors import Refused
from tests.solver.chain_of_wells import rates_of, three_wells

LOW, HIGH = 0.02, 0.04


def level(epsilon, window=None, committor=None, refresh=0.0, mass=0.0, margin=50.0):
    window, committor = (np.zeros((3, 3)) if given is None else given for given in (window, committor))
    state = SimpleNamespace(
        epsilon=epsilon, rates=rates_of(epsilon), committor_errors=committor, window_changes=window
    )
    return SimpleNamespace(
        state=state, gauge_changes=np.zeros((3, 3)), density_refresh=refresh, mass_refresh=mass, margin=margin
    )


def analysis(**levels):
    _, _, costs = three_wells()
    barriers = [
        SimpleNamespace(start=int(i), end=int(j), barrier=costs[i, j], upper=costs[i, j], mismatch=0.0)
        for i, j in np.argwhere(np.isfinite(costs))
        if i != j
    ]
    wells = [SimpleNamespace(index=k, iteration=SimpleNamespace(residual=0.0)) for k in range(3)]
    by_noise = {one.state.epsilon: one for one in levels.values()}
    smooth = SimpleNamespace(smooth=True)
    return SimpleNamespace(
        levels=by_noise, barriers=barriers, wells=wells, gauge_gaps=None, places=smooth,
        asymptotics=[Refused("none")] * len(barriers), landmarks=SimpleNamespace(pins=[None] * 3),
    )  # fmt: skip


def entry():
    rates = [{"from": i, "to": j, "epsilon": e} for e in (HIGH, LOW) for i in range(3) for j in range(3)]
    stationary = [{"epsilon": e} for e in (HIGH, LOW)]
    return {"barriers": [], "rates": rates, "stationary": stationary}


def doubtful(noise):
    return {(r["from"], r["to"], r["epsilon"]) for r in noise["rates"] if "doubtful" in r}


def test_a_rate_that_nobody_wants_fails_no_run():
    window = np.zeros((3, 3))
    window[2, 1] = 0.02
    found = findings(analysis(high=level(HIGH, window), low=level(LOW)), Wanted((0, 1), named=True))
    assert [one.text for one in found if one.failed and one.asked] == []
    noise = entry()
    mark_doubts(noise, found)
    assert doubtful(noise) == {(2, 1, HIGH)}
    (doubt,) = noise["doubts"]
    assert doubt.startswith("window = 0.02 at epsilon = 0.04, from attractor 2 to 1 is above 0.005 (")
    assert "compare.epsilon" in doubt
    assert worst(found)["window"] == 0.0


def test_a_committor_is_judged_at_the_border_that_is_asked_about():
    """Goldstein and Price: an overshoot of 0.068 is 1700 above a pass at 10, on the way to another one."""
    committor = np.zeros((3, 3))
    committor[2, 1] = 0.3
    case = analysis(low=level(LOW, committor=committor))
    for pair, fails in (((0, 1), False), ((2, 1), True)):
        found = findings(case, Wanted(pair, named=True))
        assert any(one.failed and one.asked for one in found) == fails
        noise = entry()
        mark_doubts(noise, found)
        assert doubtful(noise) == {(2, 1, LOW)}


def test_the_rate_that_is_asked_for_does():
    window = np.zeros((3, 3))
    window[0, 1] = np.nan
    found = findings(analysis(high=level(HIGH), low=level(LOW, window)), Wanted((0, 1), named=True))
    (problem,) = [one.text for one in found if one.failed and one.asked]
    assert problem.startswith("window = nan at epsilon = 0.02, from attractor 0 to 1 is above")
    assert np.isnan(worst(found)["window"])
    noise = entry()
    mark_doubts(noise, found)
    assert doubtful(noise) == {(0, 1, LOW)}
    assert "doubts" not in noise


def test_a_shallow_well_is_asked_for_only_by_name():
    """Of the lowest barrier over ε: below 3 there is hardly a rate."""
    _, _, costs = three_wells()
    epsilon = costs[1].min() / 2.5
    window = np.full((3, 3), 0.1)
    for named in (True, False):
        found = findings(analysis(high=level(epsilon, window)), Wanted((1, 0), named))
        assert any(one.failed and one.asked for one in found) == named


def test_one_noise_level_that_fails_leaves_the_others():
    found = findings(analysis(high=level(HIGH), low=level(LOW, margin=1.0)), Wanted((0, 1), named=False))
    noise = entry()
    mark_doubts(noise, found)
    assert {epsilon for _, _, epsilon in doubtful(noise)} == {LOW}
    assert ["doubtful" in density for density in noise["stationary"]] == [False, True]


def test_a_density_that_fails_leaves_the_rates():
    """log p is the first to fail on outer slopes, of which rates see nothing; these have their own checks."""
    for wanted, problem in ((Wanted((0, 1), named=True), False), (Wanted(None, named=False), True)):
        found = findings(analysis(high=level(HIGH), low=level(LOW, refresh=0.3)), wanted)
        assert [one.asked for one in found if one.failed] == [problem]
        noise = entry()
        mark_doubts(noise, found)
        assert not doubtful(noise)
        assert ["doubtful" in density for density in noise["stationary"]] == [False, True]
        assert len(noise.get("doubts", [])) == (not problem)


def test_probability_that_moves_is_a_problem():
    found = findings(analysis(low=level(LOW, mass=0.02)), Wanted((0, 1), named=True))
    (problem,) = [one for one in found if one.failed]
    assert problem.asked
    assert problem.check == "mass_refresh"


@pytest.mark.parametrize(("direct", "count"), [(None, 1), (7.31, 1), (8.02, 0)])
def test_wells_that_are_hardly_any_are_named(direct, count):
    """A well of 0.05 at ε = 0.1 and 0.02: at the first it is half an ε deep."""
    barriers = [
        {"from": k, "to": 1 - k, "saddle": 0, "barrier": depth, "lower": depth, "upper": depth}
        for k, depth in enumerate((0.8, 0.05))
    ]
    rates = [
        {"from": i, "to": 1 - i, "epsilon": e, "log_mfpt": 8.0, "log_mfpt_direct": direct}
        for i in (0, 1)
        for e in (0.1, 0.01)
    ]
    found = shortfalls(summary(barriers=barriers, rates=rates))
    assert len(found) == count
    if found:
        assert "attractor 1 is less than 3 epsilon deep (0.50 at epsilon = 0.1): log T from" in found[0]
        assert "lower compare.epsilon below 0.017" in found[0]
        assert ("by up to 0.69 (compare log_mfpt_direct)" in found[0]) == (direct is not None)


def summary(**noise):
    return {"noises": {"a": {"barriers": [], "rates": []} | noise}}


def test_what_is_not_known_is_said():
    barrier = {"from": 0, "to": 1, "saddle": 2, "barrier": 0.5, "lower": 0.3, "upper": 0.5}
    (known,) = shortfalls(summary(known=[1.0, 0.28]))
    assert known.startswith("a: V of attractor 1 is known on 28 % of the way up to its lowest pass only")
    assert "mesh.resolution" in known
    # V stops where the box does: the mesh is not to blame
    (edge,) = shortfalls(summary(known=[1.0, 0.28], box=[3.0, 0.3]))
    assert edge.endswith("it reaches the boundary of the domain there: enlarge domain.bounds")
    (mesh,) = shortfalls(summary(known=[1.0, 0.28], box=[3.0, 0.9]))
    assert "mesh.resolution" in mesh
    (loose,) = shortfalls(summary(barriers=[barrier]))
    assert (
        "from attractor 0 to attractor 1 (saddle 2) is an upper bound; its lower bound is 60 % of it" in loose
    )
    assert len(shortfalls(summary(barriers=[barrier | {"lower": 0.0}]))) == 1
    assert len(shortfalls(summary(barriers=[barrier | {"lower": None}]))) == 1
    assert shortfalls(summary(barriers=[barrier | {"lower": 0.499}], known=[0.99, None])) == []
    assert shortfalls(summary(barriers=[barrier | {"barrier": None, "lower": None}])) == []


def keys():
    """Dotted keys that a case file may have, two deep."""
    found = set()
    for field in CaseTable.model_fields.values():
        name = field.alias or next(n for n, f in CaseTable.model_fields.items() if f is field)
        for kind in [field.annotation, *getattr(field.annotation, "__args__", ())]:
            for inner, f in getattr(kind, "model_fields", {}).items():
                found.add(f"{name}.{f.alias or inner}")
    return found


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_says_what_to_do_with_keys_that_exist(check):
    named = set(re.findall(r"\b[a-z_]+\.[a-z_]+\b", ADVICE[check]))
    assert named
    assert named <= keys()
