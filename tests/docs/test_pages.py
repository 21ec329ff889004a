"""The pages are built without a warning, their links lead somewhere, and they ask nothing of a network."""

from __future__ import annotations

import html.parser
import os
import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest

from tests.docs.common import DOCS
from tests.small_case import environment

pytest.importorskip("sphinx", reason="the section docs of docker/packages.txt is not installed")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The pages; with their notebooks executed in the weekly set only: test_tutorial runs their code."""
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-E", "-b", "html"]
    if os.environ.get("QUASIPOT_CI") != "all":
        # the language of a notebook is known when it has been run
        command += ["-D", "nb_execution_mode=off", "-D", "suppress_warnings=config.cache,myst-nb.lexer"]
    command += ["-d", str(folder / "doctrees"), str(DOCS), str(folder / "html")]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=1200, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


class Page(html.parser.HTMLParser):
    """What a page refers to, and what can be referred to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.anchors.add(str(given["id"]))
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        for key in ("src", "href"):
            if tag in ("img", "script", "link", "object") and given.get(key):
                self.loads.append(str(given[key]))


def target(page: Path, link: str) -> tuple[Path, str]:
    """The file and the anchor that a link of a page leads to."""
    path, _, anchor = link.partition("#")
    path = urllib.parse.unquote(path.partition("?")[0])
    return (page.parent / path).resolve() if path else page, urllib.parse.unquote(anchor)


def test_every_link_leads_somewhere(built):
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in built.rglob("*.html")}
    assert len(pages) > 30
    lost = []
    for path, page in pages.items():
        for link in [*page.links, *page.loads]:
            if re.match(r"(https?|mailto):", link):
                continue
            file, anchor = target(path, link)
            here = pages.get(file)
            if not file.exists() or (anchor and here is not None and anchor not in here.anchors):
                lost.append(f"{path.relative_to(built)}: {link}")
    assert lost == []


def test_pages_need_no_network(built):
    """Nothing that a page loads is elsewhere, and what shows equations lies beside them."""
    for path in built.rglob("*.html"):
        page = Page(path.read_text(encoding="utf-8"))
        assert [link for link in page.loads if "//" in link] == []
    assert (built / "_static/mathjax/MathJax.js").is_file()
    assert (built / "_static/mathjax/jax/output/SVG/jax.js").is_file()


def test_every_module_of_the_solver_is_in_a_page(built):
    solver = DOCS.parent / "solver"
    index = (built / "py-modindex.html").read_text(encoding="utf-8")
    names = [".".join(path.relative_to(DOCS.parent).with_suffix("").parts) for path in solver.rglob("*.py")]
    assert [name for name in names if f">{name.removesuffix('.__init__')}<" not in index] == []


def test_what_the_code_says_is_in_the_pages(built):
    """A key, a check, a command and a function, each from its own page."""
    expected = {
        "reference/case-file.html": ["[[exit]]", "loss_below", "sublevel set"],
        "reference/checks.html": ["gauge_refresh", "committor"],
        "reference/commands.html": ["quasipot probe", "--noise NAME"],
        "reference/summary.html": ["log_mfpt_kramers", "RateEntry", "barrier_ratio"],
        "reference/models.html": ["factorization"],
        "cases.html": ["radial-diabetes", "maier-stein"],
        "reference/api/paths.html": ["solver.paths.instanton.polish"],
        "theory/conventions.html": ["dynamics (Itô)", "fair comparison"],
    }
    for page, words in expected.items():
        text = (built / page).read_text(encoding="utf-8")
        for word in words:
            assert word in text, (page, word)
