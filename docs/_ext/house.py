"""What pages take from the code: keys, checks, commands, rooms; and docstrings as Sphinx reads them.

A line ``<!-- from the code: NAME ARGUMENT -->`` of a page is replaced, before the page is parsed, by what the
function of that name in :mod:`from_the_code` returns.  Nothing is written beside the sources.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import from_the_code
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

HOUSE = Path(__file__).resolve().parents[2]
PLACEHOLDER = re.compile(r"^<!-- from the code: ([\w-]+)(?: ([\w.]+))? -->$", re.MULTILINE)
MATHJAX = Path("/usr/share/javascript/mathjax")
# What SVG output of TeX needs: 4 MB of 54.
MATHJAX_PARTS = (
    "MathJax.js", "config/TeX-AMS_SVG.js", "extensions", "jax/element", "jax/input/TeX", "jax/output/SVG",
)  # fmt: skip
SECTION = re.compile(r"\s*(Args|Arguments|Attributes|Returns|Raises|Yields|Examples?|Notes?):\s*$")
LITERAL = re.compile(r"``.+?``")
LETTER = re.compile(r"(^\s*|: )([A-Za-z])\.(?=\s|$)")
ITEM = re.compile(r"\s*([-*•]|\(?\w+[.)])\s")


def fill_in(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put what the code knows into a page."""

    def generated(found: re.Match[str]) -> str:
        make = getattr(from_the_code, found[1].replace("-", "_"))
        return make(found[2]) if found[2] else make()

    source[0] = PLACEHOLDER.sub(generated, source[0])


def as_restructured_text(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Make a docstring reStructuredText, in place: equations are literal blocks, ``|`` is no markup."""
    found: list[str] = []
    literal: int | None = None  # indentation of the literal block that is being read
    heading = False  # the last line with text ended a paragraph that an indented block explains
    for n, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        blank = not line.strip()
        before = next((one for one in reversed(lines[:n]) if one.strip()), "")
        outer = len(before) - len(before.lstrip())
        if literal is not None and not blank and indent < literal:
            literal = None
            found += [] if not found[-1].strip() else [""]
        begins = not blank and literal is None and n > 0 and not lines[n - 1].strip() and indent > outer
        if begins and not heading and not ITEM.match(before):
            found += [" " * outer + "::", ""]
            literal = indent
        if literal is None and not blank:
            heading = bool(SECTION.match(line)) or before.rstrip().endswith("::")
        found.append(line if literal is not None else escaped(line))
    lines[:] = found


def escaped(line: str) -> str:
    """A line without unmeant markup: outside literals ``|`` asks for a substitution, ``W.`` begins a list."""
    parts, end = [], 0
    line = LETTER.sub(r"\1\\\2.", line)
    for match in LITERAL.finditer(line):
        parts += [line[end : match.start()].replace("|", r"\|"), match[0]]
        end = match.end()
    return "".join([*parts, line[end:].replace("|", r"\|")])


class SourceRole(SphinxRole):
    """``{src}`path` ``: a file of the repository that must exist, with a link to its docstrings."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The nodes of one use of the role."""
        path = self.text.strip()
        if not (HOUSE / path).exists():
            message = f"{path} is not in the repository: say where it went"
            logging.getLogger(__name__).warning(message, location=self.get_location())
        shown = nodes.literal(path, path, classes=["file"])
        if not path.startswith("solver/"):
            return [shown], []
        module = path.removesuffix(".py").removesuffix("/").replace("/", ".")
        link = pending_xref(
            path, shown, refdomain="py", reftype="mod", reftarget=module, refexplicit=True, refwarn=False,
            refdoc=self.env.docname,
        )  # fmt: skip
        return [link], []


def copy_mathjax(app: Sphinx) -> None:
    """Put MathJax beside the pages, so that they need no network."""
    if app.builder.format != "html":
        return
    if not (MATHJAX / "MathJax.js").is_file():
        raise ExtensionError(f"{MATHJAX} is missing: install libjs-mathjax, as docker/packages.txt does")
    target = Path(app.outdir) / "_static" / "mathjax"
    for part in MATHJAX_PARTS:
        source, copy = MATHJAX / part, target / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, copy)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("builder-inited", copy_mathjax)
    app.connect("source-read", fill_in)
    app.connect("autodoc-process-docstring", as_restructured_text, priority=400)  # before Napoleon
    app.add_role("src", SourceRole())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
