"""Barriers of a degenerate noise as its floor goes to zero.

Imports what every stage may, see :mod:`cases.stages`.
"""
