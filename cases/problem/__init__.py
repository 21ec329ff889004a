"""From a valid case to a problem that can be solved: mesh, fixed points and cycles, passes.

Imports :mod:`cases.noise` and what that imports.
"""
