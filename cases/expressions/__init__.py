"""Formulas of case files, parsed safely into sympy; interpolation of values on grids.

What an expression becomes is in :mod:`solver.symbolic`.  Imports :mod:`cases.base`.
"""
