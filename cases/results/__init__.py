"""Results as numbers: the summary, comparisons, checks, reference values.

Imports :mod:`cases.problem`, :mod:`cases.noise`, :mod:`cases.casefile`, :mod:`cases.expressions`,
:mod:`cases.base`.
"""
