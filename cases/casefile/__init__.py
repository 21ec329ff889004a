"""The case file: its tables, their defaults, what must hold between them, and the effective case as text.

Imports :mod:`cases.base` and :mod:`cases.expressions`; knows of no landscape.
"""
