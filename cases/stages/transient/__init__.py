"""The evolution of a density from a given start."""
