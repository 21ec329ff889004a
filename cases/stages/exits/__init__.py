"""Mean exit times from sets round an attractor.

Imports what every stage may, see :mod:`cases.stages`.
"""
