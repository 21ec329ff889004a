"""Sharpness and largest stable learning rates as a plain table."""

from __future__ import annotations

from cases.base.numbers import number
from cases.base.text_table import text_table
from cases.contracts.summary import Summary


def stability_lines(summary: Summary) -> list[str]:
    """A table and what is to be noted; nothing without a map."""
    found = summary.get("stability")
    if found is None:
        return []
    batches = [f"batch_{batch}" for batch in found["batch_sizes"]]
    heads = ["t", "tr H", "|H|_F", "largest", "GD: 2/largest", "2/tr H"]
    heads += [f"SGD, B = {batch}" for batch in found["batch_sizes"]]
    rows = [
        [
            f"{row['t']:.6g}",
            *(number(value, 8) for value in (row["trace"], row["frobenius"], row["largest"])),
            *(number(value, 6) for value in (row["gradient_descent"], row["by_trace"])),
            *(number(row["sgd"][batch], 8) for batch in batches),
        ]
        for row in found["at"]
    ]
    title = "Sharpness and largest stable learning rates at the minima"
    text = text_table(title, [heads], rows, left=())
    flat = ", ".join(f"{name} at t = {one['t']:.7g}" for name, one in found["flattest"].items())
    return [f"{text}\nflattest by {flat}", *(f"NOTE: {note}" for note in found["notes"])]


def typeset(note: str) -> str:
    """A note as a sentence of the report."""
    return note[0].upper() + note[1:].replace("<=", "≤").replace("eta", "η") + "."
