"""Results that are not whole any more, or never were ours: said in one line, with what to do."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from cases.base.errors import CaseError
from cases.contracts.summary import read_summary
from cases.contracts.sweep import RunEntry, SweepRecord
from solver.output.reading import Unreadable

AGAIN = "run the case again, or give the folder of another result"


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """A block that reads a result folder; what fails in it because the folder is damaged is bad input.

    Raises:
        CaseError: naming the file that is damaged, and where.
    """
    try:
        yield
    except (CaseError, OSError, MemoryError):
        raise
    except Unreadable as error:
        raise CaseError(str(error.path), "", error.reason, AGAIN) from None
    except Exception as error:
        # a mistake of ours unless the files are to blame
        if (found := damage(folder)) is not None:
            raise found from error
        raise


def damage(folder: Path) -> CaseError | None:
    """The first file among the records of a run or sweep that does not say what it must; None if all do."""
    for name in ("summary.json", "sweep.json", "run.json", "case.toml"):
        path = folder / name
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            return CaseError(str(path), "", f"it cannot be read ({error.strerror})", AGAIN)
        if (wrong := _wrong(name, raw)) is not None:
            return CaseError(str(path), wrong[0], wrong[1], AGAIN)
    return None


def _wrong(name: str, raw: bytes) -> tuple[str, str] | None:
    """Key and fault of a record; None if there is nothing wrong with it."""
    try:
        if name == "summary.json":
            read_summary(raw)
        elif name == "sweep.json":
            TypeAdapter(SweepRecord).validate_json(raw)
        elif name == "run.json":
            TypeAdapter(RunEntry).validate_json(raw)
        else:
            tomllib.loads(raw.decode("utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        return ".".join(str(part) for part in first["loc"]), f"it is damaged: {first['msg']}"
    except (ValueError, RecursionError) as error:
        return "", f"it is damaged: {' '.join(str(error).split())[:120]}"
    return None
