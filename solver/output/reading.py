"""Opening the HDF5 files of results, which may be damaged or foreign."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py


class Unreadable(ValueError):
    """A file that is none of ours, or not whole any more.

    Attributes:
        path: The file.
        reason: What is wrong with it.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason


@contextmanager
def opened(path: str | Path) -> Iterator[h5py.Group]:
    """The group of a file that holds all its data, open while the block reads from it.

    Raises:
        Unreadable: If it cannot be opened, or the block does not find there what it looks for.
    """
    try:
        with h5py.File(path, "r") as file:
            if not isinstance(file.get("VTKHDF"), h5py.Group):
                raise Unreadable(path, "it holds no grid written by quasipot")
            yield file["VTKHDF"]
    except Unreadable:
        raise
    except OSError as error:
        if error.errno is not None and not Path(path).is_file():
            raise
        raise Unreadable(path, f"it cannot be read as HDF5 ({_first_words(error)})") from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RuntimeError, MemoryError) as error:
        raise Unreadable(path, f"it is damaged ({_first_words(error)})") from None


def _first_words(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:120]
