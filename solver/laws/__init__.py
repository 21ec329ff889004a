"""Large-deviation laws beyond the diffusion: any Hamiltonian H(x, p) convex in p, with H(x, 0) = 0.

Imports :mod:`solver.paths` (Legendre paths), :mod:`solver.hamilton_jacobi.bounds` (functions of subsolutions)
and the modules of ``solver/`` itself.
"""
