"""The notebooks of the tutorial and the Python code of the README, run as they are printed."""

import contextlib
import io
import re

import matplotlib as mpl
import pytest

from tests.docs.common import DOCS, HOUSE

CELL = re.compile(r"^```\{code-cell\} ipython3\n((?::[^\n]*\n)*\n?)(.*?)^```$", re.MULTILINE | re.DOTALL)
NOTEBOOKS = sorted(path for path in (DOCS / "tutorial").glob("*.md") if path.stem != "index")


def run(codes, folder, monkeypatch):
    """Run pieces of code one after the other, as a notebook does; returns the names and what was printed."""
    mpl.use("agg")
    monkeypatch.chdir(folder)
    names: dict[str, object] = {"__name__": "__main__"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for code in codes:
            exec(compile(code, "cell", "exec"), names)
    return names, printed.getvalue()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(path, tmp_path, monkeypatch):
    text = path.read_text(encoding="utf-8")
    codes = [re.sub(r"^%.*\n", "", match[2], flags=re.MULTILINE) for match in CELL.finditer(text)]
    assert len(codes) > 2
    names, printed = run(codes, tmp_path, monkeypatch)
    if path.stem == "own-landscape":
        assert names["b"].lower <= names["b"].value <= names["b"].upper
        assert "are no pairs low < high" in printed
        assert names["result"].barrier(0, 1).value == pytest.approx(0.5, rel=1e-6)
    if path.stem == "noise-comparison":
        values = [one.barrier(0, 1).value for one in names["results"].values()]
        assert values == pytest.approx([0.5, 0.3125, 1.25], rel=1e-6)
    if path.stem == "escape-rates":
        lowest = names["result"].at(0.025)
        assert lowest.log_mfpt[0, 1] == pytest.approx(names["exact"](0.025), abs=1e-3)
        assert names["left"].log_mean[1] > names["left"].log_mean[0] > 0
        rates = names["level"].rates
        assert names["spread"].rate == pytest.approx(rates[0, 1] + rates[1, 0], rel=0.05)
    if path.stem == "paraview-and-clusters":
        assert "density_eps0.1" in printed


def test_the_code_of_the_readme_runs_as_printed(tmp_path, monkeypatch):
    text = (HOUSE / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    names, _ = run([code], tmp_path, monkeypatch)
    result, b = names["result"], names["b"]
    assert b.value == pytest.approx(0.46287102628, rel=1e-9)
    assert result.V(names["points"]).shape == (3,)
    assert (tmp_path / "out.vtkhdf").is_file()
