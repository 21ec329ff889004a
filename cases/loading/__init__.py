"""From a case file to a valid case: read, completed, its tables and expressions checked against each other.

Imports :mod:`cases.stages`, :mod:`cases.results`, :mod:`cases.problem` and what these import.
"""
