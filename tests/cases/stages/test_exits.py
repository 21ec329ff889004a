"""Exit from sets of a case file: from bad input to the numbers of the summary, and what they disagree on."""

import json
import tomllib

import numpy as np
import pytest
from mpi4py import MPI
from scipy.integrate import quad

from cases.base import toml_text
from cases.cli import main
from cases.loading.load import from_data, load
from cases.results import references
from cases.results.disagreement import disagreements
from cases.stages.exits.text import exit_tables

COMM = MPI.COMM_WORLD
ONE = {
    "system": {"coordinates": ["x"], "loss": "(x**2-1)**2/4"},
    "domain": {"bounds": [[-2.0, 2.0]]},
    "mesh": {"resolution": 24, "degree": 3},
    "noise": {"isotropic": {"diffusion": "identity"}, "uneven": {"diffusion": "exp(x/2)"}},
    "compare": {"epsilon": [0.1, 0.05], "normalise": "none", "from": [-1.0]},
    "simulate": {"epsilon": [0.05], "rare": True, "paths": 400, "rare_paths": 100, "replicas": 12},
    "exit": [
        {"name": "level", "loss_below": 0.2},
        {"name": "cubic", "inside": "(x + 1.5)*(x + 0.4)"},
    ],
}
PLANE = {
    "system": {"coordinates": ["x", "y"], "loss": "(x**2-1)**2/4 + y**2/2"},
    "domain": {"bounds": [[-1.8, 1.8], [-1.2, 1.2]]},
    "noise": {"isotropic": {"diffusion": "identity"}},
    "compare": {"epsilon": [0.1]},
}


def write(folder, data):
    lines = [f"{key} = {toml_text.value(value)}" for key, value in data.items()]
    (folder / "it.toml").write_text("\n".join(lines) + "\n")
    return folder / "it.toml"


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exits")
    assert main(["run", str(write(folder, ONE)), "-o", str(folder / "out"), "--quiet"]) == 0
    return json.loads((folder / "out" / "summary.json").read_text())


def exact(diffusion, ends, start, epsilon):
    """T = ∫ψ(y)∫_{c}^{y} 2/(εAψ) with the constant from both ends absorbing, ψ = exp(−∫2b/(εA))."""
    low, high = ends
    x = np.linspace(low, high, 40001)
    slope = -2 * (x - x**3) / (epsilon * diffusion(x))
    step = x[1] - x[0]
    log_scale = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2 * step)])
    scale = np.exp(log_scale)
    speed = 2 / (epsilon * diffusion(x) * scale)
    inner = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2 * step)])
    outer = np.concatenate([[0.0], np.cumsum((scale * inner)[1:] + (scale * inner)[:-1]) / 2 * step])
    length = np.concatenate([[0.0], np.cumsum(scale[1:] + scale[:-1]) / 2 * step])
    i = np.searchsorted(x, start)
    return length[i] * outer[-1] / length[-1] - outer[i]


def isotropic(x):
    return 1.0 + 0 * x


def uneven(x):
    return np.exp(x / 2)


def test_exit_times_on_a_line(summary):
    ends = {
        "level": (-np.sqrt(1 + np.sqrt(0.8)), -np.sqrt(1 - np.sqrt(0.8))),
        "cubic": (-1.5, -0.4),
    }
    for name, diffusion in (("isotropic", isotropic), ("uneven", uneven)):
        found = summary["noises"][name]["exits"]
        assert [one["name"] for one in found] == list(ends)
        for one in found:
            slope = [
                quad(lambda x, a: 2 * (x**3 - x) / a(x), -1, end, (diffusion,))[0]
                for end in ends[one["name"]]
            ]
            assert one["barrier"] == pytest.approx(min(slope), rel=1e-5)
            lowest = [end for end, v in zip(ends[one["name"]], slope, strict=True) if v < min(slope) + 1e-6]
            assert min(abs(one["barrier_point"][0] - end) for end in lowest) < 1e-8
            assert [t["epsilon"] for t in one["times"]] == [0.1, 0.05]
            for time in one["times"]:
                expected = np.log(exact(diffusion, ends[one["name"]], -1.0, time["epsilon"]))
                assert time["log_exit_time"] == pytest.approx(expected, abs=1e-3)
                assert time["log_rate"] == -time["log_exit_time"]
    for row in summary["exit_comparison"]:
        times = [
            next(e for e in summary["noises"][n]["exits"] if e["name"] == row["exit"])["times"]
            for n in ("isotropic", "uneven")
        ]
        base, mine = (next(t for t in ts if t["epsilon"] == row["epsilon"])["log_exit_time"] for ts in times)
        assert row["log_rate_ratio"] == pytest.approx(base - mine)
    assert summary["noises"]["uneven"]["checks"]["exit_slope"] < 1
    assert {"exit_flux", "exit_methods"} <= set(summary["check_thresholds"])


