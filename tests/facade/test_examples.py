"""The examples in the docstrings of the public names."""

import doctest
import importlib

import pytest

# how many lines of code there are in them at least
LINES = {
    "quasipot": 6,
    "cases.notebook.solve": 10,
    "cases.notebook.simulate": 7,
    "cases.notebook.exit_times": 6,
    "cases.notebook.evolve": 6,
    "cases.notebook.from_case": 2,
    "solver.system": 10,
}


@pytest.mark.parametrize("module", LINES)
def test_docstrings(module):
    found = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert found.attempted >= LINES[module]
    assert found.failed == 0
