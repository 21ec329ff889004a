"""Barriers of the process itself, where the case names its large-deviation law beside its diffusion.

Imports what every stage may, see :mod:`cases.stages`.
"""
