"""The command line: ``quasipot run | batch | check | list | probe | report | paraview | schema``.

Exit codes: 0 good; 2 bad input (or a full disk and the like), said in one line on standard error; 3 a solver
failed or a result failed its own checks; 75 stopped as SIGUSR1 asked, or ended by SIGTERM where what is kept
can be gone on from, and the line says how; 1 a bug; 128 + n when signal n ended it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cases.base.errors import (
    EXIT_AGAIN,
    EXIT_BUG,
    EXIT_GOOD,
    EXIT_INPUT,
    EXIT_SOLVER,
    CaseError,
    Stopped,
    system_error,
)
from cases.base.remedies import with_remedy

if TYPE_CHECKING:
    from mpi4py import MPI

    from cases.casefile.case import Case

# One thread per rank: the ranks are the parallelism.  Read by the libraries when they are loaded.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# Set by the MPI launchers (Open MPI, MPICH and its kin, Slurm's PMIx).
_LAUNCHED = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK")
_RANK = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK")


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line like all others."""

    def error(self, message: str) -> NoReturn:
        raise CaseError("quasipot", "", message, "see 'quasipot --help'")


def parser() -> argparse.ArgumentParser:
    """The argument parser of the program."""
    top = _Parser(
        prog="quasipot",
        description="Quasi-potentials, stationary densities and escape rates of small-noise diffusions.",
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, allow_abbrev=False)

    _add_runs(add)
    _add_others(add)
    return top


Add = Callable[[str, str], argparse.ArgumentParser]


def _add_case(command: argparse.ArgumentParser) -> None:
    command.add_argument("case", metavar="CASE", help="a case file, or a name that 'list' shows")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="table.key=value",
        help="override a key of the case (repeats)",
    )


def _add_level(command: argparse.ArgumentParser) -> None:
    level = command.add_mutually_exclusive_group()
    level.add_argument(
        "--quiet", dest="level", action="store_const", const="quiet", default="normal", help="no progress"
    )
    level.add_argument("--verbose", dest="level", action="store_const", const="verbose", help="more detail")


def _add_runs(add: Add) -> None:
    """The commands that solve something."""
    run = add("run", "solve a case or a sweep and write its results (also under mpirun -n N)")
    _add_case(run)
    run.add_argument(
        "-o", "--output", metavar="DIR", type=Path, help="result folder; default results/<case name>"
    )
    run.add_argument(
        "--study",
        metavar="KEY=LIST",
        help="solve for resolution=16,32,64 or degree=2,3,4 or adapt=0,1,2 and print how results change",
    )
    run.add_argument("--fresh", action="store_true", help="run finished members of a sweep or study again")
    run.add_argument(
        "--resume",
        action="store_true",
        help="go on where a run of the same case into the same folder was ended",
    )
    _add_level(run)
    batch = add("batch", "run all case files of a folder, side by side under mpirun; skip what is done")
    batch.add_argument("folder", metavar="DIR", type=Path, help="folder of case files (*.toml)")
    batch.add_argument(
        "-o", "--output", metavar="DIR", type=Path, help="result folder; default results/<name of the folder>"
    )
    batch.add_argument("--ranks", metavar="N", type=int, default=1, help="MPI ranks for each case (1)")
    batch.add_argument("--fresh", action="store_true", help="run cases again that have a result")
    _add_level(batch)


def _add_others(add: Add) -> None:
    """The commands that one process does alone."""
    _add_case(add("check", "validate a case and print it with all defaults filled in; solves nothing"))
    listing = add("list", "list the built-in cases, then the library of named systems by family")
    listing.add_argument(
        "family", metavar="FAMILY", nargs="?", help="one family only: built-in, sgd, optimisation, …"
    )
    probe = add("probe", "evaluate a field of a result at points; prints a JSON list")
    probe.add_argument("folder", metavar="DIR", type=Path, help="result folder")
    probe.add_argument("field", metavar="FIELD", help="name of the field")
    probe.add_argument("--noise", metavar="NAME", help="which noise; may be left out when there is one only")
    probe.add_argument(
        "--at", action="append", required=True, metavar="X,Y[,Z]", help="a point, as --at=-1,0.5 (repeats)"
    )
    report = add("report", "rebuild report.html of a finished run")
    report.add_argument("folder", metavar="DIR", type=Path, help="result folder")
    schema = add("schema", "print the JSON schema of case files or of summary.json")
    schema.add_argument("what", choices=("case", "summary"), help="which of them")
    paraview = add("paraview", "write a script that shows a finished run in ParaView")
    paraview.add_argument("folder", metavar="DIR", type=Path, help="result folder")
    paraview.add_argument(
        "--picture", metavar="FILE.png", type=Path, help="also run it (pvpython) and save the picture"
    )


