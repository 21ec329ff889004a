import tomllib

import pytest
from pydantic import ValidationError

from cases.base import toml_text
from cases.base.errors import CaseError
from cases.casefile.reference_table import ReferenceTable
from cases.loading.load import load
from cases.results import references
from cases.results.reference_text import reference_table

SUMMARY = {
    "attractors": [{"index": 0, "point": [-1.0, 0.01]}, {"index": 1, "point": [1.0, 0.0]}],
    "noises": {
        "isotropic": {
            "barriers": [
                {"from": 0, "to": 1, "barrier": 0.7},
                {"from": 0, "to": 1, "barrier": 0.5},
                {"from": 1, "to": 0, "barrier": None},
            ],
            "stationary": [
                {
                    "epsilon": 0.1,
                    "mass": [0.25, 0.75],
                    "mean": [0.5, -1.0],
                    "covariance": [[2.0, 0.3], [0.3, 1.0]],
                }
            ],
            "rates": [
                {"from": 1, "to": 0, "epsilon": 0.1, "log_rate": -3.5, "log_mfpt": 3.4, "eigenvalue": None},
                {"from": 0, "to": 1, "epsilon": 0.1, "log_rate": -4.5, "log_mfpt": 4.4, "eigenvalue": 0.02},
                {"from": 0, "to": 1, "epsilon": 0.2, "log_rate": -2.5, "log_mfpt": 2.4, "eigenvalue": 0.2},
            ],
            "exits": [{"log_time": 1.5}],
        },
        "other": {
            "barriers": [
                {"from": 0, "to": 1, "barrier": 0.25, "floor_limit": {"value": 0.2}},
                {"from": 0, "to": 1, "barrier": 0.26, "floor_limit": {"value": None}},
                {"from": 1, "to": 0, "barrier": 0.25, "floor_limit": {"value": None}},
            ],
            "stationary": [],
            "rates": [],
        },
    },
}
PAIR = {"from": 0, "to": 1}
POINTS = {"from": [-1.0, 0.0], "to": [1.0, 0.0]}


def table(quantity, value=1.0, noise="isotropic", **keys):
    data = {"quantity": quantity, "value": value, **keys}
    return ReferenceTable.model_validate(data if noise is None else {**data, "noise": noise})


def only(reference, settings=None):
    (row,) = references.compare({"it": reference}, SUMMARY, ("x", "y"), settings)
    return row


@pytest.mark.parametrize(
    ("reference", "computed"),
    [
        (table("barrier", **PAIR), 0.5),
        (table("barrier", **POINTS), 0.5),
        (table("barrier", **{"from": 1, "to": 0}), None),
        (table("barrier", **{"from": [0.5, 0.0], "to": 1}), None),
        (table("barrier", **{"from": 0, "to": 1}, noise="absent"), None),
        (table("barrier_ratio", noise="other", baseline="isotropic", **PAIR), 0.5),
        (table("barrier_ratio", noise="other", baseline="absent", **PAIR), None),
        (table("barrier_limit", noise="other", **PAIR), 0.2),
        (table("barrier_limit", noise="other", **{"from": 1, "to": 0}), None),
        (table("barrier_limit", **PAIR), None),
        (table("log_mfpt", epsilon=0.2, **PAIR), 2.4),
        (table("log_mfpt", epsilon=0.3, **PAIR), None),
        (table("log_mfpt_direct", epsilon=0.2, **PAIR), None),
        (table("log_rate", epsilon=0.1, **POINTS), -4.5),
        (table("eigenvalue", epsilon=0.2), 0.2),
        (table("mass", epsilon=0.1, attractor=[1.0, 0.0]), 0.75),
        (table("moment", epsilon=0.1, moment="x**2 - 2*x*y + y + 3"), 2.25 + 0.4 - 1 + 3),
        (table("moment", epsilon=0.1, moment="y**2"), 2.0),
        (table("entry", noise=None, entry="noises.isotropic.exits.0.log_time"), 1.5),
        (table("entry", noise=None, entry="noises.isotropic.exits.1.log_time"), None),
    ],
)
def test_computed(reference, computed):
    row = only(reference)
    assert row.computed == (None if computed is None else pytest.approx(computed, rel=1e-14))
    assert (row.ok is None) == (computed is None)