def test_simulated_exits(summary):
    times = [
        time
        for name in ("isotropic", "uneven")
        for one in summary["noises"][name]["exits"]
        for time in one["times"][1:]
    ]
    assert {time["simulated_by"] for time in times} == {"paths", "splitting"}
    inside = 0
    for time in times:
        low, high = time["simulated_ci"]
        assert (time["simulated_by"] == "splitting") == (time["log_exit_time"] > 7)
        inside += low <= time["log_exit_time"] <= high
        # wider than the interval by half at most, so that seeds do not matter
        assert low - 0.5 * (high - low) < time["log_exit_time"] < high + 0.5 * (high - low)
    assert inside >= len(times) - 1


def test_references_know_exits(summary):
    level = summary["noises"]["isotropic"]["exits"][0]
    log_time = level["times"][1]["log_exit_time"]
    keys = {"noise": "isotropic", "exit": "level"}
    data = ONE | {
        "reference": {
            "height": {"quantity": "exit_barrier", "value": 0.4, "relative": 1e-5, **keys},
            "time": {"quantity": "exit_time", "value": float(np.exp(log_time)), "epsilon": 0.05, **keys},
            "missed": {"quantity": "log_exit_time", "value": log_time + 0.01, "epsilon": 0.05, **keys},
            "absent": {"quantity": "exit_time", "value": 1.0, "epsilon": 0.3, **keys},
        }
    }
    case, _ = from_data(data, name="it", file="it.toml", folder=None)
    rows = {row.name: row.ok for row in references.compare_case(case, case.references, summary)}
    assert rows == {"height": True, "time": True, "missed": False, "absent": None}


def test_table_of_exits(summary):
    unknown = json.loads(json.dumps(summary))
    unknown["noises"]["uneven"]["exits"][0] |= {"barrier": None, "barrier_above": 0.5, "barrier_point": None}
    assert "> 0.5000" in exit_tables(unknown)[0]
    texts = exit_tables(summary)
    assert len(texts) == 2
    assert "loss < 0.2" in texts[0]
    assert max(len(line) for text in texts for line in text.splitlines()) <= 100


def test_effective_case_loads_back(tmp_path):
    case, text = load(str(write(tmp_path, ONE)))
    again, _ = from_data(tomllib.loads(text), name="it", file="it.toml", folder=tmp_path)
    assert again == case
    assert [one.name for one in again.exits] == ["level", "cubic"]


@pytest.mark.mpi
def test_round_ball_on_several_ranks(shared_tmp_path):
    """Exit of ``dX = −X dt + √ε dW`` from the unit disc, and its density on the way, from the case file."""
    data = PLANE | {
        "system": {"coordinates": ["x", "y"], "loss": "(x**2 + y**2)/2"},
        "domain": {"bounds": [[-1.6, 1.6], [-1.6, 1.6]]},
        "mesh": {"resolution": 14, "degree": 3},
        "compare": {"epsilon": [0.4]},
        "exit": [{"name": "disc", "ball": {"centre": [0.0, 0.0], "radius": 1.0}, "shells": 6}],
        "transient": {
            "epsilon": 0.1,
            "times": [0.5],
            "start": {"mean": [0.5, 0.0], "covariance": [[0.06, 0.0], [0.0, 0.06]]},
            "observe": {"r2": "x**2 + y**2"},
        },
    }
    if COMM.rank == 0:
        write(shared_tmp_path, data)
    COMM.Barrier()
    folder = shared_tmp_path / "out"
    assert main(["run", str(shared_tmp_path / "it.toml"), "-o", str(folder), "--quiet"]) == 0
    (noise,) = json.loads((folder / "summary.json").read_text())["noises"].values()
    (disc,) = noise["exits"]
    exact = 0.5 * quad(lambda s: np.expm1(s / 0.4) / s, 0, 1)[0]
    assert disc["times"][0]["log_exit_time"] == pytest.approx(np.log(exact), abs=5e-4)
    assert disc["barrier"] == pytest.approx(1.0, rel=1e-6)
    decay = np.exp(-1.0)
    square = (0.25 + 0.12) * decay + 0.1 * (1 - decay)
    assert noise["transient"]["expectations"]["r2"][0] == pytest.approx(square, rel=1e-4)
    assert (folder / "isotropic-transient.vtkhdf").exists()


