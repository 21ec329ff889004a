"""Where losses, drifts and per-sample gradients come from: formulas, models on data, functions, tables.

Imports :mod:`cases.base`, :mod:`cases.expressions`, :mod:`cases.casefile`.
"""