def test_relative_error_decides():
    assert only(table("barrier", 0.5004, **PAIR)).ok
    assert not only(table("barrier", 0.5006, **PAIR)).ok
    assert only(table("barrier", 0.5006, relative=0.01, **PAIR)).ok


def test_a_logarithm_is_compared_by_its_difference():
    row = only(table("log_mfpt", 4.402, epsilon=0.1, **PAIR))
    assert row.error == pytest.approx(0.002)
    assert not row.ok


def test_it_holds_for_its_parameters_only():
    reference = table("barrier", 0.6, **PAIR, parameters={"beta": 10.0, "feature": "bmi"})
    (row,) = references.compare({"it": reference}, SUMMARY, settings={"beta": 10.0, "feature": "bmi"})
    assert row.ok is False
    assert references.compare({"it": reference}, SUMMARY, settings={"beta": 5.0, "feature": "bmi"}) == []
    assert references.compare({"it": reference}, SUMMARY) == []


def test_problems_name_both_values():
    rows = references.compare(
        {"good": table("barrier", 0.5, **PAIR), "bad": table("barrier", 0.6, **PAIR, source="theory")},
        SUMMARY,
    )
    (problem,) = references.problems(rows)
    assert "bad" in problem
    assert "0.5, but 0.6 (theory)" in problem
    assert [row["ok"] for row in references.as_json(rows)] == [True, False]


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"quantity": "barrier", "value": 1.0, "noise": "a", "from": 0}, "to"),
        ({"quantity": "barrier", "value": 1.0, "from": 0, "to": 1}, "noise"),
        ({"quantity": "mass", "value": 1.0, "noise": "a", "epsilon": 0.1}, "attractor"),
        ({"quantity": "height", "value": 1.0}, "quantity"),
        ({"quantity": "entry", "value": 1.0, "entry": "a", "tolerance": 1.0}, "tolerance"),
    ],
)
def test_incomplete_tables_are_refused(keys, word):
    with pytest.raises(ValidationError, match=word):
        ReferenceTable.model_validate(keys)


def test_checked_against_the_case():
    case, _ = load("double-well-1d")
    good = table("moment", epsilon=0.1, moment="x**2")
    references.check(case, {"it": good})
    with pytest.raises(CaseError, match="isotropic"):
        references.check(case, {"it": table("barrier", noise="isotropc", **PAIR)})
    for bad in ("x**3", "sin(x)", "z"):
        with pytest.raises(CaseError, match=r"reference\.it\.moment"):
            references.check(case, {"it": table("moment", epsilon=0.1, moment=bad)})


def test_it_survives_the_effective_case():
    reference = table("log_mfpt", 2.4, epsilon=0.2, parameters={"beta": 3.0}, source='a "paper"', **POINTS)
    text = toml_text.table(reference, "reference.one")
    again = tomllib.loads(text)["reference"]["one"]
    assert ReferenceTable.model_validate(again) == reference


def test_the_table_names_every_reference_within_its_width():
    rows = references.compare(
        {
            "good": table("barrier", 0.5, **PAIR),
            "bad": table("mass", 0.6, epsilon=0.1, attractor=1),
            "none": table("log_mfpt", 0.6, epsilon=0.3, **PAIR),
            "long": table(
                "moment", -1.0, epsilon=0.1, moment="0*x**2 + 0*x*y + 0*y**2 + 0*x + y + 0*x*x + 0*y*y"
            ),
        },
        SUMMARY,
        ("x", "y"),
    )
    lines = reference_table(references.as_json(rows)).splitlines()
    assert len(lines) == 6
    assert max(map(len, lines)) <= 100
    assert [line.rsplit("  ", 1)[-1].strip() for line in lines[2:]] == ["ok", "MISSED", "not computed", "ok"]
    assert "0.75" in lines[3]
    assert "0.6" in lines[3]
    assert reference_table([]) == ""


def test_settings_of_a_case_are_parameters_and_floors():
    case, _ = load("rotated-well", ["noise.rotated.floor=0.25"])
    here = table("barrier", noise="isotropic", **PAIR, parameters={"kappa": 0.6, "noise.rotated.floor": 0.25})
    elsewhere = table("barrier", noise="isotropic", **PAIR, parameters={"noise.rotated.floor": 0.0})
    rows = references.compare_case(case, {"here": here, "elsewhere": elsewhere}, SUMMARY)
    assert [row.name for row in rows] == ["here"]
