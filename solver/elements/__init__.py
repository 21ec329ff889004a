"""Finite elements on parts of a mesh: coefficients, assembly, linear systems, upwinding, values at points.

Imports :mod:`meshes` only, beside :mod:`solver.system` and :mod:`solver.errors`.
"""
