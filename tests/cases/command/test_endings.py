"""How the program ends when a signal comes, its output goes nowhere, or the disk is full."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cases import cli
from cases.base import errors, streams
from tests.small_case import CASE, environment, program

LINE = """
title = "µ = ½"

[system]
coordinates = ["x"]
loss = "(x**2 - 1)**2/4"

[domain]
bounds = [[-1.8, 1.8]]

[mesh]
resolution = 32

[noise.isotropic]
diffusion = "identity"
"""


def started(case, out, ranks):
    """A run that has begun to solve, in a session of its own."""
    job = subprocess.Popen(
        program("run", case, "-o", out, ranks=ranks),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert any("attractors:" in line for line in job.stdout)
    time.sleep(0.5)
    assert job.poll() is None
    return job


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_on_one_rank(name, code, tmp_path):
    (tmp_path / "small.toml").write_text(CASE)
    job = started(tmp_path / "small.toml", tmp_path / "out", 0)
    job.send_signal(getattr(signal, name))
    said = job.communicate(timeout=60)[1]
    assert job.returncode == code
    assert said.count("\n") == 1
    assert f"ended by {name}: nothing was written" in said
    assert [path.name for path in tmp_path.iterdir()] == ["small.toml"]


@pytest.mark.parametrize("whom", ["launcher", "second"])
def test_a_signal_on_two_ranks(whom, tmp_path):
    (tmp_path / "small.toml").write_text(CASE)
    job = started(tmp_path / "small.toml", tmp_path / "out", 2)
    ranks = subprocess.run(["pgrep", "-P", str(job.pid)], capture_output=True, text=True).stdout.split()
    assert len(ranks) == 2
    os.kill(job.pid if whom == "launcher" else int(ranks[1]), signal.SIGTERM)
    said = job.communicate(timeout=60)[1]
    # to a signal of its own the launcher has an exit code of its own
    assert job.returncode == (1 if whom == "launcher" else 143)
    assert "Traceback" not in said

    def left():
        return len(list(tmp_path.iterdir())) > 1 or any(os.path.exists(f"/proc/{rank}") for rank in ranks)

    wait = time.monotonic() + 20  # the launcher kills a rank in the middle of a solve: then the guard acts
    while left() and time.monotonic() < wait:
        time.sleep(0.05)
    assert not left()
    assert [path.name for path in tmp_path.iterdir()] == ["small.toml"]


def test_the_reader_goes(tmp_path):
    (tmp_path / "line.toml").write_text(LINE, encoding="utf-8")
    job = subprocess.Popen(
        program("run", tmp_path / "line.toml", "-o", tmp_path / "out"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "checking" in job.stdout.readline()
    job.stdout.close()
    assert job.stderr.read() == ""
    assert job.wait(timeout=60) == 0
    assert json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))["ok"] is True


def test_no_standard_streams_and_another_locale(tmp_path):
    (tmp_path / "line.toml").write_text(LINE, encoding="utf-8")
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]
    job = subprocess.run(
        [*closed, *program("run", tmp_path / "line.toml", "-o", tmp_path / "out")],
        env=environment() | {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        timeout=60,
    )
    assert job.returncode == 0
    for name in ("case.toml", "report.html", "summary.json"):
        assert "µ = ½" in json.dumps(
            (tmp_path / "out" / name).read_text(encoding="utf-8"), ensure_ascii=False
        ) or "\\u00b5 = \\u00bd" in (tmp_path / "out" / name).read_text(encoding="utf-8")


def test_an_encoding_that_lacks_a_letter(tmp_path):
    (tmp_path / "line.toml").write_text(LINE, encoding="utf-8")
    job = subprocess.run(
        program("check", tmp_path / "line.toml"),
        env=environment() | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
    )
    assert job.returncode == 0
    assert job.stderr == b""
    again = tmp_path / "again.toml"
    again.write_bytes(job.stdout)
    from cases.loading.load import load

    assert load(str(again))[0].title == "µ = ½"


@pytest.mark.parametrize("command", [["list"], ["check", "maier-stein"]])
def test_a_full_disk_behind_the_output(command):
    with open("/dev/full", "w") as full:
        job = subprocess.run(
            program(*command), env=environment(), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert job.returncode == 2
    assert job.stderr.startswith("standard output: cannot be written (No space left on device); ")
    assert job.stderr.count("\n") == 1


FULL = """
import resource, sys
from mpi4py import MPI   # what it shares between ranks is made before the limit holds
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
from cases.cli import program
program()
"""


def test_a_file_that_grows_beyond_the_limit(tmp_path):
    (tmp_path / "line.toml").write_text(LINE, encoding="utf-8")
    (tmp_path / "out").mkdir()
    job = subprocess.run(
        [sys.executable, "-c", FULL, "run", str(tmp_path / "line.toml"), "-o", str(tmp_path / "out")],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert job.returncode == 2, job.stderr
    assert job.stderr == (
        f"output folder: {tmp_path}/out: the results cannot be written (File too large); "
        "raise the limit of the size of files (ulimit -f)\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["line.toml", "out"]
    assert not list((tmp_path / "out").iterdir())


def test_what_the_system_refuses_is_said_with_a_remedy():
    error = errors.system_error(OSError(errno.ENOSPC, "No space left on device", "/data/x"))
    assert (
        str(error)
        == "/data/x: No space left on device; make room on that disk, or choose another folder with -o"
    )
    error = errors.system_error(OSError(errno.ENOSPC, "Can't close file (file write failed: …"))
    assert str(error).startswith("quasipot: No space left on device; ")


def test_a_lenient_stream_drops_what_comes_after_a_failure():
    with open("/dev/full", "wb", buffering=0) as full:
        raw = streams._Lenient(full.fileno(), "w", closefd=False)
        assert raw.write(b"abc") == 3
        assert raw.problem.errno == errno.ENOSPC
        assert raw.write(b"abc") == 3


@pytest.mark.parametrize("ranks", [1, 2])
def test_without_a_home_folder(ranks, tmp_path):
    """Jobs of batch systems and services may have none; Open MPI would not start."""
    bare = {key: value for key, value in os.environ.items() if key != "HOME"}
    if ranks == 1:
        command = [sys.executable, "-m", "cases"]
    else:
        variables = Path(__file__).resolve().parents[3] / "docker" / "variables"
        command = [
            "bash",
            "-c",
            f'. {variables}; exec mpirun -n 2 "$@"',
            "bash",
            sys.executable,
            "-m",
            "cases",
        ]
    job = subprocess.run([*command, "run", "none"], env=bare, capture_output=True, text=True, check=False)
    assert job.returncode == 2
    assert "no such file" in job.stderr
    assert "opal_init" not in job.stderr + job.stdout


def test_a_page_that_cannot_be_written_costs_no_result(tmp_path, monkeypatch, capsys):
    def refuse(folder):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))

    monkeypatch.setattr("cases.report.page.write_report", refuse)
    (tmp_path / "line.toml").write_text(LINE, encoding="utf-8")
    assert cli.main(["run", str(tmp_path / "line.toml"), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "report.html: No space left on device; make room" in said
    assert f"'quasipot report {tmp_path}/out' then writes it: all other results are there" in said
    assert json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))["ok"] is True
    monkeypatch.undo()
    (tmp_path / "out" / ".report.html.77-0123abcd").write_text("half")  # of a report that was killed
    assert cli.main(["run", str(tmp_path / "line.toml"), "-o", str(tmp_path / "out")]) == 0
    assert "<svg" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
