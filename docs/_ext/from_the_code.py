"""Pieces of pages made of what the code says of itself: MyST Markdown as strings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parents[2]
Schema = Mapping[str, Any]

#: How the place of a table in a case file is written, by the key that holds it.
WRITTEN = {"object": "[{}]", "array": "[[{}]]", "by name": "[{}.NAME]"}


def room(name: str) -> str:
    """What a room is for, then every module with its public functions and classes."""
    folder = HOUSE / Path(*name.split("."))
    blocks = [automodule(name, ":no-members:")]
    for path in sorted(folder.glob("*.py")):
        if path.name != "__init__.py":
            blocks.append(f"## {path.stem}\n\n" + automodule(f"{name}.{path.stem}", ":members:"))
    return "\n".join(blocks)


def other_rooms() -> str:
    """The rooms of the solver that have no page of their own."""
    pages = {path.stem for path in (HOUSE / "docs/reference/api").glob("*.md")}
    found = []
    for path in sorted((HOUSE / "solver").rglob("__init__.py")):
        parts = path.parent.relative_to(HOUSE).parts
        if parts[1:] and "-".join(parts[1:]) not in pages:
            found.append(f"# {'.'.join(parts)}\n\n" + room(".".join(parts)))
    return "\n".join(found) or "None."


def automodule(name: str, option: str) -> str:
    """A directive of autodoc."""
    return f"```{{eval-rst}}\n.. automodule:: {name}\n   {option}\n```\n"


def case_file() -> str:
    """Every table of a case file with its keys, from the schema that checks it."""
    from cases.casefile.schema import CaseTable

    schema = CaseTable.model_json_schema(by_alias=True)
    parts = []
    for table in tables(schema, schema["$defs"], "", ""):
        parts.append(f"({table.anchor})=\n## {table.heading}\n")
        if text := table.schema.get("description", ""):
            text = sentence(text)
            parts.append(text[:1].upper() + text[1:] + "\n")
        parts.append(keys(table, schema["$defs"]))
    return "\n".join(parts)


@dataclass(frozen=True)
class Table:
    """A table of a schema: what it is called, where links to it go, and its schema."""

    heading: str
    anchor: str
    schema: Schema


def tables(schema: Schema, defs: Schema, place: str, kind: str) -> Iterator[Table]:
    """The table itself, then those that its keys hold, in their order."""
    heading = f"`{WRITTEN[kind].format(place)}`" if place else "Top level"
    yield Table(heading, anchor(place), schema)
    for key, value in schema.get("properties", {}).items():
        inner, how = held(value, defs)
        if inner is not None:
            below = key if not place else f"{place}.{key}"
            yield from tables(inner, defs, below, how)


def anchor(place: str) -> str:
    """The label of a table."""
    return "case-" + (re.sub(r"\W+", "-", place).lower() or "top")


def held(value: Schema, defs: Schema) -> tuple[Schema | None, str]:
    """The table that a key holds (None: it holds a value), and how: itself, a list of it, or by name."""
    for part in (value, *value.get("anyOf", [])):
        if "$ref" in part:
            return defs[part["$ref"].rpartition("/")[2]], "object"
        for name, how in (("items", "array"), ("additionalProperties", "by name")):
            inner = part.get(name)
            if isinstance(inner, Mapping) and "$ref" in inner:
                return defs[inner["$ref"].rpartition("/")[2]], how
    return None, ""


def keys(table: Table, defs: Schema) -> str:
    """The keys of a table that are values, and links to those that are tables."""
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    place = "" if table.anchor == "case-top" else table.heading.strip("`[]") + "."
    needed = table.schema.get("required", [])
    for key, value in table.schema.get("properties", {}).items():
        inner, how = held(value, defs)
        meaning = cell(value.get("description", ""))
        if inner is not None:
            name = WRITTEN[how].format(place + key)
            simple = [kind(one, defs) for one in value.get("anyOf", []) if "$ref" not in one and one != NULL]
            what = " or ".join(["table", *simple])
            meaning = meaning or cell(sentence(inner.get("description", "")).rstrip("."))
            rows.append(f"| [`{name}`](#{anchor(place + key)}) | {what} | | {meaning} |")
            continue
        default = "needed" if key in needed else written(value.get("default"))
        rows.append(f"| `{key}` | {kind(value, defs)} | {default} | {meaning} |")
    return "\n".join(rows) + "\n"


NULL = {"type": "null"}
WORDS = {"string": "string", "number": "number", "integer": "integer", "boolean": "true or false"}


def kind(value: Schema, defs: Schema) -> str:
    """What a value may be, in words."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[`{name}`](#summary-{name.lower()})"
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(kind(one, defs) for one in value["anyOf"] if one != NULL))
    if "enum" in value:
        return ", ".join(f'`"{one}"`' for one in value["enum"])
    if "const" in value:
        return f'`"{value["const"]}"`'
    what = value.get("type")
    if what == "array":
        inner = value.get("items", {})
        count = between(value.get("minItems"), value.get("maxItems"))
        return f"list of {count}{plural(kind(inner, defs))}" if inner else "list"
    if what == "object":
        inner = value.get("additionalProperties")
        return f"table of {plural(kind(inner, defs))}" if isinstance(inner, Mapping) and inner else "table"
    return WORDS.get(str(what), "anything") + limits(value)


