"""Trajectories of gradient descent and SGD, and up to which learning rate SGD stays at a minimum."""
