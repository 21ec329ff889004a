"""The report in a real browser: on a phone and on paper, without a request to anywhere.

What a page asks for is read from the browser's own log of the network; Chromium's requests on its own account
(for updates and the like) have no page as their origin there.  No name of a host is resolved.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass

import pytest

from cases.report.page import write_report
from tests.output.synthetic import make_run

# Measures the page in a frame of the width of a phone, as JSON in the title of the outer page.
WRAPPER = """<!DOCTYPE html><html><head><title>waiting</title></head><body>
<iframe id="page" src="{page}" style="width:{width}px;height:2000px;border:0"></iframe>
<script>
document.getElementById("page").onload = (event) => {{
  const inner = event.target.contentDocument, view = event.target.contentWindow;
  const svgs = [...inner.querySelectorAll("svg")];
  const drawn = svgs.map((one) => one.getBoundingClientRect());
  const texts = [...inner.querySelectorAll("p, h1, h2, h3, dd, li, figcaption, svg")];
  document.title = JSON.stringify({{
    width: inner.documentElement.scrollWidth,
    drawn: drawn.filter((box) => box.width > 100 && box.height > 60).length,
    svgs: drawn.length,
    beyond: texts.filter((one) => !one.closest(".wide, pre"))
      .filter((one) => one.getBoundingClientRect().right > {width} + 1)
      .map((one) => one.tagName + ": " + one.textContent.slice(0, 40)),
    font: parseFloat(view.getComputedStyle(inner.querySelector("p")).fontSize),
  }});
}};
</script></body></html>"""


@dataclass(frozen=True)
class Seen:
    """What the browser wrote out, what its console said, and which addresses the page asked for."""

    out: str
    said: list[str]
    asked: list[str]


def chromium(folder, *arguments):
    """Run the browser without a window."""
    log = folder / "network.json"
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += [f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", "--no-first-run"]
    command += ["--allow-file-access-from-files", "--virtual-time-budget=5000", f"--log-net-log={log}"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OMPI_", "PMIX_", "PRTE_", "PMI_"))}
    clean |= {"HOME": str(folder)}
    done = subprocess.run(
        [*command, *arguments], env=clean, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    text = log.read_text()
    try:
        events = json.loads(text)["events"]
    except ValueError:  # Chromium left before it closed the list
        events = json.loads(text.rstrip().rstrip(",") + "]}")["events"]
    found = [event["params"] for event in events if "url" in event.get("params", {})]
    asked = [entry["url"] for entry in found if entry.get("initiator", "not an origin") != "not an origin"]
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Seen(done.stdout, said, asked)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = make_run(tmp_path_factory.mktemp("run"), 2)
    summary = json.loads((folder / "summary.json").read_text())
    row = {"name": "a", "label": "barrier, (0.549, 0.308) to (−1.001, 1.162), across", "quantity": "barrier"}
    row |= {"computed": 0.5, "reference": 0.5, "error": 0.0, "tolerance": 1e-6, "ok": True}
    summary["references"] = [row | {"source": "closed form, with a long explanation of where it comes from"}]
    summary["disagreements"] = [{"text": "the order of the noises depends on the set left: " + "a b " * 40}]
    (folder / "summary.json").write_text(json.dumps(summary))
    return write_report(folder)


def measured(folder, page):
    """What the wrapper finds out about a page, and what the browser saw."""
    wrapper = folder / "wrapper.html"
    wrapper.write_text(WRAPPER.format(page=page.as_uri(), width=390))
    seen = chromium(folder, "--window-size=500,2000", "--dump-dom", wrapper.as_uri())
    title = re.search(r"<title>(.*)</title>", seen.out)[1]
    return json.loads(title.replace("&amp;", "&").replace("&gt;", ">")), seen


def test_on_a_phone(report, tmp_path):
    """Nothing but tables, which scroll in their own box, is wider than the screen; nothing is asked for."""
    found, seen = measured(tmp_path, report)
    assert found["width"] <= 390
    assert found["beyond"] == []
    assert found["drawn"] == found["svgs"] > 3
    assert found["font"] >= 15
    assert seen.said == []
    assert seen.asked == []


def test_on_paper(report, tmp_path):
    """It prints, on a few pages."""
    pdf = tmp_path / "page.pdf"
    seen = chromium(tmp_path, f"--print-to-pdf={pdf}", "--no-pdf-header-footer", report.as_uri())
    assert (seen.said, seen.asked) == ([], [])
    assert pdf.read_bytes().startswith(b"%PDF")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) <= 14


def test_the_browser_would_complain(tmp_path):
    """What the tests above look for is there when a page is at fault."""
    bad = tmp_path / "bad.html"
    bad.write_text(
        '<title>x</title><p style="width:900px">a</p><img src="https://elsewhere.org/none.png">'
        "<script>nothing()</script>"
    )
    found, seen = measured(tmp_path, bad)
    assert found["width"] > 800
    assert found["beyond"] == ["P: a"]
    assert any("nothing is not defined" in line for line in seen.said)
    assert set(seen.asked) == {"https://elsewhere.org/none.png"}
