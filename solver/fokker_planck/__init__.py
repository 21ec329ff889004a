"""The stationary Fokker–Planck equation in gauge form, committors, rates, spectrum, reactive currents.

Imports :mod:`solver.elements`.
"""
