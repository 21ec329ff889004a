"""The layout of the house: which room may import which, no circles, and how large things may grow."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parent.parent
TOPS = ("cases", "solver", "meshes")  # imports run from left to right

# Which rooms of solver/ a room may import, beside the modules of solver/ itself and meshes/.
PHYSICS = {
    "drift": set(),
    "elements": set(),
    "output": set(),
    "simulation": {"elements"},
    "hamilton_jacobi": {"drift", "elements"},
    "hamilton_jacobi.bounds": {"drift", "elements", "hamilton_jacobi"},
    "hamilton_jacobi.jet": {"hamilton_jacobi"},
    "paths": {"drift", "elements", "hamilton_jacobi"},
    "laws": {"hamilton_jacobi.bounds", "paths"},
    "fokker_planck": {"elements"},
    "evolution": {"elements", "fokker_planck"},
    "exits": {"elements", "fokker_planck"},
    "mean_field": {"elements", "evolution", "simulation"},
    "places": {"drift", "hamilton_jacobi", "paths", "fokker_planck"},
    "formulas": {"drift", "hamilton_jacobi", "paths", "places"},
    "analysis": {
        "drift", "elements", "hamilton_jacobi", "hamilton_jacobi.bounds", "hamilton_jacobi.jet", "paths",
        "fokker_planck", "places",
    },
}  # fmt: skip
# The same for cases/, beside solver/ and meshes/; its own modules (the command line) may import all rooms.
CONTRACT = {"contracts"}  # of summary.json: for whatever writes or reads one
LANDSCAPES = {"base", "expressions", "casefile", "landscapes"}
PROBLEM = LANDSCAPES | {"landscapes.models", "noise", "problem"}
STAGE = PROBLEM | CONTRACT | {"results", "figures"}
STAGES = {
    "stages.base": set(),
    "stages.exits": {"stages.base", "stages.simulation"},
    "stages.floor": {"stages.base"},
    "stages.law": {"stages.base"},
    "stages.learning_rate": {"stages.base"},
    "stages.marginals": {"stages.base"},
    "stages.mean_field": {"stages.base", "stages.transient"},
    "stages.momentum": {"stages.base"},
    "stages.phase": {"stages.base"},
    "stages.section": {"stages.base"},
    "stages.simulation": {"stages.base"},
    "stages.stability": {"stages.base"},
    "stages.trajectories": {"stages.base"},
    "stages.transient": {"stages.base"},
}
ABOVE = STAGE | set(STAGES) | {"stages", "loading"}
CASES = {
    "base": set(),
    "contracts": set(),
    "expressions": {"base"},
    "casefile": {"base", "expressions"},
    "landscapes": LANDSCAPES - {"landscapes"},
    "landscapes.models": LANDSCAPES,
    "noise": LANDSCAPES,
    "problem": PROBLEM - {"problem"},
    "results": PROBLEM - {"landscapes.models"} | CONTRACT,
    "figures": CONTRACT,
    **{name: STAGE | others for name, others in STAGES.items()},
    "stages": STAGE | set(STAGES),
    "loading": ABOVE - {"loading"},
    "report": CONTRACT | {"base", "figures", "results", "stages", *STAGES},
    "run": ABOVE | {"report"},
    "notebook": {
        "base",
        "figures",
        "results",
        "casefile",
        "contracts",
        "loading",
        "report",
        "run",
        "stages.base",
    },
    "sweep": ABOVE | {"report", "run"},
    "examples": {"landscapes"},  # what users write
}
ARROWS = {
    **{f"solver.{name}": {f"solver.{other}" for other in others} for name, others in PHYSICS.items()},
    **{f"cases.{name}": {f"cases.{other}" for other in others} for name, others in CASES.items()},
}
MODULES_IN_A_ROOM = 20
LINES_OF_A_MODULE = 400
LINES_OF_A_FUNCTION = 60  # docstrings not counted; ruff counts parameters and branches
ANY_IN_CASES = 40  # lower it when there are fewer


def modules() -> dict[str, Path]:
    found = {}
    for top in TOPS:
        for path in sorted((HOUSE / top).rglob("*.py")):
            if "templates" in path.parts:  # a script for ParaView, filled in by the report
                continue
            name = ".".join(path.relative_to(HOUSE).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()
ROOMS = {name for name, path in MODULES.items() if path.name == "__init__.py"}


def imports(path: Path) -> set[str]:
    """The modules of the project that one imports, also inside functions and for types only."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(MODULES)


GRAPH = {name: imports(path) - {name} for name, path in MODULES.items()}


