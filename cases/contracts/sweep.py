"""What ``sweep.json``, ``study.json`` and ``batch.json`` hold."""

from __future__ import annotations

from typing import Any, NotRequired, TypeAlias, TypedDict

#: One line of the table of a sweep: fixed columns, and those that the user names, of any kind.
SweepRow: TypeAlias = dict[str, Any]
#: A value that is varied: a number, a string, a list of such.
Varied: TypeAlias = object


class MemberEntry(TypedDict):
    """One member of a sweep or study."""

    values: dict[str, Varied]
    """the varied keys and their values"""
    folder: str
    """its result folder"""
    ok: bool
    """whether nothing failed"""
    problems: list[str]
    """a line for each thing that failed"""
    seconds: float | None
    """how long it took; null for one that was kept"""
    rows: list[SweepRow]
    """its lines of the table"""


class ColumnsEntry(TypedDict):
    """The derived columns of a sweep, as in its table ``[sweep]``."""

    values: dict[str, str]
    """dotted paths into the summary of a member"""
    columns: dict[str, str]
    """expressions of them and of the varied numbers"""
    exact: dict[str, str]
    """closed forms"""
    abscissa: str | None
    """what columns are drawn against"""
    tolerance: float
    """largest accepted relative difference"""


class PartEntry(TypedDict):
    """What was spent in one part of a run."""

    seconds: float
    """by the clock, of the slowest rank"""
    cpu: float
    """seconds of a processor, of all ranks together"""
    waited: float
    """seconds that ranks waited for one that worked alone, of all ranks together"""
    megabytes: int
    """most memory held so far, of all ranks together"""


class RunEntry(TypedDict):
    """By what, where and when something was computed."""

    date: str
    """when it was finished"""
    command: list[str]
    """the command line"""
    host: str
    """name of the machine"""
    ranks: int
    """MPI ranks"""
    versions: dict[str, str | None]
    """program and libraries"""
    git_commit: str | None
    """commit of the source tree"""
    timings: dict[str, float]
    """seconds by stage"""
    parts: NotRequired[dict[str, PartEntry]]
    """what was spent where, the dearest first"""


class SweepRecord(TypedDict):
    """``sweep.json``."""

    case: str
    """name of the case"""
    title: str
    """its title"""
    vary: dict[str, list[Varied]]
    """the varied keys and all their values"""
    mode: str
    """how they are combined"""
    show: list[str]
    """further columns"""
    figure: str
    """kind of figure"""
    derived: ColumnsEntry
    """derived columns"""
    members: list[MemberEntry]
    """the members, in the order of their values"""
    failed: list[str]
    """labels of those that failed"""
    ok: bool
    """whether nothing failed"""
    problems: list[str]
    """a line for each thing that failed"""
    run: RunEntry
    """by what it was computed"""


Quantity = TypedDict(
    "Quantity",
    {
        "noise": str,
        "from": int,
        "to": int | None,
        "quantity": str,
        "epsilon": float | None,
        "values": list[float | None],
        "differences": list[float | None],
        "orders": NotRequired[list[float | None]],
        "factors": NotRequired[list[float | None]],
    },
)
Quantity.__doc__ = "A barrier or log T over the members of a study, with differences, and orders or factors."


class StudyRecord(TypedDict):
    """``study.json``."""

    case: str
    """name of the case"""
    study: str
    """what was varied"""
    values: list[int]
    """its values"""
    quantities: list[Quantity]
    """how results change"""
    members: list[MemberEntry]
    """the members"""
    ok: bool
    """whether nothing failed"""
    problems: list[str]
    """a line for each thing that failed"""


class BatchEntry(TypedDict):
    """One case file of a batch."""

    name: str
    """name of the file"""
    title: str
    """title of the case"""
    folder: str | None
    """its result folder; null for a file that is no valid case"""
    ok: bool
    """whether nothing failed"""
    problems: list[str]
    """a line for each thing that failed"""
    seconds: float | None
    """how long it took; null for one that was kept or not run"""


class BatchRecord(TypedDict):
    """``batch.json``."""

    source: str
    """the folder of the case files"""
    members: list[BatchEntry]
    """the cases, by name"""
    ok: bool
    """whether nothing failed"""
    problems: list[str]
    """a line for each thing that failed"""
    run: RunEntry
    """by what it was computed"""
