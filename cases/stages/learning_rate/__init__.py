"""Passage times of SGD with a finite learning rate, to first order in it.

Imports what every stage may, see :mod:`cases.stages`.
"""
