"""What a killed compilation leaves behind is removed, and nothing is while another process is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dolfinx import jit

from meshes.form_cache import PATIENCE, abandoned, share


def _half_and_whole(folder: Path) -> tuple[Path, Path]:
    half, whole = folder / "libffcx_forms_half.c", folder / "libffcx_forms_whole.c"
    for file in (half, whole, whole.with_suffix(".c.cached")):
        file.touch()
    return half, whole


def test_abandoned_form_is_removed_when_nobody_compiles(tmp_path: Path) -> None:
    half, whole = _half_and_whole(tmp_path)
    assert abandoned(tmp_path) == [half]
    assert share(tmp_path) == 1
    assert not half.exists()
    assert whole.exists()
    half.touch()
    assert share(tmp_path) == 0, "a folder is cleared once, when it is entered"
    assert half.exists()


def test_nothing_is_removed_while_another_process_may_compile(tmp_path: Path) -> None:
    half, _ = _half_and_whole(tmp_path)
    code = (
        "import sys; from pathlib import Path; from meshes.form_cache import share\n"
        "share(Path(sys.argv[1])); (Path(sys.argv[1]) / 'libffcx_forms_half.c').touch()\n"
        "print('in', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "in"
        assert share(tmp_path) == 0
        assert half.exists()
        other.communicate("")
    assert share(tmp_path) == 0  # this process has the folder already


def test_others_are_waited_for() -> None:
    share()
    assert jit.get_options()["timeout"] == PATIENCE
