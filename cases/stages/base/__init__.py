"""What a stage is: the one interface between what a case may ask for and whatever runs, checks or reports it.

Imports :mod:`cases.problem`, :mod:`cases.contracts`, :mod:`cases.figures` and what these import.
"""
