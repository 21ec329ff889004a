"""Barriers of a degenerate noise as its floor goes to zero."""
