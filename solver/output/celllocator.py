"""Find the cell of a grid that contains a point, and the reference coordinates of the point in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from solver.output.vtkgrid import VtkGrid

Array = NDArray[np.float64]

_INSIDE = 1e-9  # how far outside the reference cell still counts as inside: points on faces must be found
_NEWTON_STEPS = 25
_NEIGHBOURS = (6, 40)


class CellLocator:
    """Point location by nearest cell centres, then by bounding boxes for the points left over."""

    def __init__(self, grid: VtkGrid) -> None:
        self.grid = grid
        corners = grid.points[grid.nodes]
        self._lower, self._upper = corners.min(axis=1), corners.max(axis=1)
        self._slack = 1e-9 * float((self._upper - self._lower).max(initial=0.0))
        self._tree = cKDTree(corners.mean(axis=1))
        self._affine = self._inverse_maps(corners)

    def locate(
        self, points: Array, avoid: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], Array]:
        """Cells (-1 outside the grid) and reference coordinates of points.

        Args:
            points: Array ``(n, d)``.
            avoid: Cells to be taken only when no other cell contains the point, as on a common face.
        """
        avoid = np.zeros(len(self.grid.nodes), dtype=bool) if avoid is None else avoid
        cells = np.full(len(points), -1, dtype=np.int64)
        reference = np.zeros_like(points)
        # the search tree knows nothing of points that are too far away for a distance
        low, high = self._lower.min(axis=0) - self._slack, self._upper.max(axis=0) + self._slack
        missing = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
        for count in (*_NEIGHBOURS, 0):
            if count == 0:  # thorough but slow: not for a better face
                missing = missing[cells[missing] < 0]
            if len(missing) == 0:
                break
            which, candidates = self._near(points[missing], count) if count else self._boxes(points[missing])
            self._try(points, missing[which], candidates, avoid, cells, reference)
            # On the face of a cell to be avoided, a better one may turn up among more candidates.
            found = cells[missing]
            on_face = self._depth(reference[missing]) < _INSIDE
            missing = missing[(found < 0) | (avoid[found] & on_face)]
        return cells, reference

    def _near(self, points: Array, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        count = min(count, len(self.grid.nodes))
        candidates = self._tree.query(points, k=count)[1].reshape(-1).astype(np.int64)
        which = np.repeat(np.arange(len(points)), count)
        return self._in_box(points, which, candidates)

    def _boxes(self, points: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        inside = np.ones(len(points), dtype=bool)
        inside &= (points >= self._lower.min(axis=0) - self._slack).all(axis=1)
        inside &= (points <= self._upper.max(axis=0) + self._slack).all(axis=1)
        which: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
        candidates: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
        for index in np.flatnonzero(inside):
            hit = (points[index] >= self._lower - self._slack).all(axis=1)
            hit &= (points[index] <= self._upper + self._slack).all(axis=1)
            candidates.append(np.flatnonzero(hit).astype(np.int64))
            which.append(np.full(len(candidates[-1]), index, dtype=np.int64))
        return np.concatenate(which), np.concatenate(candidates)

    def _in_box(
        self, points: Array, which: NDArray[np.int64], candidates: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        x = points[which]
        inside = (x >= self._lower[candidates] - self._slack).all(axis=1)
        inside &= (x <= self._upper[candidates] + self._slack).all(axis=1)
        return which[inside], candidates[inside]

    def _try(
        self,
        points: Array,
        which: NDArray[np.int64],
        candidates: NDArray[np.int64],
        avoid: NDArray[np.bool_],
        cells: NDArray[np.int64],
        reference: Array,
    ) -> None:
        """Record, for each point, the best of its candidate cells that contain it."""
        if len(which) == 0:
            return
        local = self._pull_back(points[which], candidates)
        depth = self._depth(local)
        inside = depth >= -_INSIDE
        rank = np.where(avoid[candidates], depth - 10.0, depth)  # deepest first, cells to avoid last
        for index in np.flatnonzero(inside)[np.argsort(rank[inside])]:
            point, cell = which[index], candidates[index]
            if cells[point] < 0 or avoid[cells[point]] or not avoid[cell]:
                cells[point], reference[point] = cell, local[index]

    def _depth(self, local: Array) -> Array:
        """Distance into the reference cell, negative outside."""
        depth = local.min(axis=1)
        if self.grid.cell_name in ("quadrilateral", "hexahedron"):
            return np.minimum(depth, (1.0 - local).min(axis=1))
        return np.minimum(depth, 1.0 - local.sum(axis=1))

    def _inverse_maps(self, corners: Array) -> tuple[Array, Array] | None:
        """Origin and inverse Jacobian of every cell, if all cells are straight simplices."""
        if self.grid.cell_name not in ("interval", "triangle", "tetrahedron"):
            return None
        nodes = self.grid.element.points
        vertices = [int(np.argmin(np.abs(nodes - unit).sum(axis=1))) for unit in np.eye(self.grid.dim)]
        origin = corners[:, int(np.argmin(nodes.sum(axis=1)))]
        edges = corners[:, vertices] - origin[:, None]
        straight = origin[:, None] + np.einsum("nj,cjd->cnd", nodes, edges)
        if np.abs(straight - corners).max(initial=0.0) > self._slack:
            return None
        return origin, np.linalg.inv(np.swapaxes(edges, 1, 2)).astype(np.float64)

    def _pull_back(self, points: Array, cells: NDArray[np.int64]) -> Array:
        """Reference coordinates of points in cells, by Newton's method where the map is not affine."""
        if self._affine is not None:
            origin, inverse = self._affine
            return np.asarray(np.einsum("pij,pj->pi", inverse[cells], points - origin[cells]))
        grid = self.grid
        corners = grid.points[grid.nodes[cells]]
        local = np.full(points.shape, 1.0 / (grid.dim + 1))
        for _ in range(_NEWTON_STEPS):
            residual = points - np.einsum("pn,pnd->pd", grid.basis(local), corners)
            jacobian = np.einsum("jpn,pnd->pdj", grid.basis_gradient(local), corners)
            step = np.linalg.solve(jacobian, residual[:, :, None])[:, :, 0]
            local += step
            if np.abs(step).max() < 1e-13:
                break
            local = np.clip(local, -2.0, 3.0)  # far outside the map of a curved cell may fold
        return local
