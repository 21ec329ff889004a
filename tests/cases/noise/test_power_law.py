"""The tail of a density under noise in proportion to the loss, against the exact exponent."""

import json

import pytest

from tests import small_case


def test_the_exponent_in_one_dimension(tmp_path):
    """p ∝ L^{−(1 + 1/(ε h))}, h = 2: 2.25 at ε = 0.4 and 6 at ε = 0.1, which is lighter."""
    job = small_case.run(
        "run", "loss-tail-sweep", "-o", tmp_path / "out", "--quiet", "--set", "mesh.resolution=800",
        "--set", 'sweep.vary={"system.parameters.eta"=[0.4],"compare.epsilon"=[[0.4,0.1]]}',
    )  # fmt: skip
    assert job.returncode == 0, job.stdout + job.stderr
    record = json.loads((tmp_path / "out/sweep.json").read_text())
    assert record["members"][0]["rows"][0]["exponent"] == pytest.approx(2.25, rel=1e-3)
    member = tmp_path / "out" / record["members"][0]["folder"]
    heavy, light = json.loads((member / "summary.json").read_text())["noises"]["loss"]["power_law"]
    assert (heavy["epsilon"], light["epsilon"]) == (0.4, 0.1)
    assert (heavy["predicted"], light["predicted"]) == pytest.approx((2.25, 6.0))
    assert light["exponent"] == pytest.approx(6.0, rel=1e-3)
    assert max(heavy["residual"], light["residual"]) < 0.02
