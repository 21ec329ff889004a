"""Mean-field Langevin dynamics: energy plus entropy of a density of neurons.

Imports what every stage may, see :mod:`cases.stages`.
"""