BAD = {
    "nothing to leave": ([{"name": "a"}], "exit.0", "none is given"),
    "two sets in one": ([{"name": "a", "loss_below": 1.0, "inside": "x"}], "exit.0", "exactly one"),
    "name with a space": ([{"name": "a b", "loss_below": 1.0}], "exit.0.name", "letters"),
    "name twice": ([{"name": "a", "loss_below": 0.1}] * 2, "exit", "same name"),
    "unknown key": ([{"name": "a", "los_below": 1.0}], "exit.0.los_below", "'loss_below'"),
    "ball in the wrong dimension": (
        [{"name": "a", "ball": {"centre": [0.0], "radius": 1.0}}],
        "exit.0.ball.centre",
        "1 numbers for 2",
    ),
    "unknown symbol": ([{"name": "a", "inside": "x + zz"}], "exit.0.inside", "'zz'"),
    "without its attractor": ([{"name": "a", "loss_below": -1.0}], "exit.0", "not in the set"),
    "out of the domain": ([{"name": "a", "loss_below": 5.0}], "exit.0", "exit.0.reflect = true"),
    "both wells": ([{"name": "a", "loss_below": 0.3}], "exit.0", "holds the attractor (1, 0) too"),
    "from no attractor": (
        [{"name": "a", "loss_below": 0.1, "from": [0.5, 0.0]}],
        "exit.0.from",
        "no attractor near (0.5, 0)",
    ),
    "from an index too many": ([{"name": "a", "loss_below": 0.1, "from": 2}], "exit.0.from", "there are 2"),
    "nothing but walls": (
        [{"name": "a", "inside": "x - 9 + 0*y", "reflect": True}],
        "exit.0",
        "all of the domain, which reflects: nothing is left by",
    ),
    "ball across the boundary": (
        [{"name": "a", "ball": {"centre": [-1.5, 0.0], "radius": 0.7}}],
        "exit.0",
        "boundary of the domain",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_exits(name, tmp_path, capsys):
    exits, key, words = BAD[name]
    assert main(["run", str(write(tmp_path, PLANE | {"exit": exits})), "-o", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f": {key}: " in line
    assert words in line
    assert not (tmp_path / "out").exists()


def test_exits_need_a_noise_level(tmp_path, capsys):
    data = PLANE | {"compare": {}, "exit": [{"name": "a", "loss_below": 0.1}]}
    assert main(["check", str(write(tmp_path, data))]) == 2
    assert "no noise level" in capsys.readouterr().err


def noise(level, ball, times):
    def one(name, barrier, row):
        rows = [
            {"epsilon": e, "log_exit_time": t, "log_rate": -t} for e, t in zip((0.4, 0.2), row, strict=True)
        ]
        return {"name": name, "set": name, "barrier": barrier, "times": rows}

    return {
        "exits": [one("level", level, times[0]), one("ball", ball, times[1])],
        "rates": [],
        "barriers": [],
    }


def test_disagreements_are_said():
    noises = {
        "isotropic": noise(2.0, 1.38, ((2.04, 6.21), (2.2, 5.3))),
        "reversed": noise(1.25, 2.26, ((1.14, 3.9), (3.0, 8.2))),
        "prefactor": noise(1.38, 1.0, ((2.2, 5.33), (1.4, 3.6))),
        "faster": noise(1.2, 1.0, ((1.1, 3.0), (1.4, 3.6))),
        "equal": noise(2.0, 1.38, ((2.04, 6.21), (2.2, 5.3))),
    }
    found = disagreements(noises, "isotropic", 0)
    assert {row["noise"] for row in found} == {"reversed", "prefactor"}
    (reverse,) = [row for row in found if row["noise"] == "reversed"]
    assert (reverse["kind"], reverse["epsilon"]) == ("set", [0.4, 0.2])
    assert "leaves the set {level} faster" in reverse["text"]
    assert "1.250 against 2.000" in reverse["text"]
    assert f"rate times {np.exp(0.9):.2f}, {np.exp(2.31):.1f};" in reverse["text"]
    assert "but the set {ball} more slowly (rate times 0.449, 0.0550; barrier 2.260" in reverse["text"]
    kinds = {row["kind"]: row for row in found if row["noise"] == "prefactor"}
    assert kinds["exponent"]["epsilon"] == [0.4]
    assert "1.17 times slower at epsilon = 0.4" in kinds["exponent"]["text"]
    assert kinds["set"]["epsilon"] == [0.4]


def hitting_time(log_speed, log_scale, start, stop, wall):
    """``∫_start^stop s(y) ∫_wall^y m(z) dz dy`` by trapezoids, with scale s and speed density m."""
    x = np.linspace(wall, stop, 400001)
    speed = np.exp(log_speed(x))
    inner = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2)]) * (x[1] - x[0])
    outer = np.exp(log_scale(x)) * inner
    beyond = (x - start) * np.sign(stop - start) >= 0
    return float(np.trapezoid(outer[beyond], x[beyond]))


@pytest.mark.parametrize(("epsilon", "which"), [(0.2, "high"), (0.1, "low")])
def test_references_of_selection(epsilon, which):
    def spread(x):
        return 1 + np.tanh(2 * x) / 2

    grid = np.linspace(-2.6, 2.6, 200001)
    slope = 2 * (grid**3 - grid) / spread(grid)
    steps = (slope[1:] + slope[:-1]) / 2 * (grid[1] - grid[0])
    height = np.concatenate([[0.0], np.cumsum(steps)]) / epsilon
    height -= np.interp(0.0, grid, height)

    def scale(x):
        return np.interp(x, grid, height)

    def speed(x):
        return np.log(2 / (epsilon * spread(x))) - scale(x)

    case, _ = load("selection")
    for side, name in ((-1.0, "line-right"), (1.0, "line-left")):
        found = hitting_time(speed, scale, side, -side, 2.5 * side)
        assert case.references[f"{name}-{which}"].value == pytest.approx(found, rel=1e-5)


@pytest.mark.parametrize(("noise", "kappa"), [("isotropic", 1.0), ("projected", 0.5)])
def test_references_of_the_rings(noise, kappa):
    """The radius alone: ``dr = (−F' + εκ/(2r)) dt + √ε dW`` with F = ((r − 2)² − 1)²/4."""

    def scale(r):
        return ((r - 2) ** 2 - 1) ** 2 / 2 / 0.1 - kappa * np.log(r)

    def speed(r):
        return np.log(2 / 0.1) - scale(r)

    case, _ = load("projected-rings")
    for start, wall, name in ((1.0, 1e-4, "out"), (3.0, 4.4, "in")):
        found = hitting_time(speed, scale, start, 2.0, wall)
        assert case.references[f"circle-{name}-{noise}"].value == pytest.approx(found, rel=1e-5)


@pytest.mark.parametrize("kappa", [0.0, 0.5, 1.0])
def test_references_of_the_radius_alone(kappa):
    """At κ = 0 the rings are equally likely, and the ways between them alike."""

    def scale(r):
        return ((r - 2) ** 2 - 1) ** 2 / 2 / 0.1 - kappa * np.log(r)

    def speed(r):
        return np.log(2 / 0.1) - scale(r)

    references = load("projected-rings-radial")[0].references
    name = f"{10 * kappa:02.0f}"
    for start, wall, way in ((1.0, 1e-4, "out"), (3.0, 4.4, "in")):
        assert references[f"{way}-{name}"].parameters == {"kappa": kappa}
        found = hitting_time(speed, scale, start, 2.0, wall)
        assert references[f"{way}-{name}"].value == pytest.approx(found, rel=1e-5)
    r = np.linspace(1e-3, 5.0, 100001)
    density = np.exp(speed(r))
    outer = density[r > 2].sum() / density.sum()
    assert references[f"mass-{name}"].value == pytest.approx(outer, abs=1e-4)
