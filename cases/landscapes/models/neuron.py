"""One hidden unit with a free output weight: a parameter symmetry that SGD's noise respects.

    f(z; a, w) = a tanh(w z),     loss = mean ½ (f(z) − y)² + l2 (a² + w²)

is unchanged by (a, w) → (−a, −w), which exchanges its two minima.  At the saddle between them, the
origin, the gradient of *every* sample vanishes, and with it A: the action of the unstable line
diverges like log(1/distance), see :mod:`cases.noise.vanishing_noise`, and the gradient covariance needs a
``floor``.  This model is there to show that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import sympy as sp
from pydantic import Field, FiniteFloat

from cases.casefile.schema import Table
from cases.expressions.parse import symbols
from cases.landscapes import sample_loss
from cases.landscapes.landscape import Landscape, from_samples
from cases.landscapes.models.datasets import Feature, feature_and_target
from cases.landscapes.models.registry import model

COORDINATES = ("a", "w")


class NeuronOptions(Table):
    """Options of the model ``symmetric_neuron``."""

    feature: Feature = Field("bmi", description="column of the diabetes or iris data that is the input z")
    l2: Annotated[FiniteFloat, Field(ge=0)] = Field(0.005, description="factor of a² + w² in the loss")


@model("symmetric_neuron", coordinates=COORDINATES, options=NeuronOptions)
def symmetric_neuron(options: NeuronOptions, parameters: Mapping[str, float]) -> Landscape:
    """The landscape of the neuron without bias."""
    z, y = feature_and_target(options.feature)
    a, w = symbols(COORDINATES)
    feature, target = symbols(["z", "y"])
    residual = a * sp.tanh(w * feature) - target
    samples = sample_loss.build(residual**2 / 2, options.l2 * (a**2 + w**2), COORDINATES, {"z": z, "y": y})
    return from_samples(samples, COORDINATES, parameters)
