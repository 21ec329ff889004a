"""A curve in words: its marks, and where the densities along it are largest."""

from __future__ import annotations

from cases.contracts.summary import Summary


def section_lines(summary: Summary) -> list[str]:
    """One block; nothing without a section."""
    found = summary.get("section")
    if found is None:
        return []
    text = [f"Along the curve ({', '.join(found['curve'])}), t from {found['t'][0]:g} to {found['t'][-1]:g}"]
    text += [f"  mark: t = {one['text']} = {one['t']:.7g}" for one in found["marks"]]
    for noise, entry in summary["noises"].items():
        levels = entry["section"]["levels"] if "section" in entry else []
        text += [
            f"  density largest at t = {level['peak']:.7g} ({noise}, ε = {level['epsilon']:g})"
            for level in levels
            if level["peak"] is not None
        ]
    return ["\n".join(text)]
