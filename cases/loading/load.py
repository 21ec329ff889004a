"""Reading a case: file or built-in name, ``--set``, validation, and the effective case as text."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from cases.base import toml_text
from cases.base.errors import CaseError, nearest
from cases.casefile.case import Case
from cases.casefile.schema import LAYOUT, CaseTable
from cases.loading.catalogue import files
from cases.loading.complaints import first_error
from cases.loading.consistency import complete
from cases.loading.plain import check_plain

MAX_BYTES = 1_000_000


def find(name: str) -> Path:
    """The file of a case given by its path, or by its name if it comes with the program.

    Raises:
        CaseError: when there is no such case.
    """
    path = Path(name)
    if path.is_file():
        return path
    known = files()
    if name in known:
        return known[name]
    if path.is_dir():
        raise CaseError(name, "", "this is a folder", "give a case file or a name that 'quasipot list' shows")
    if path.suffix == ".toml" or len(path.parts) != 1:
        raise CaseError(
            name,
            "",
            "no such file",
            "give the path of a case file; 'quasipot list' names those that come along",
        )
    near = nearest(name, known)
    fix = f"did you mean '{near}'?" if near is not None else "'quasipot list' shows all names"
    raise CaseError(name, "", "no such file, built-in case or system of the library", fix)


def load(name: str, overrides: Sequence[str] = ()) -> tuple[Case, str]:
    """Read and validate a case; returns it with the effective case as TOML text.

    The text has all defaults filled in, a comment on every key, and loads back to an equal case.

    Args:
        name: Path of a case file, or the name of a built-in case or of a system of the library.
        overrides: ``table.key=value`` strings of ``--set``.

    Raises:
        CaseError: for anything wrong with it.
    """
    path = find(name)
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_BYTES:
            raise CaseError(name, "", "the file is larger than 1 MB", "this is no case file")
        data = tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise CaseError(
            name, "", f"cannot be read ({error.strerror})", "check the path and its permissions"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CaseError(name, "", f"not valid TOML ({error})", "correct the syntax there") from None
    except RecursionError:
        raise CaseError(name, "", "not valid TOML (nested too deeply)", "no key is that deep") from None
    except ValueError:
        raise CaseError(
            name, "", "not valid TOML (a whole number has thousands of digits)", "write a smaller one"
        ) from None
    for override in overrides:
        _override(data, override, name)
    check_plain(data, name)
    return from_data(data, name=path.stem, file=name, folder=path.parent)


def from_data(data: Mapping[str, object], *, name: str, file: str, folder: Path) -> tuple[Case, str]:
    """Validate a parsed case file; see :func:`load`."""
    try:
        table = CaseTable.model_validate(dict(data))
    except ValidationError as error:
        raise first_error(error, file, data) from None
    fields = {key: getattr(table, key) for key in CaseTable.model_fields}
    case = complete(Case(**fields, name=name, file=file, folder=folder))
    effective = table.model_copy(update={key: getattr(case, key) for key in CaseTable.model_fields})
    # a mesh that is not given is not to look so when the text is read
    return case, toml_text.table(effective, without={f"mesh.{key}" for key in LAYOUT} if case.refines else ())


def _override(data: dict[str, object], text: str, file: str) -> None:
    """Put one ``table.key=value`` into the parsed file: the value is TOML, or else a string."""
    name, equals, value = text.partition("=")
    bad = CaseError(
        file, f"--set {text}", "this is not table.key=value", "write for example --set mesh.resolution=32"
    )
    if not equals or "\n" in text or "\r" in text:
        raise bad
    try:
        path = tomllib.loads(f"{name} = 0")
    except (ValueError, RecursionError):
        raise bad from None
    try:
        new = tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        new = value.strip()
    target: object = data
    while True:
        ((key, below),) = path.items()
        if not isinstance(target, dict):
            raise CaseError(file, f"--set {text}", f"the parent of '{key}' is not a table", "correct the key")
        if not isinstance(below, dict):
            target[key] = new
            return
        target, path = target.setdefault(key, {}), below
