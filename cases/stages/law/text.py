"""Barriers of a process itself beside those of its diffusion, in words and as a table."""

from __future__ import annotations

from cases.base.numbers import fixed, number
from cases.contracts.escapes import Extinction, LawBarrier, LawEntry
from cases.contracts.summary import Summary
from cases.figures.table import Line, PageTable

HEADS = ("escape", "itself", "[lower, upper]", "its diffusion", "ratio", "largest |p·g|", "per η")
KINDS = {"minibatch": "Minibatch SGD itself", "reactions": "The jump process itself"}
NOTE = (
    "Itself: least action of the process's own large-deviation law; its escape times grow as "
    "exp(barrier/ε). upper: an explicit path, with its error; lower: what no path in the domain costs less "
    "than. largest |p·g|: exponent of the strongest sample, or jump, on the way out; the diffusion is right "
    "where it is well below 1. per η: V₁, the barrier of an iteration at the learning rate η is V + η V₁ to "
    "first order"
)


def law_rows(summary: Summary) -> list[tuple[str, list[tuple[str, ...]]]]:
    """For every noise with a law its name, and a line for every escape, with the cells of HEADS.

    One more is the barrier under the baseline noise, where there is one.
    """
    found = []
    base = baseline(summary)
    for name, entry in summary["noises"].items():
        law = entry.get("law")
        if law is None or not (law["barriers"] or law.get("extinctions")):
            continue
        found.append((name, [_cells(row, summary, base) for row in law["barriers"]]))
    return found


def baseline(summary: Summary) -> str | None:
    """The noise that others are compared with, if there is one."""
    rows = summary.get("comparison", [])
    return rows[0]["baseline"] if rows else None


def _cells(row: LawBarrier, summary: Summary, base: str | None) -> tuple[str, ...]:
    end = "–" if row["to"] is None else row["to"]
    ratio = row["barrier"] / row["diffusion"] if row["barrier"] and row["diffusion"] else None
    both = f"[{number(row['lower'], 5)}, {number(row['upper'], 5)}]" if row["barrier"] is not None else "–"
    cells = [f"{row['from']} → {end}", number(row["barrier"], 6), both, number(row["diffusion"], 5)]
    cells.append(number(ratio, 4))
    cells += [number(row["largest_exponent"], 2), _change(row)]
    if base is not None:
        same = [
            one["barrier"]
            for one in summary["noises"][base]["barriers"]
            if (one["from"], one["to"], one["saddle"]) == (row["from"], row["to"], row["saddle"])
        ]
        cells.append(number(same[0] if same else None, 5))
    return tuple(cells)


def _change(row: LawBarrier) -> str:
    """V₁; 0 where it is the rounding of a sum of terms of the size of the barrier."""
    change, barrier = row["per_learning_rate"], row["barrier"]
    if change is None or barrier is None:
        return number(None)
    return "0" if abs(change) < 1e-10 * barrier else number(change, 2)


def law_tables(summary: Summary) -> list[str]:
    """The same as plain text, at most 100 columns wide; nothing where no law was asked for."""
    texts = []
    base = baseline(summary)
    for name, lines in law_rows(summary):
        heads = HEADS if base is None else (*HEADS, base[:20])
        widths = [max(len(line[i]) for line in [heads, *lines]) for i in range(len(heads))]
        law = summary["noises"][name]["law"]
        text = [f"{KINDS[law['kind']]}: barriers, noise '{name[:30]}'"]
        for line in [heads, ["─" * width for width in widths], *lines] if lines else []:
            cells = [
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            text.append("  ".join(cells).rstrip())
        texts.append("\n".join([*text, *_refusals(law), *_times(law)]))
    return texts


def law_page_tables(summary: Summary) -> list[PageTable]:
    """The same as tables of the report."""
    base = baseline(summary)
    heads = HEADS if base is None else (*HEADS, base)
    return [
        PageTable(
            f"{KINDS[summary['noises'][name]['law']['kind']]}, noise {name}",
            heads,
            tuple(Line(tuple(row)) for row in lines),
            " ".join([f"{NOTE}.", *_times(summary["noises"][name]["law"])]),
        )
        for name, lines in law_rows(summary)
    ]


def _refusals(law: LawEntry) -> list[str]:
    return [
        f"from {row['from']} over saddle {row['saddle']}: {row['refused']}"
        for row in law["barriers"]
        if row["refused"] is not None
    ]


def _times(law: LawEntry) -> list[str]:
    found = []
    for row in law.get("extinctions", []):
        found.append(
            f"extinction from attractor {row['from']}: V = {number(row['barrier'], 6)} of the process "
            f"itself, {number(row['diffusion'], 6)} of its diffusion"
        )
        found += [
            f"extinction from attractor {row['from']}, {1 / time['epsilon']:g} individuals: "
            f"log T = {fixed(time['log_time'], 3)} by the exact sum of the chain"
            for time in row["times"]
        ]
    return found + [
        f"exact sum of the chain, {1 / row['epsilon']:g} individuals, {row['from']} → {row['to']}: "
        f"log T = {fixed(row['log_mfpt'], 3)}"
        for row in law.get("times", [])
    ]


def law_sentences(summary: Summary) -> list[str]:
    """What the process itself does where its diffusion has another exponent, a sentence for each noise."""
    found = []
    for name, entry in summary["noises"].items():
        law = entry.get("law")
        ratios = [
            (row["barrier"] / row["diffusion"], row)
            for row in (law["barriers"] if law is not None else [])
            if row["barrier"] is not None and row["diffusion"]
        ]
        if law is not None:
            found += [_extinction(name, row) for row in law.get("extinctions", [])]
        if law is None or not ratios:
            continue
        ratio, worst = max(ratios, key=lambda one: abs(one[0] - 1))
        found.append(
            f"{KINDS[law['kind']]}, beyond its diffusion ('{name}'): the barrier from attractor "
            f"{worst['from']} over saddle {worst['saddle']} is {number(worst['barrier'], 4)} where the "
            f"diffusion has {number(worst['diffusion'], 4)} ({100 * (ratio - 1):+.1f} %), the largest "
            f"difference of {len(ratios)}."
        )
    return found


def _extinction(name: str, row: Extinction) -> str:
    return (
        f"The population itself, beyond its diffusion ('{name}'): log T of extinction from attractor "
        f"{row['from']} grows as {number(row['barrier'], 4)} a unit of 1/ε, that of the diffusion as "
        f"{number(row['diffusion'], 4)}."
    )
