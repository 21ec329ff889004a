"""A few hundred cheap trials of the generators; ``python -m tests.fuzz`` runs them at length."""

import importlib
import random
import shutil

import pytest

# trials of each kind in the suite: about 60 s of processor time in all
COUNTS = {"casefiles": 300, "tables": 150, "meshes": 150, "results": 12}


@pytest.mark.parametrize("kind", COUNTS)
def test_odd_input_ends_in_good_order(kind, tmp_path):
    trial = importlib.import_module(f"tests.fuzz.{kind}").trial
    failed = []
    for seed in range(COUNTS[kind]):
        folder = tmp_path / str(seed)
        folder.mkdir()
        if problem := trial(random.Random(f"{kind} {seed}"), folder):
            failed.append(f"python -m tests.fuzz --seed {seed} --count 1 {kind}: {problem}")
        shutil.rmtree(folder)  # summaries that are left are held against their contract
    assert failed == []
