"""One folder for each thing that a case may ask for beside potentials, densities and rates.

Each imports :mod:`cases.problem`, :mod:`cases.results`, :mod:`cases.figures` and what these import; one stage
imports another one only where ``tests/test_house.py`` says so.
"""
