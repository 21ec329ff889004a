"""Large-deviation laws beyond the diffusion: any Hamiltonian H(x, p) convex in p, with H(x, 0) = 0.

Imports :mod:`solver.paths` (Legendre paths) and the modules of ``solver/`` itself.
"""
