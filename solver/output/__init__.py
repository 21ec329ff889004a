"""VTKHDF files that ParaView opens, and reading them back at points.

Imports nothing of the project but :mod:`solver.system`.
"""
