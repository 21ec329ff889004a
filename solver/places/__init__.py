"""What an escape problem is about: attractors, the passes between them, and how both are found.

Imports :mod:`solver.drift`, :mod:`solver.hamilton_jacobi`, :mod:`solver.paths`, and the pins of
:mod:`solver.fokker_planck`.
"""
