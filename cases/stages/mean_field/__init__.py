"""Mean-field Langevin dynamics: energy plus entropy of a density of neurons."""
