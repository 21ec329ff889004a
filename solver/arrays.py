"""The types of everything: arrays, and functions of arrays of points ``(d, N)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
Field = Callable[[Array], Array]
