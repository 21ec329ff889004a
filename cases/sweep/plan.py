"""The members of a sweep: one complete case for each combination of values.

A member is the effective case with some keys replaced and the ``[sweep]`` table removed, validated like
any other case.  What it computes is identified by a digest of its effective case and of the files that it
reads (data, mesh, Python module), so that a finished member is recognised whatever the rest of the sweep is.
"""

from __future__ import annotations

import copy
import itertools
import math
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cases.base.errors import CaseError, suggestion
from cases.base.numbers import whole
from cases.casefile.case import Case
from cases.casefile.ranges import expand
from cases.loading.digest import digest
from cases.loading.load import from_data

MOST = 10_000
# what is a file, and no expression with a quotient
FILE = re.compile(r"[^*+()]*/[^*+()/]*\.[A-Za-z][A-Za-z0-9]{0,6}")


@dataclass(frozen=True)
class Member:
    """One case of a sweep.

    Attributes:
        values: The varied keys and their values here.
        case: The case.
        effective: It as TOML text.
        digest: Identifies what it computes, 64 hexadecimal digits.
        label: The values in short, for people.
        folder: Name of its result folder.
    """

    values: dict[str, object]
    case: Case
    effective: str
    digest: str
    label: str
    folder: str


def members(
    case: Case,
    effective: str,
    vary: Mapping[str, object],
    mode: str,
    where: str = "sweep.vary",
    made: Callable[[], None] = lambda: None,
) -> list[Member]:
    """All members, in the order of the values; the first key varies slowest.

    Args:
        case: The case of the sweep.
        effective: Its effective text.
        vary: Dotted keys with lists or ranges of values.
        mode: "product" or "zip".
        where: What to call ``vary`` in an error.
        made: Called after each member, for progress.

    Raises:
        CaseError: for a key that is not there, lists of different lengths, or a member that is no
            valid case.
    """
    lists = {name: expand(name, given) for name, given in vary.items()}
    lengths = {len(values) for values in lists.values()}
    if mode == "zip" and len(lengths) > 1:
        raise case.error(
            "sweep.mode", f'"zip" of lists with {sorted(lengths)} values', "make them equally long"
        )
    if mode == "product" and math.prod(len(values) for values in lists.values()) > MOST:
        raise case.error(where, f"more than {MOST} members", "shorten the lists")
    base = tomllib.loads(effective)
    base.pop("sweep", None)
    rows = itertools.product(*lists.values()) if mode == "product" else zip(*lists.values(), strict=True)
    found = []
    for row in rows:
        found.append(_member(case, base, dict(zip(lists, row, strict=True)), where))
        made()
    if len({member.digest for member in found}) != len(found):
        raise case.error(where, "two members are the same case", "remove repeated values")
    return found


def _member(case: Case, base: dict[str, object], values: dict[str, object], where: str) -> Member:
    data = copy.deepcopy(base)
    for path, value in values.items():
        _put(case, data, path, value, where)
    label = describe(values)
    try:
        member, effective = from_data(data, name=case.name, file=case.file, folder=case.folder)
    except CaseError as error:
        problem = f"with {label}, {error.key}: {error.problem}" if error.key else error.problem
        raise CaseError(case.file, where, problem, error.fix) from None
    known = digest(member, effective)
    plain = re.sub(r"[^A-Za-z0-9.=,+-]", "", label.replace(", ", ","))[:60]
    return Member(values, member, effective, known, label, f"{plain}-{known[:8]}")


def _put(case: Case, data: dict[str, object], path: str, value: object, where: str) -> None:
    """Replace the value of a dotted key; whole numbers in it count the entries of a list."""
    *parents, last = path.split(".")
    target: object = data
    for part in parents:
        target = _entry(case, target, part, path, where)
    if isinstance(target, list):
        _entry(case, target, last, path, where)
        target[int(last)] = value
        return
    if not isinstance(target, dict):
        raise case.error(where, f"there is no key '{path}'", "name a key that 'quasipot check' prints")
    # a new parameter would be accepted, and change nothing; other unknown keys are refused as in any case
    if parents == ["system", "parameters"] and last not in target:
        raise case.error(where, f"there is no parameter '{last}'", suggestion(last, target, "parameters"))
    if path == "compare.epsilon" and not isinstance(value, list):
        value = [value]
    target[last] = value


def _entry(case: Case, target: object, part: str, path: str, where: str) -> object:
    if isinstance(target, dict) and part in target:
        return target[part]
    if isinstance(target, dict):
        raise case.error(where, f"'{path}': there is no '{part}'", suggestion(part, target, "keys"))
    index = whole(part)
    if isinstance(target, list) and index is not None and 0 <= index < len(target):
        return target[index]
    raise case.error(where, f"there is no key '{path}'", "name a key that 'quasipot check' prints")


def describe(values: Mapping[str, object]) -> str:
    """The values in short: ``phi = 30, kappa = 0.6``."""
    names = short_names(list(values))
    return ", ".join(f"{name}={short(value)}" for name, value in zip(names, values.values(), strict=True))


def short(value: object) -> str:
    """A value of a varied key, as it stands in labels and tables."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = Path(value).name if isinstance(value, str) and FILE.fullmatch(value) else str(value)
    return printable(text)


def printable(text: str) -> str:
    """A text in one line, whatever is in it."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def short_names(paths: Sequence[str]) -> list[str]:
    """The last parts of dotted keys, as many as it takes to tell them apart."""
    for parts in range(1, 8):
        names = [".".join(path.split(".")[-parts:]) for path in paths]
        if len(set(names)) == len(names) and not any(name[:1].isdigit() for name in names):
            return names
    return list(paths)
