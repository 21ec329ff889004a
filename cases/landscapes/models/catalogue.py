"""All named models, by name: importing their modules registers them.

To add one, write a module beside :mod:`cases.landscapes.models.radial` and import it here.
"""

from __future__ import annotations

from cases.landscapes.models import factorization, networks, neuron, radial, regression
from cases.landscapes.models.registry import MODELS

__all__ = ["MODELS", "factorization", "networks", "neuron", "radial", "regression"]
