"""The tables of a case file, with their defaults, and the case that is made of them.

Imports :mod:`cases.base` and :mod:`cases.expressions`; knows of no landscape.
"""
