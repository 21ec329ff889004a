"""Derived columns of a sweep: numbers from each member's summary, expressions of them, closed forms beside.

```toml
[sweep]
vary = { "system.options.s1" = [0.2, 0.3], "system.options.s2" = [0.45, 0.3] }
mode = "zip"
values = { xx = "noises.isotropic.stationary.0.covariance.0.0", yy = "…" }
columns = { ratio = "xx/yy" }                  # of the values and of the last parts of the varied keys
exact = { ratio = "s1**2/s2**2" }              # what it should be, for a column of this name
abscissa = "s1**2/s2**2"                       # what to draw the columns against
tolerance = 1e-3
```
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cases.base.numbers import is_number, whole
from cases.contracts.sweep import SweepRow
from cases.expressions.parse import ExpressionError, parse, symbols
from cases.sweep.plan import short_names

# what every row of a sweep has, beside what is derived
RESULTS = (
    "noise", "from", "to", "epsilon", "trace", "barrier", "lower", "upper", "log_mfpt", "log_mfpt_direct",
    "log_mfpt_kramers", "log_mfpt_simulated", "log_rate_ratio",
)  # fmt: skip
ABSCISSA = "abscissa"
# parts of the way from one member to the next at which a closed form is drawn
BETWEEN = tuple(n / 24 for n in range(25))


@dataclass(frozen=True)
class Columns:
    """What ``[sweep]`` says of derived columns; all expressions by name.

    Attributes:
        values: Dotted paths into a member's summary.json.
        columns: Expressions of them and of the varied numbers.
        exact: Closed forms for columns, of the varied numbers.
        abscissa: What to draw against, of the varied numbers; None: the first varied key.
        tolerance: Largest accepted relative difference of a column and its closed form.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    exact: Mapping[str, str] = field(default_factory=dict)
    abscissa: str | None = None
    tolerance: float = 1e-3

    @property
    def names(self) -> list[str]:
        """Names of the columns that a row gets, in order."""
        beside = [f"{name} exact" for name in self.columns if name in self.exact]
        return [*self.values, *self.columns, *beside, *([ABSCISSA] if self.abscissa is not None else [])]


def column_fault(columns: Columns, vary: Sequence[str]) -> tuple[str, str, str] | None:
    """The first thing that is wrong, as key, problem and fix; None if nothing is."""
    varied = _names(vary)
    for key, names in (("values", columns.values), ("columns", columns.columns)):
        for name in names:
            if name in (*RESULTS, *varied, "ok", "folder", ABSCISSA) or not name.isidentifier():
                return f"sweep.{key}.{name}", "this cannot name a column", "choose another name"
    for key, table, known in (
        ("columns", columns.columns, [*varied, *columns.values]),
        ("exact", columns.exact, varied),
    ):
        for name, text in table.items():
            try:
                parse(text, known)
            except ExpressionError as error:
                return f"sweep.{key}.{name}", error.problem, error.fix
    for name in columns.exact:
        if name not in columns.columns:
            return f"sweep.exact.{name}", f"there is no column '{name}'", "give it in sweep.columns"
    if columns.abscissa is not None:
        try:
            parse(columns.abscissa, varied)
        except ExpressionError as error:
            return "sweep.abscissa", error.problem, error.fix
    return None


def derive(columns: Columns, varied: Mapping[str, object], summary: object) -> dict[str, float | None]:
    """The derived columns of one member; None where a number is missing.

    Args:
        columns: What is wanted.
        varied: The varied keys and their values.
        summary: The member's summary.json; None if it has none.
    """
    own = {name: _number(value) for name, value in zip(_names(list(varied)), varied.values(), strict=True)}
    found = {name: _number(lookup(summary, path)) for name, path in columns.values.items()}
    row: dict[str, float | None] = dict(found)
    for name, text in columns.columns.items():
        row[name] = _value(text, own | found)
    for name, text in columns.exact.items():
        row[f"{name} exact"] = _value(text, own)
    if columns.abscissa is not None:
        row[ABSCISSA] = _value(columns.abscissa, own)
    return {name: row.get(name) for name in columns.names}


def lookup(summary: object, path: str) -> object:
    """The value at a dotted path in a summary; whole numbers count list entries; None if it is not there."""
    for part in path.split("."):
        if isinstance(summary, Mapping) and part in summary:
            summary = summary[part]
        elif (
            isinstance(summary, list)
            and (index := whole(part)) is not None
            and -len(summary) <= index < len(summary)
        ):
            summary = summary[index]
        else:
            return None
    return summary


def closed_curve(
    columns: Columns, name: str, rows: Sequence[SweepRow], vary: Sequence[str]
) -> list[tuple[float, float]]:
    """Abscissa and closed form of a column between the members, for a smooth line; empty where there is none.

    The varied numbers are interpolated along the members in the order of the abscissa.  Where several keys
    vary independently there is no such line, and the members' own values are connected.

    Args:
        columns: What is derived.
        name: The column.
        rows: One row per member.
        vary: The varied keys.
    """
    key = ABSCISSA if columns.abscissa is not None else vary[0]
    known = [
        row for row in rows if _number(row[key]) is not None and _number(row[f"{name} exact"]) is not None
    ]
    known.sort(key=lambda row: row[key])
    points = [
        {own: _number(row[path]) for own, path in zip(_names(vary), vary, strict=True)} for row in known
    ]
    own_places = [row[key] for row in known]
    firsts = {row[vary[0]] for row in known if _number(row[vary[0]]) is not None}
    independent = len(vary) > 1 and len(firsts) < len(known)
    if independent or len(set(own_places)) < len(own_places):
        return [(row[key], row[f"{name} exact"]) for row in known]
    place = columns.abscissa if columns.abscissa is not None else _names(vary)[0]
    found = []
    for first, second in itertools.pairwise(points):
        for t in BETWEEN:
            between = {own: _mean(one, second[own], t) for own, one in first.items()}
            found.append((_value(place, between), _value(columns.exact[name], between)))
    return [(x, y) for x, y in found if x is not None and y is not None]


def _mean(first: float | None, second: float | None, t: float) -> float | None:
    return None if first is None or second is None else (1.0 - t) * first + t * second


def disagreements(columns: Columns, label: str, row: Mapping[str, float | None]) -> list[str]:
    """A sentence for every column of a member that differs from its closed form."""
    found = []
    for name in columns.exact:
        computed, exact = row.get(name), row.get(f"{name} exact")
        if computed is None or exact is None:
            continue
        error = abs(computed - exact) / (abs(exact) or 1.0)
        if not error <= columns.tolerance:
            found.append(
                f"{label}: {name} = {computed:.9g}, but {exact:.9g} exactly: error {error:.2g} is above "
                f"{columns.tolerance:g}"
            )
    return found


def _names(vary: Sequence[str]) -> list[str]:
    """Names of the varied numbers in expressions: the last parts of their keys."""
    return [name.replace(".", "_") for name in short_names(vary)]


def _value(text: str, numbers: Mapping[str, float | None]) -> float | None:
    """The value of an expression; None where a number that it uses is missing, or it has no finite value."""
    expression = parse(text, list(numbers))
    used = {str(symbol) for symbol in expression.free_symbols}
    known = {symbols([name])[0]: value for name, value in numbers.items() if value is not None}
    if any(numbers.get(name) is None for name in used):
        return None
    return _number(complex(expression.subs(known)).real)


def _number(value: object) -> float | None:
    return float(value) if is_number(value) else None
