"""From a valid case to a problem that can be solved: landscape, mesh, fixed points and cycles, passes.

Imports :mod:`cases.noise`, :mod:`cases.landscapes.models` and what these import.
"""
