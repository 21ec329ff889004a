"""Trajectories of gradient descent and SGD, and up to which learning rate SGD stays at a minimum.

Imports what every stage may, see :mod:`cases.stages`.
"""
