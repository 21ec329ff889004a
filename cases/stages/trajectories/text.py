"""What is observed along trajectories, in words."""

from __future__ import annotations

from cases.base.numbers import number
from cases.contracts.summary import Summary


def trajectory_lines(summary: Summary) -> list[str]:
    """One block; nothing without trajectories."""
    found = summary.get("trajectories")
    if found is None:
        return []
    text = [
        f"Trajectories with learning rate {found['learning_rate']:g}, {found['steps']} steps "
        f"(SGD: averages over {found['paths']} paths with 95 % intervals; descent: the last iterate)"
    ]
    paths = [("SGD", found["sgd"]), ("descent on the mean loss", found["gd"])]
    if "plain" in found:
        paths.append((f"descent on {found['plain_loss']}", found["plain"]))
    for word, path in paths:
        values = ", ".join(
            f"{name} {number(one['value'], 5)}" + (f" ± {one['error']:.1g}" if "error" in one else "")
            for name, one in path["observed"].items()
        )
        text.append(f"  {word}: {values}")
    return ["\n".join(text)]
