"""What pydantic complains about, in one line of our own words."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from cases.base.errors import CaseError, suggestion
from cases.casefile.schema import CaseTable


def first_error(error: ValidationError, file: str, data: Mapping[str, object]) -> CaseError:
    """The first complaint of pydantic in our words.

    Args:
        error: What pydantic says.
        file: The case file.
        data: What is in it.
    """
    first = error.errors(include_url=False)[0]
    kind, context, location = first["type"], first.get("ctx", {}), first["loc"]
    keys = _keys(location, data, missing=kind == "missing")
    key = ".".join(keys)
    if kind == "extra_forbidden":
        known = [name for model in _models(keys[:-1]) for name in _fields(model)]
        return CaseError(file, key, "unknown key", suggestion(keys[-1], known, "keys here"))
    if kind == "missing":
        return CaseError(file, key, "this is missing", "add it")
    if kind == "value_error":
        problem, _, fix = str(context["error"]).partition("|")
        return CaseError(file, key or "(top level)", problem, fix or "correct it")
    shown = repr(first["input"])
    shown = shown if len(shown) <= 40 else shown[:37] + "..."
    message = first["msg"][0].lower() + first["msg"][1:]
    meaning = _meaning(keys)
    return CaseError(
        file, key or "(top level)", f"{shown} is not accepted", message + (f" ({meaning})" if meaning else "")
    )


def _keys(location: Sequence[int | str], data: object, missing: bool) -> list[str]:
    """The keys in the file that lead to a complaint: pydantic names the branches of a union among them."""
    keys = []
    for part in location:
        if isinstance(data, Mapping) and part in data:
            data = data[str(part)]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            continue
        keys.append(str(part))
    return [*keys, str(location[-1])] if missing else keys


def _models(keys: Sequence[str]) -> list[type[BaseModel]]:
    """The tables that may stand at this place of a case."""
    found: list[type[BaseModel]] = [CaseTable]
    for key in keys:
        infos = [fields[key] for model in found if key in (fields := _fields(model))]
        if infos:
            found = [model for info in infos for model in _tables_in(info.annotation)]
    return found


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _tables_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _tables_in(part)]


def _meaning(keys: Sequence[str]) -> str:
    """What the schema says about the last of these keys that it describes."""
    said = ""
    for n, key in enumerate(keys):
        for model in _models(keys[:n]):
            said = (fields[key].description or said) if key in (fields := _fields(model)) else said
    return said
