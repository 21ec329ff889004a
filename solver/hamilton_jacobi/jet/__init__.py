"""The jet scheme: V and ∇V at the nodes of a grid, on the whole box, beyond passes and across kinks.

Semi-Lagrangian: V at a node is the least cost of a short curved path from a face of its ring of neighbours.
Imports :mod:`solver.hamilton_jacobi`.
"""

from solver.hamilton_jacobi.jet.nested_boxes import quasi_potential, quasi_potentials
from solver.hamilton_jacobi.jet.solution import JetSolution

__all__ = ["JetSolution", "quasi_potential", "quasi_potentials"]
