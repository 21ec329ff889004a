"""Meshes: boxes, files, and refinement.  Knows nothing of equations."""
