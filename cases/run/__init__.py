"""A run from case to result folder."""
