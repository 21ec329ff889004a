"""What `import quasipot` gives: problems and results as objects for notebooks and scripts.

Imports :mod:`cases.base`, :mod:`cases.figures` and :mod:`cases.results`.
"""
