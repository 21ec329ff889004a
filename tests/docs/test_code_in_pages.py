"""The code in the pages: cases validate, commands parse, modules can be imported, messages are messages."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import tomllib

import pytest

from cases.base.toml_text import key, value
from cases.cli import main, parser
from tests.docs.common import DOCS, HOUSE, blocks

FIRST = (DOCS / "examples/first.toml").read_text(encoding="utf-8")
OPTIONAL = {"torch"}


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: block.where)
def test_cases_validate(block, tmp_path):
    """A whole case as it stands; a piece of one as a part of the first case."""
    given = tomllib.loads(block.text)
    if "system" not in given:
        given = merged(tomllib.loads(FIRST), given)
    path = tmp_path / "case.toml"
    text = "".join(f"{key(name)} = {value(item)}\n" for name, item in given.items())
    path.write_text(text, encoding="utf-8")
    check(path)


def check(path):
    """`quasipot check`; what it complains of is in the output of the test."""
    assert main(["check", str(path)]) == 0


def merged(base, more):
    """Tables of a case with those of another in their place."""
    both = dict(base)
    for name, item in more.items():
        inner = isinstance(item, dict) and isinstance(both.get(name), dict)
        both[name] = merged(both[name], item) if inner else item
    return both


def test_the_first_case_validates():
    check(DOCS / "examples/first.toml")


def test_the_readme_has_the_first_case_and_what_it_prints():
    """Nothing may stand in two places and differ."""
    readme = (HOUSE / "README.md").read_text(encoding="utf-8")
    case, *_ = re.findall(r"^```toml\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert case == FIRST
    printed = (DOCS / "examples/first.txt").read_text(encoding="utf-8")
    shown = re.search(r"first\.toml` prints\n\n```\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert shown[1] in printed


def commands():
    """The lines of all pages that call quasipot, from there on."""
    found = []
    for block in blocks("sh", ""):
        for line in block.text.splitlines():
            words = re.split(r"\s{3,}|\s#", line.strip())[0]
            match = re.search(
                r"(?:^|docker/run |mpirun -n \d+ )quasipot ((?:run|check|list|probe|report|paraview)\b.*)",
                words,
            )
            if match and block.language == "sh":
                found.append(pytest.param(match[1], id=f"{block.where}: {match[1]}"))
    return found


@pytest.mark.parametrize("line", commands())
def test_commands_parse(line):
    parser().parse_args(shlex.split(line))


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.where)
def test_what_is_imported_exists(block):
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            try:
                module = importlib.import_module(node.module)
            except ModuleNotFoundError as missing:
                if missing.name in OPTIONAL:
                    continue
                raise
            assert all(hasattr(module, name.name) for name in node.names)


def test_messages_are_those_of_the_code():
    """Every message that the page of messages explains is one that the solver may print."""
    page = (DOCS / "howto/messages.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `([^`]+)` \|", page[page.index("### A solver") :], re.MULTILINE)
    assert len(explained) > 4
    said = []
    for path in (HOUSE / "solver").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                said.append(
                    "".join(
                        str(getattr(part, "value", "…"))
                        for part in node.values
                        if not isinstance(part, ast.FormattedValue)
                    )
                )
    lost = [text for text in explained if not any(text in one for one in said)]
    assert lost == [], "docs/howto/messages.md explains messages that nothing says any more"
