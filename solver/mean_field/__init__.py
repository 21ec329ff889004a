"""Mean-field Langevin dynamics: the nonlinear Fokker–Planck equation, its stationary states, N particles.

Imports :mod:`solver.elements`, :mod:`solver.evolution`, :mod:`solver.simulation`.
"""
