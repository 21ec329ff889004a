"""The Hamilton–Jacobi equation ``b·∇V + ½∇VᵀA∇V = 0``: weak form, policy iteration, local expansions.

Imports :mod:`solver.drift` and :mod:`solver.elements`.
"""