def summary() -> str:
    """Every table of ``summary.json`` with its keys, from the types that whatever writes it is checked by."""
    from cases.contracts.summary import adapter

    schema = adapter().json_schema()
    parts = []
    for name, table in {"Summary": schema, **schema["$defs"]}.items():
        parts.append(f"(summary-{name.lower()})=\n## `{name}`\n\n{sentence(table['description'])}\n")
        rows = ["| key | value | meaning |", "|---|---|---|"]
        for key, value in table["properties"].items():
            inner = [schema["$defs"][part["$ref"].rpartition("/")[2]] for part in (value,) if "$ref" in part]
            meaning = value.get("description") or (inner[0]["description"] if inner else "")
            absent = "" if key in table.get("required", []) else "where there is one: "
            rows.append(f"| `{key}` | {kind(value, schema['$defs'])} | {absent}{cell(sentence(meaning))} |")
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def plural(word: str) -> str:
    """Several of them."""
    return re.sub(r"(^|or )(string|number|integer|list)\b", r"\1\2s", word)


def between(low: int | None, high: int | None) -> str:
    """How many entries a list has."""
    if low is None and high is None:
        return ""
    if high is None:
        return f"{low} or more "
    return f"{high} " if low == high else f"{low or 0} to {high} "


def limits(value: Schema) -> str:
    """The bounds of a number."""
    low, high = value.get("minimum"), value.get("maximum")
    parts = [f"≥ {low:g}"] if low is not None else []
    parts += [f"> {value['exclusiveMinimum']:g}"] if "exclusiveMinimum" in value else []
    parts += [f"≤ {high:g}"] if high is not None else []
    parts += [f"< {value['exclusiveMaximum']:g}"] if "exclusiveMaximum" in value else []
    return " " + ", ".join(parts) if parts else ""


def written(default: Any) -> str:
    """A default as TOML has it; nothing where there is none."""
    if default is None:
        return ""
    return "`{}`" if default == {} else f"`{json.dumps(default, ensure_ascii=False)}`"


def cell(text: str) -> str:
    """Text that may stand in a table of Markdown: characters that are no markup, ``|`` escaped."""
    return re.sub(r"([\[\]|<>*_])", r"\\\1", " ".join(text.split()))


def sentence(text: str) -> str:
    """The first paragraph of a docstring, without the place that it begins with; literals as Markdown's."""
    first = re.sub(r"^``\S*``: *", "", text.split("\n\n")[0])
    return re.sub(r"``(.+?)``", r"`\1`", " ".join(first.split()))


def checks() -> str:
    """Every check that decides the exit code, with its limit."""
    from cases.results.checks import CHECKS

    rows = ["| check | limit | what is measured |", "|---|---|---|"]
    rows += [f"| `{name}` | {limit:g} | {cell(meaning)} |" for name, (limit, meaning) in CHECKS.items()]
    return "\n".join(rows) + "\n"


def builtin_cases() -> str:
    """The built-in cases by the paper whose claim they reproduce."""
    import tomllib

    import cases

    papers: dict[str, list[str]] = {}
    for path in sorted((Path(cases.__file__).parent / "builtin").glob("*.toml")):
        case = tomllib.loads(path.read_text(encoding="utf-8"))
        papers.setdefault(case.get("paper", ""), []).append(f"| `{path.stem}` | {cell(case['title'])} |")
    blocks = []
    for paper, rows in papers.items():
        blocks.append(f"**{paper or 'Others'}**\n\n| case | what it shows |\n|---|---|\n" + "\n".join(rows))
    return "\n\n".join(blocks) + "\n"


def systems() -> str:
    """The library of named systems, family by family."""
    from cases.loading.catalogue import entries, families

    blocks = []
    for family in families():
        rows = [f"| `{one.name}` | {cell(one.title)} | {cell(one.paper)} |" for one in entries(family)]
        blocks.append(f"**{family}**\n\n| name | system | source |\n|---|---|---|\n" + "\n".join(rows))
    return "\n\n".join(blocks) + "\n"


def commands() -> str:
    """The help of every command."""
    import argparse

    from cases.cli import parser

    top = parser()
    (choices,) = (a.choices for a in top._actions if isinstance(a, argparse._SubParsersAction))
    texts = [f"## quasipot {name}\n\n```text\n{one.format_help()}```\n" for name, one in choices.items()]
    return "\n".join(texts)


def functions() -> str:
    """The functions that expressions may use."""
    from cases.expressions.parse import FUNCTIONS

    return ", ".join(f"`{name}`" for name in sorted(FUNCTIONS)) + "\n"


def models() -> str:
    """The named models with their coordinates and options."""
    from cases.landscapes.models.catalogue import MODELS

    blocks = []
    for name, one in sorted(MODELS.items()):
        schema = one.options.model_json_schema(by_alias=True)
        text = sentence(one.build.__doc__ or one.options.__doc__ or "")
        coordinates = ", ".join(f"`{x}`" for x in one.coordinates)
        table = Table(name, "case-top", schema)
        rows = keys(table, schema.get("$defs", {})) if schema.get("properties") else "No options.\n"
        blocks.append(f"## {name}\n\n{text}\n\nCoordinates: {coordinates}.\n\n{rows}")
    return "\n".join(blocks)
