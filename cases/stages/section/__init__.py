"""The density along a curve beside the curvature of the loss there."""
