"""The examples in the docstrings of the public names."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["quasipot", "cases.notebook.solve"])
def test_docstrings(module):
    found = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert found.attempted > 4
    assert found.failed == 0
