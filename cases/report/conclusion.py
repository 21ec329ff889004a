"""What is printed at the end of a run: tables of all that was found, and what is to be said about it."""

from __future__ import annotations

import textwrap

from cases.base.text_table import WIDTH
from cases.contracts.summary import Summary
from cases.report.overview_table import overview_text
from cases.report.screen import comparison_table
from cases.results.accuracy import within
from cases.results.reference_text import reference_table
from cases.results.shortfalls import shortfalls
from cases.results.summary_rows import directions
from cases.stages.catalogue import STAGES


def conclusion(summary: Summary) -> list[str]:
    """Pieces of text, in the order in which they are printed."""
    blocks = [text for stage in STAGES for text in stage.text(summary)]
    found = [comparison_table(summary)] if not blocks or directions(summary) else []
    found += [f"\n{text}" for text in [*blocks, *overview_text(summary)]]
    if text := within(summary):
        found.append(textwrap.fill(text, WIDTH, subsequent_indent="  "))
    found += [
        textwrap.fill(f"NOTE: {entry['text']}", WIDTH, subsequent_indent="      ")
        for entry in summary["disagreements"]
    ]
    found += [
        textwrap.fill(f"NOTE: {text}", WIDTH, subsequent_indent="      ") for text in shortfalls(summary)
    ]
    if summary["references"]:
        found.append(reference_table(summary["references"]))
    return [*found, *(f"PROBLEM: {problem}" for problem in summary["problems"])]
