"""Runs of cases without a stationary density end with exit code 3 and one line that says why."""

import pytest

from cases.cli import main

# noisy factorisation without its penalty; noise in proportion to a loss that vanishes at its minimum
LOSS = "(3*x**2 + 2*x*y + 2*y**2)"
CASES = {
    "open valley": ("(x*y - 1)**2/2", 4.0, '"identity"', 0.5, "the density cannot be normalised"),
    "collapse": (
        f"{LOSS}/2",
        2.0,
        f'[["3*{LOSS}", "{LOSS}"], ["{LOSS}", "2*{LOSS}"]]',
        0.2,
        "all paths collapse onto it, and there is no stationary density",
    ),
}
TEXT = """
title = "none"
system = {{ coordinates = ["x", "y"], loss = "{loss}" }}
domain = {{ bounds = [[-{side}, {side}], [-{side}, {side}]] }}
mesh = {{ resolution = 32 }}
noise.only = {{ diffusion = {diffusion} }}
compare = {{ epsilon = [{epsilon}] }}
"""


@pytest.mark.parametrize("name", CASES)
def test_run_says_that_there_is_no_density(name, tmp_path, capsys):
    loss, side, diffusion, epsilon, words = CASES[name]
    path = tmp_path / "case.toml"
    path.write_text(TEXT.format(loss=loss, side=side, diffusion=diffusion, epsilon=epsilon))
    assert main(["run", str(path), "-o", str(tmp_path / "out")]) == 3
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in said
    assert "noise.only" in said
    assert not (tmp_path / "out").exists()
