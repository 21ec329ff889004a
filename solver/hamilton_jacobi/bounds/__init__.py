"""Lower bounds of barriers from subsolutions, ``H(x, ∇U) ≤ 0``.

Imports what :mod:`solver.hamilton_jacobi` imports, and that.
"""
