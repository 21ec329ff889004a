"""The number of ranks does not change the results."""

import json

import pytest

from tests.small_case import CASE, run


@pytest.fixture(scope="module")
def summaries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    case = folder / "small.toml"
    case.write_text(
        CASE.replace('[noise.isotropic]\ndiffusion = "identity"\n\n', "").replace("0.1, 0.07", "0.1")
    )
    results = {}
    for ranks in (1, 2, 4):
        job = run("run", case, "-o", folder / f"on-{ranks}", "--quiet", ranks=ranks)
        assert job.returncode == 0, job.stdout + job.stderr
        results[ranks] = json.loads((folder / f"on-{ranks}" / "summary.json").read_text())
    return results


@pytest.mark.parametrize("ranks", [2, 4])
def test_same_results_on_several_ranks(summaries, ranks):
    one, many = summaries[1], summaries[ranks]
    assert many["ok"]
    assert [a["point"] for a in many["attractors"]] == [a["point"] for a in one["attractors"]]
    assert set(many["noises"]) == {"uneven"}
    for name, noise in many["noises"].items():
        other = one["noises"][name]
        assert len(noise["barriers"]) == len(other["barriers"]) == 2
        for b, c in zip(noise["barriers"], other["barriers"], strict=True):
            assert (b["from"], b["to"], b["saddle"]) == (c["from"], c["to"], c["saddle"])
            assert b["barrier"] == pytest.approx(c["barrier"], rel=1e-8)
            assert b["lower"] == pytest.approx(c["lower"], rel=1e-3)
        assert len(noise["rates"]) == len(other["rates"]) == 2
        for r, s in zip(noise["rates"], other["rates"], strict=True):
            assert (r["from"], r["to"], r["epsilon"]) == (s["from"], s["to"], s["epsilon"])
            for key in ("log_rate", "log_mfpt", "log_mfpt_kramers"):
                assert r[key] == pytest.approx(s[key], abs=1e-8)
            assert (r["log_mfpt_direct"] is None) == (s["log_mfpt_direct"] is None)
        for p, q in zip(noise["stationary"], other["stationary"], strict=True):
            assert p["mass"] == pytest.approx(q["mass"], abs=1e-6)
            assert p["log_normaliser"] == pytest.approx(q["log_normaliser"], abs=1e-6)


@pytest.mark.parametrize("ranks", [2, 4])
def test_same_mesh_on_several_ranks(summaries, ranks):
    assert summaries[ranks]["discretisation"] == summaries[1]["discretisation"]
