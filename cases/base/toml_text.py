"""Writing TOML: the few types that a case file has, with a comment beside each key."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping

from pydantic import BaseModel


def quote(text: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def key(name: str) -> str:
    """A bare key where TOML allows it, else a quoted one."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quote(name)


def value(item: object) -> str:
    """One TOML value on one line."""
    match item:
        case bool():
            return "true" if item else "false"
        case int():
            return str(item)
        case float():
            return repr(item)
        case str():
            return quote(item)
        case list() | tuple():
            return "[" + ", ".join(value(entry) for entry in item) + "]"
        case Mapping():
            return (
                "{ " + ", ".join(f"{key(k)} = {value(v)}" for k, v in item.items()) + " }" if item else "{}"
            )
    raise TypeError(f"no TOML for {type(item).__name__}")


def table(model: BaseModel, title: str = "", without: Collection[str] = ()) -> str:
    """A table with its subtables; keys that are None are left out, the rest carry their meaning.

    Args:
        model: The table.
        title: Its own dotted key.
        without: Dotted keys that are left out, too.
    """
    lines: list[str] = []
    below: list[str] = []
    for name, info in type(model).model_fields.items():
        item, shown = getattr(model, name), info.alias or name
        path = f"{title}.{key(shown)}" if title else key(shown)
        if item is None or path in without:
            continue
        if isinstance(item, BaseModel):
            below.append(table(item, path, without))
        elif isinstance(item, Mapping) and any(isinstance(entry, BaseModel) for entry in item.values()):
            below += [table(entry, f"{path}.{key(k)}", without) for k, entry in item.items()]
        elif isinstance(item, list) and any(isinstance(entry, BaseModel) for entry in item):
            # an element of an array of tables: [[path]], and its subtables as [path.key]
            below += [table(entry, path, without).replace(f"[{path}]", f"[[{path}]]", 1) for entry in item]
        else:
            comment = f"  # {info.description}" if info.description else ""
            lines.append(f"{key(shown)} = {value(item)}{comment}")
    head = [f"[{title}]"] if title else []
    return "\n".join([*head, *lines, "", *below])
