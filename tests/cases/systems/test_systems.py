"""The library of named systems: sound, from the literature, and its answers derived anew."""

import numpy as np
import pytest

from cases import cli
from cases.loading.library import BUILTIN, SYSTEMS, builtin_cases, entries, families
from cases.loading.load import load
from cases.loading.validate import validate
from tests.cases.systems.independent import Plain, derived

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
            size = np.abs(
                built.drift(box.mean(axis=1)[:, None] + 0.3 * (box[:, 1] - box[:, 0])[:, None])
            ).max()
            assert np.abs(built.drift(x)).max() <= 2e-2 * size, name


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_not_tuned(name):
    """No mesh and no solver options: the library measures what an untuned case file gives."""
    data = Plain.named(name).data
    assert "mesh" not in data
    assert "solver" not in data


@pytest.mark.parametrize("name", NAMES)
def test_its_answers_are_derived_anew(name):
    plain = Plain.named(name)
    assert plain.references
    for key, reference in plain.references.items():
        found = derived(plain, reference)
        # nine digits stand in the files
        assert reference["value"] == pytest.approx(found, rel=2e-8, abs=1e-12), key


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