def program() -> NoReturn:
    """The program as a process of its own: sound standard streams, and a good end when a signal comes."""
    from cases.base import interrupts, streams

    streams.make_sound()
    # PETSc would answer every signal, also a closed pipe, by a page of text and the end of all ranks.
    os.environ["PETSC_OPTIONS"] = f"{os.environ.get('PETSC_OPTIONS', '')} -no_signal_handler".strip()
    rank = next((os.environ[name] for name in _RANK if name in os.environ), "0")
    interrupts.install(int(rank) if rank.isdigit() else 0)
    code = main()
    if (trouble := streams.trouble()) is not None:
        print(trouble, file=sys.stderr)
        # A run has its results in files; of the other commands the output is all there is.
        code = code if code != EXIT_GOOD or sys.argv[1:2] in (["run"], ["batch"]) else EXIT_INPUT
    if rank == "0" and (receipt := os.environ.get("QUASIPOT_RECEIPT")):
        # For batch scripts: a launcher that lost a host may report success all the same.
        with contextlib.suppress(OSError):
            Path(receipt).write_text(f"{code}\n", encoding="utf-8")
    if code == EXIT_INPUT:
        interrupts.leave(code)
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code.  Under mpirun every rank calls it."""
    comm = _communicator(sys.argv[1:] if argv is None else argv)
    with warnings.catch_warnings():
        if not sys.warnoptions:  # what libraries remark is for who works on them
            warnings.simplefilter("ignore")
        return _guarded(argv, comm)


def _guarded(argv: Sequence[str] | None, comm: MPI.Intracomm | None) -> int:
    """The exit code, whatever goes wrong."""
    try:
        arguments = parser().parse_args(argv)
        on_ranks = {"run": _run, "batch": _batch, "check": _check}
        if arguments.command in on_ranks:
            return on_ranks[arguments.command](arguments, comm)
        return _on_root(comm, arguments)
    except CaseError as error:
        return _stop(comm, EXIT_INPUT, str(error))
    except Stopped as reason:
        return _stop(comm, EXIT_AGAIN, f"quasipot: stopped as asked: {reason}")
    except KeyboardInterrupt:
        return _stop(comm, 130, "interrupted")
    except OSError as error:
        if error.errno is None:
            return _stop(comm, EXIT_BUG, traceback.format_exc().rstrip())
        return _stop(comm, EXIT_INPUT, str(system_error(error)))
    except MemoryError:
        return _stop(comm, EXIT_SOLVER, "quasipot: out of memory; use a smaller mesh.resolution or degree")
    except Exception as error:
        if _is_solver_error(error):
            return _stop(comm, EXIT_SOLVER, " ".join(f"quasipot: {with_remedy(str(error))}".split()))
        return _stop(comm, EXIT_BUG, traceback.format_exc().rstrip())


def _is_solver_error(error: Exception) -> bool:
    """Whether it is a failure the solver foresaw; without loading the solver for that."""
    module = sys.modules.get("solver.errors")
    return module is not None and isinstance(error, module.SolverError)


def _communicator(argv: Sequence[str]) -> MPI.Intracomm | None:
    """MPI's world where it is needed: for a run, and for anything that mpirun started."""
    if argv[:1] in (["run"], ["batch"]) or any(name in os.environ for name in _LAUNCHED):
        # Open MPI does not start without one, and says so in many lines
        if not os.environ.get("HOME"):
            os.environ["HOME"] = tempfile.gettempdir()
        from mpi4py import MPI

        # A communicator of our own: never mixed up with the messages of a solve that went wrong.
        return MPI.COMM_WORLD.Dup()
    return None


def _stop(comm: MPI.Intracomm | None, code: int, message: str) -> int:
    """Say what happened once, and return the exit code; ends the job if other ranks do not come here.

    A rank that simply returned would leave the others waiting in a collective call for ever.
    """
    if comm is None or comm.size == 1:
        print(message, file=sys.stderr, flush=True)
        return code
    from cases.base.ranks import all_arrive

    if all_arrive(comm):
        if comm.rank == 0:
            print(message, file=sys.stderr, flush=True)
        # A launcher that sees one rank fail kills the others: let rank 0 finish its sentence first.
        all_arrive(comm)
        return code
    print(f"rank {comm.rank}: {message}", file=sys.stderr, flush=True)
    comm.Abort(code)
    return code


