"""The noiseless dynamics ``x′ = b(x)``: fixed points, limit cycles, basins, linear theory.

Imports nothing of the project but :mod:`solver.system` and :mod:`solver.errors`.
"""
