"""Trajectories of gradient descent and of SGD from one point.

Imports what every stage may, see :mod:`cases.stages`.
"""
