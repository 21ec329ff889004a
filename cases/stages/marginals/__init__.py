"""The stationary density of functions of the coordinates, beside closed forms.

Imports what every stage may, see :mod:`cases.stages`.
"""
