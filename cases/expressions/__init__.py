"""Formulas of case files: parsed safely, as NumPy functions, UFL and derivatives; interpolation on grids.

Imports :mod:`cases.base`.
"""
