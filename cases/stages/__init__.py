"""One folder for each thing that a case may ask for beside potentials, densities and rates.

Imports :mod:`cases.problem`, :mod:`cases.results` and what these import.
"""
