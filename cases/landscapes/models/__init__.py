"""Named models: losses that are no one-line expression, mostly those over a data set.

A model is a function that turns its validated options into a landscape; the decorator in
:mod:`cases.landscapes.models.registry` puts it under its name, and all of them are in
:mod:`cases.landscapes.models.catalogue`.  Imports :mod:`cases.landscapes` and what that imports.
"""
