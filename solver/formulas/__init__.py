"""Formulas of the literature for barriers and escape times, one law a module.

Imports :mod:`solver.drift` and :mod:`solver.paths`; nothing imports it but the case layer.
"""
