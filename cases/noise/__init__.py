"""Diffusion tensors of a case: named and written ones, equal strength, and where they degenerate.

Imports :mod:`cases.landscapes` (but no model of it) and what that imports.
"""
