"""The Monte Carlo check of passage times.

Imports what every stage may, see :mod:`cases.stages`.
"""