def _load(arguments: argparse.Namespace, comm: MPI.Intracomm | None) -> tuple[Case, str]:
    """Read the case on rank 0 and share it, so that all ranks see one file.  Collective."""
    from cases.loading.load import load

    if comm is None or comm.size == 1:
        return load(arguments.case, arguments.set)
    from meshes.serial import on_root

    return on_root(comm, lambda: load(arguments.case, arguments.set))


def _run(arguments: argparse.Namespace, comm: MPI.Intracomm | None) -> int:
    from mpi4py import MPI

    from cases.base.progress import Progress
    from meshes.form_cache import share

    case, effective = _load(arguments, comm)
    share()
    ending = "-study" if arguments.study is not None else ""
    folder = arguments.output if arguments.output is not None else Path("results") / f"{case.name}{ending}"
    grows = arguments.study is not None or case.sweep is not None
    _check_place(case, folder, grows, comm)
    if arguments.study is not None:
        from cases.sweep.study import run_study

        ranks = comm or MPI.COMM_WORLD
        return run_study(case, effective, folder, arguments.study, arguments.level, ranks, arguments.fresh)
    if case.sweep is not None:
        from cases.sweep.run import run_sweep

        ranks = comm or MPI.COMM_WORLD
        return run_sweep(case, effective, folder, arguments.level, ranks, arguments.fresh)
    if arguments.fresh:
        raise CaseError("quasipot", "--fresh", "this case is neither a sweep nor a study", "leave it out")
    from cases.run.pipeline import run

    return run(case, effective, folder, Progress(arguments.level, comm), comm, arguments.resume)


def _batch(arguments: argparse.Namespace, comm: MPI.Intracomm | None) -> int:
    from mpi4py import MPI

    from cases.sweep.batch import run_batch
    from meshes.form_cache import share

    if arguments.ranks < 1:
        raise CaseError(
            "quasipot", f"--ranks={arguments.ranks}", "at least one rank is needed", "give 1 or more"
        )
    share()
    source = arguments.folder
    folder = arguments.output if arguments.output is not None else Path("results") / source.resolve().name
    return run_batch(
        source, folder, arguments.ranks, arguments.level, comm or MPI.COMM_WORLD, arguments.fresh
    )


def _check_place(case: Case, folder: Path, grows: bool, comm: MPI.Intracomm | None) -> None:
    """Whether the results may be written there, before anything is computed.  Collective."""
    from cases.run.folder import check_beside, check_target

    def look() -> None:
        check_beside(folder, case.folder)
        if not grows:  # of a sweep or study; what may be in its folder it knows itself
            check_target(folder)

    if comm is None or comm.size == 1:
        look()
    else:
        from meshes.serial import on_root

        on_root(comm, look)


def _check(arguments: argparse.Namespace, comm: MPI.Intracomm | None) -> int:
    from cases.loading.validate import notes, validate
    from cases.problem.mesh_file import check_mesh_file

    case, effective = _load(arguments, comm)
    lines = notes(validate(case))
    check_mesh_file(case)
    if case.sweep is not None:
        from cases.base.progress import counted
        from cases.sweep.plan import members

        def say(text: str) -> None:
            if comm is None or comm.rank == 0:
                print(f"# {text}", flush=True)  # a comment of the case that is printed

        made = counted("members made", say)
        found = members(case, effective, case.sweep.vary, case.sweep.mode, made=made)
        looked_at = counted(f"of {len(found)} members checked", say)
        for member in found if case.system.model is None else found[:1]:
            validate(member.case)
            looked_at()
        lines.append(f"sweep of {len(found)} members: {found[0].label} … {found[-1].label}")
    if comm is None or comm.rank == 0:
        print("".join(f"# {line}\n" for line in lines) + effective, end="")
    return EXIT_GOOD


def _on_root(comm: MPI.Intracomm | None, arguments: argparse.Namespace) -> int:
    """A command that one process does alone; under mpirun the others wait for its exit code."""
    from cases import commands

    command = {
        "list": commands.list_cases,
        "probe": commands.probe_field,
        "report": commands.rebuild_report,
        "paraview": commands.paraview_script,
        "schema": commands.print_schema,
    }[arguments.command]
    if comm is None or comm.size == 1:
        return command(arguments)
    from meshes.serial import on_root

    return on_root(comm, lambda: command(arguments))


if __name__ == "__main__":
    program()