def room(name: str) -> str:
    return name if name in ROOMS else name.rpartition(".")[0]


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected sets (Tarjan), but single ones."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in graph[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            part = []
            while not part or part[-1] != name:
                part.append(stack.pop())
            if len(part) > 1:
                found.append(sorted(part))

    for name in sorted(graph):
        if name not in index:
            visit(name)
    return found


@pytest.mark.parametrize("top", TOPS)
def test_the_layers_import_downwards(top: str) -> None:
    below = {"cases": {"cases", "solver", "meshes"}, "solver": {"solver", "meshes"}, "meshes": {"meshes"}}[
        top
    ]
    wrong = [
        (name, other)
        for name, others in GRAPH.items()
        if name.split(".")[0] == top
        for other in others
        if other.split(".")[0] not in below
    ]
    assert wrong == []


@pytest.mark.parametrize("top", ["cases", "solver"])
def test_rooms_import_what_they_may(top: str) -> None:
    rooms = {room(name) for name in MODULES if name.startswith(f"{top}.")} - {top}
    assert rooms == {name for name in ARROWS if name.startswith(f"{top}.")}
    wrong = []
    for name, others in GRAPH.items():
        here = room(name)
        if here not in rooms:
            continue
        wrong += [
            (name, other)
            for other in others
            if room(other).startswith(f"{top}.") and room(other) not in (here, *ARROWS[here])
        ]
    assert wrong == []


def test_no_module_imports_the_modules_above_the_rooms() -> None:
    """The command line is imported by nobody; what is in solver/ itself by everybody."""
    assert [(n, o) for n, others in GRAPH.items() for o in others if room(o) == "cases" != room(n)] == []


def test_the_facade_holds_names_only() -> None:
    """``import quasipot``: imports, the number of threads, and the list of what is imported."""
    tree = ast.parse((HOUSE / "quasipot.py").read_text(encoding="utf-8"))
    allowed = ast.Expr | ast.Import | ast.ImportFrom | ast.For | ast.Assign
    assert [type(node) for node in tree.body if not isinstance(node, allowed)] == []
    found = [alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    (names,) = (ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign))
    assert names == sorted(alias.asname or alias.name for alias in found)


def test_nothing_is_in_a_circle() -> None:
    assert circles(GRAPH) == []
    rooms = {name: {room(o) for n, os in GRAPH.items() if room(n) == name for o in os} for name in ARROWS}
    assert circles({name: others & set(ARROWS) - {name} for name, others in rooms.items()}) == []


def test_rooms_and_modules_are_of_a_size_that_can_be_read() -> None:
    count: dict[str, int] = defaultdict(int)
    for name in MODULES:
        if name not in ROOMS:
            count[room(name)] += 1
    assert {name: n for name, n in count.items() if n > MODULES_IN_A_ROOM} == {}
    long = {n: len(p.read_text().splitlines()) for n, p in MODULES.items()}
    assert {name: lines for name, lines in long.items() if lines > LINES_OF_A_MODULE} == {}


def test_functions_are_of_a_length_that_can_be_read() -> None:
    long = {}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                text = node.body[0] if ast.get_docstring(node) else None
                words = 0 if text is None else (text.end_lineno or 0) - text.lineno + 1
                lines = (node.end_lineno or 0) - node.lineno + 1 - words
                if lines > LINES_OF_A_FUNCTION:
                    long[f"{name}.{node.name}"] = lines
    assert long == {}


def test_data_models_have_types() -> None:
    """``Any`` is for what libraries without types hand over, not for our own records."""
    texts = {path: path.read_text(encoding="utf-8") for path in (HOUSE / "cases").rglob("*.py")}
    found = {str(path): n for path, text in texts.items() if (n := len(re.findall(r"\bAny\b", text)))}
    assert sum(found.values()) <= ANY_IN_CASES, found


def test_every_room_says_what_it_is_for() -> None:
    silent = [name for name in ROOMS if not ast.get_docstring(ast.parse(MODULES[name].read_text()))]
    assert silent == []


def test_rooms_of_cases_say_what_they_import() -> None:
    for name in ROOMS & set(ARROWS):
        if not name.startswith("cases."):
            continue
        text = ast.get_docstring(ast.parse(MODULES[name].read_text())) or ""
        assert re.search(r"\bimports?\b", text, re.IGNORECASE), name
        named = set(re.findall(r":mod:`([\w.]+)`", text))
        assert {other for other in named if other in ROOMS} <= ARROWS[name] | {name, "cases.stages"}, name
