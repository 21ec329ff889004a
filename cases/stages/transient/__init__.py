"""The evolution of a density from a given start.

Imports what every stage may, see :mod:`cases.stages`.
"""
