"""Monte Carlo of the SDE and of minibatch SGD: first passages, splitting, ensembles.

Imports :mod:`solver.elements` for values of fields only.
"""
