"""A run from case to result folder.

Imports :mod:`cases.loading`, :mod:`cases.report` and what these import.
"""
