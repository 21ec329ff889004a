"""One folder for each thing that a case may ask for beside potentials, densities and rates.

Each has a ``stage.py`` with its :class:`cases.stages.base.stage.Stage`; :mod:`cases.stages.catalogue` lists
them.  Each imports :mod:`cases.stages.base`, :mod:`cases.problem`, :mod:`cases.results`, :mod:`cases.figures`
and what these import; one imports another one only where ``tests/test_house.py`` says so.
"""
