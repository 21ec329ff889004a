"""What `import quasipot` gives: problems and results as objects for notebooks and scripts.

Imports :mod:`cases.base`, :mod:`cases.figures`, :mod:`cases.results`, and, for cases as objects,
:mod:`cases.casefile`, :mod:`cases.contracts`, :mod:`cases.loading`, :mod:`cases.report`, :mod:`cases.run` and
:mod:`cases.stages.base`.
"""
