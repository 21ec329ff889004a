"""Every message of the solver is answered: what to do, in keys that exist."""

import ast
import re
from pathlib import Path

import pytest

import solver
from cases.base.remedies import REMEDIES, remedy, with_remedy
from tests.cases.command.test_findings import keys

FAILURES = {
    "DegenerateFixedPoints",
    "NotConverged",
    "NotNormalisable",
    "Refused",
    "SolverError",
    "TooRare",
    "UnsuitableDomain",
}


def literal(node):
    """The text of a string of the source, with 9 for what is put in; "" for one that comes from elsewhere."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "9" for part in node.values)
    return ""


def messages():
    """What the modules of the solver may say when they fail, with where."""
    folder = Path(solver.__file__).parent
    found = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            text = literal(node.args[0])
            # what begins with another message hands that on
            if node.func.id in FAILURES and text and not text.startswith("9; "):
                found[f"{path.relative_to(folder)}: {text[:60]}"] = text
    # what a test of existence returns, and is raised elsewhere
    found["existence"] = "and there is no stationary density"
    found["degree"] = "the search found 9 fixed points of total degree 9, but the degree of the drift is 9"
    return found


MESSAGES = messages()


@pytest.mark.parametrize("where", MESSAGES)
def test_every_message_of_the_solver_is_answered(where):
    answer = remedy(MESSAGES[where])
    assert answer is not None
    named = set(re.findall(r"\b[a-z_]+\.[a-z_]+\b", answer))
    assert named or "[[exit]]" in answer or answer.startswith("nothing is to be done")
    assert named <= keys()


def test_no_answer_is_to_a_message_that_is_never_given():
    said = "\n".join(MESSAGES.values())
    assert [words for words, _ in REMEDIES if words not in said] == []


def test_an_answer_stands_behind_the_message_once():
    line = with_remedy("V settles nowhere")
    assert line == "V settles nowhere; raise mesh.resolution"
    assert with_remedy(line) == line
    assert with_remedy("something else") == "something else"
