"""Most probable escape paths: geometric action, instantons, and the prefactor of Kramers’ law along them.

Imports :mod:`solver.drift`, :mod:`solver.elements` and :mod:`solver.hamilton_jacobi`.
"""
