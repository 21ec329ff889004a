"""Mean exit times from a set: backward equation for low barriers, probability flux for high ones.

Imports :mod:`solver.elements` and :mod:`solver.fokker_planck`.
"""
