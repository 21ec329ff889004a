"""What a named model is: a function that turns its validated options into a landscape, under a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from cases.base.errors import suggestion
from cases.casefile.case import Case
from cases.casefile.schema import Table
from cases.landscapes.landscape import Landscape

Builder = Callable[[Any, Mapping[str, float]], Landscape]


@dataclass(frozen=True)
class Model:
    """A named model: its coordinates, the schema of its options, and how to build its landscape."""

    name: str
    coordinates: tuple[str, ...]
    options: type[Table]
    build: Builder


MODELS: dict[str, Model] = {}


def model(name: str, coordinates: tuple[str, ...], options: type[Table]) -> Callable[[Builder], Builder]:
    """Register a function ``(options, parameters) -> Landscape`` as a named model."""

    def register(build: Builder) -> Builder:
        MODELS[name] = Model(name, coordinates, options, build)
        return build

    return register


def options_of(case: Case, chosen: Model) -> Table:
    """The validated options of a model.

    Raises:
        CaseError: naming the first option that is wrong.
    """
    try:
        return chosen.options.model_validate(dict(case.system.options))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        key = f"system.options.{name}"
        if first["type"] == "extra_forbidden":
            fix = suggestion(name, chosen.options.model_fields, f"options of '{chosen.name}'")
            raise case.error(key, "unknown option", fix) from None
        message = first["msg"][0].lower() + first["msg"][1:]
        raise case.error(key, f"{first['input']!r} is not accepted", message) from None
