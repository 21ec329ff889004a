"""Differences between the supported versions of DOLFINx, 0.9 to 0.11."""

from __future__ import annotations

from typing import Any

from dolfinx import mesh


def shared_facet_partitioner() -> Any:
    """Partitioner that gives every rank the cells across the facets it shares with others."""
    try:
        return mesh.create_cell_partitioner(mesh.GhostMode.shared_facet)
    except TypeError:
        # 0.11 also asks how many cells meet at a facet
        return mesh.create_cell_partitioner(mesh.GhostMode.shared_facet, 2)
