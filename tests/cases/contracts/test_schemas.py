"""The schemas that ``quasipot schema`` prints, and what the contract of summary.json refuses."""

import copy
import json
import tomllib

import pytest
from pydantic import ValidationError

from cases import cli
from cases.contracts.summary import adapter, read_summary
from cases.loading.catalogue import files

PLACES = {"attractors": [], "saddles": []}
SUMMARY = {
    "case": "a", "title": "A", "convention": "c", "attractors": [], "saddles": [], "start": 0,
    "other_fixed_points": [],
    "noises": {
        "isotropic": {
            "kind": "identity", "scale": 1, "anisotropy": PLACES, "barriers": [], "stationary": [],
            "rates": [], "checks": {"hj_residual": None, "window": 1e-5},
        }
    },
    "comparison": [
        {"from": 0, "to": None, "epsilon": None, "noise": "a", "baseline": "b", "barrier_ratio": 1.5,
         "log_rate_ratio": None}
    ],
    "exit_comparison": [], "disagreements": [],
    "discretisation": {"cells": 12, "degree": 3, "unknowns": None},
    "check_thresholds": {"window": 1e-3}, "references": [], "ok": True, "problems": [], "timings": {},
    "files": ["summary.json"],
}  # fmt: skip


def printed(capsys, what):
    assert cli.main(["schema", what]) == 0
    return json.loads(capsys.readouterr().out)


def changed(path, value):
    """The summary with another value (None: without it) at a path."""
    result = copy.deepcopy(SUMMARY)
    *way, last = path
    here = result
    for key in way:
        here = here[key]
    if value is None:
        del here[last]
    else:
        here[last] = value
    return json.dumps(result)


def test_cases_that_come_with_the_program_obey_the_schema_of_cases(capsys):
    jsonschema = pytest.importorskip("jsonschema", reason="validates by the schema alone")
    schema = printed(capsys, "case")
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for name, path in files().items():
        case = tomllib.loads(path.read_text(encoding="utf-8"))
        assert [f"{name}: {e.json_path} {e.message}" for e in validator.iter_errors(case)] == []
        case["system"]["cordinates"] = ["x"]
        assert not validator.is_valid(case)


def test_summaries_obey_the_schema_of_summaries(capsys):
    jsonschema = pytest.importorskip("jsonschema", reason="validates by the schema alone")
    schema = printed(capsys, "summary")
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert list(validator.iter_errors(SUMMARY)) == []
    for path, value in WRONG:
        assert not validator.is_valid(json.loads(changed(path, value))), path


WRONG = [
    (("noises", "isotropic", "barrriers"), []),
    (("noises", "isotropic", "barriers"), None),
    (("noises", "isotropic", "scale"), "1"),
    (("comparison", 0, "from"), None),
    (("comparison", 0, "to"), "anywhere"),
    (("discretisation", "cells"), 1.5),
    (("ok",), 1),
]


def test_the_contract_takes_a_summary_as_it_is():
    assert read_summary(json.dumps(SUMMARY)) == SUMMARY


@pytest.mark.parametrize(("path", "value"), WRONG)
def test_the_contract_refuses_what_is_not_in_it(path, value):
    with pytest.raises(ValidationError):
        read_summary(changed(path, value))


def test_the_contract_refuses_what_is_no_number():
    with pytest.raises(ValidationError):
        read_summary(json.dumps(SUMMARY).replace("1e-05", "NaN"))


def test_every_key_of_the_contract_is_explained():
    schema = adapter().json_schema()
    tables = {"Summary": schema, **schema["$defs"]}
    silent = [
        f"{name}.{key}"
        for name, table in tables.items()
        for key, value in table["properties"].items()
        if "description" not in value and "$ref" not in value
    ]
    assert silent == []
    assert [name for name, table in tables.items() if "description" not in table] == []
