"""What figures are made of: the records of a run, its fields at points, maps and lines, the common look.

Imports nothing else of the case layer.
"""
