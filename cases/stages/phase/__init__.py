"""A phase on a circle, ``domain.periodic``: barriers, rates of turns and the mean velocity.

Imports what every stage may, see :mod:`cases.stages`.
"""
