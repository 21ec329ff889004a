"""The same case for many values of its keys: members, table, figure, page; and studies of the mesh.

Imports :mod:`cases.run` and what that imports.
"""
