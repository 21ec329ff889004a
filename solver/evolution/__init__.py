"""The transient Fokker–Planck equation and its integrators in time.

Imports :mod:`solver.elements` and :mod:`solver.fokker_planck`.
"""
