"""The Monte Carlo check of passage times."""
