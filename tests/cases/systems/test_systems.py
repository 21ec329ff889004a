"""The library of named systems: sound, from the literature, and its answers derived anew."""

import os
from functools import cache

import numpy as np
import pytest

from cases import cli
from cases.loading.catalogue import BUILTIN, SYSTEMS, builtin_cases, entries, families
from cases.loading.load import load
from cases.loading.validate import validate
from tests.cases.systems.independent import (
    Plain,
    beside,
    by_action,
    derived,
    least_action,
    least_action_to_an_edge,
)

FAMILIES = families()
NAMES = [name for family in FAMILIES.values() for name in family]


def test_no_name_is_given_twice():
    stems = [path.stem for path in [*BUILTIN.glob("*.toml"), *SYSTEMS.glob("*/*.toml")]]
    assert len(set(stems)) == len(stems)


def test_every_file_is_in_a_family():
    assert sorted(SYSTEMS.rglob("*.toml")) == sorted(SYSTEMS.glob("*/*.toml"))


@pytest.mark.parametrize("name", NAMES)
def test_it_passes_check_and_its_places_are_attractors(name):
    # whether a mesh fits into the memory of the machine at hand is not what is asked here
    coarse = ["mesh.resolution=8"] if Plain.named(name).dim == 3 else []
    case, _ = load(name, coarse)
    built = validate(case)
    assert case.title
    assert case.paper
    for place in (case.compare.from_, case.compare.to):
        if isinstance(place, list):
            box = np.array(case.domain.bounds)
            assert np.all((np.array(place) > box[:, 0]) & (np.array(place) < box[:, 1]))
            x = np.array(place)[:, None]
            width = box[:, 1:] - box[:, :1]
            size = np.abs(built.drift(box.mean(axis=1)[:, None] + 0.3 * width)).max()
            still = np.abs(built.drift(x)).max() <= 2e-2 * size
            # at a minimum with a kink the drift is no zero
            around = x + 1e-3 * width * np.random.default_rng(1).normal(size=(case.dim, 50))
            assert still or (case.system.loss and np.all(built.loss(around) > built.loss(x)))


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_not_tuned(name):
    """No mesh and no solver options: the library measures what an untuned case file gives."""
    data = Plain.named(name).data
    assert "mesh" not in data
    assert "solver" not in data


@cache
def plain_system(name):
    return Plain.named(name)


@pytest.mark.parametrize("name", NAMES)
def test_its_answers_are_derived_anew(name):
    plain = Plain.named(name)
    assert plain.references
    for key, reference in plain.references.items():
        if not by_action(reference):
            # nine digits stand in the files
            assert reference["value"] == pytest.approx(derived(plain, reference), rel=2e-8, abs=1e-12), key


ACTIONS = [
    (name, key) for name in NAMES for key, one in Plain.named(name).references.items() if by_action(one)
]


@pytest.mark.parametrize(("name", "key"), ACTIONS)
def test_its_actions_are_met_by_a_path(name, key):
    """The action of any path is an upper bound but for its quadrature; one of many nodes agrees."""
    plain = plain_system(name)
    reference = plain.references[key]
    if os.environ.get("QUASIPOT_CI") == "all":
        assert reference["value"] == pytest.approx(derived(plain, reference), rel=1e-5)
        return
    few, find = (10 if plain.dim == 3 else 16), least_action
    if "edge" in reference["source"]:
        few, find = 32, least_action_to_an_edge
    found = find(plain, reference, counts=(few,), iterations=150)
    assert (1 - 1e-3) * reference["value"] <= found <= 1.1 * reference["value"]


EDGES = [one for one in ACTIONS if "edge" in Plain.named(one[0]).references[one[1]]["source"]]


@pytest.mark.skipif(os.environ.get("QUASIPOT_CI") != "all", reason="takes half a minute each")
@pytest.mark.parametrize(("name", "key"), EDGES)
def test_no_point_of_the_edge_beside_it_is_lower(name, key):
    plain = plain_system(name)
    reference = plain.references[key]
    for step in (-0.1, 0.1):
        other = least_action_to_an_edge(plain, beside(plain, reference, step), counts=(48,))
        assert other > reference["value"]


def test_list_shows_families(capsys):
    assert cli.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [*builtin_cases(), *NAMES]
    for family, names in FAMILIES.items():
        assert sum(f"  {family}: " in line for line in lines) == len(names)
        assert cli.main(["list", family]) == 0
        shown = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in shown] == names
        assert [one.name for one in entries(family)] == names


def test_an_unknown_family_is_one_line(capsys):
    assert cli.main(["list", "optimization"]) == 2
    assert "did you mean 'optimisation'?" in capsys.readouterr().err


def test_a_system_is_found_by_its_name(capsys):
    assert cli.main(["check", NAMES[0]]) == 0
    assert cli.main(["check", NAMES[0] + "x"]) == 2
    assert f"did you mean '{NAMES[0]}'?" in capsys.readouterr().err
