"""Quasi-potentials, stationary densities and escape rates of ``dX = b dt + √ε σ dW`` on DOLFINx meshes."""
