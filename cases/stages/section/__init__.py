"""The density along a curve beside the curvature of the loss there.

Imports what every stage may, see :mod:`cases.stages`.
"""
