"""Up to which learning rates SGD stays at the minima along a curve, and how sharp they are.

Imports what every stage may, see :mod:`cases.stages`.
"""
