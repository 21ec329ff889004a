"""The comparison of two sets of summaries."""

import json
import sys

import pytest

from benchmarks.compare_summaries import main

BEFORE = {
    "ok": True,
    "timings": {"x": 1.0},
    "rates": [{"log_mfpt": 10.0}, {"log_mfpt": 5.0}],
    "residual": 1e-13,
}


def compared(tmp_path, monkeypatch, after, *arguments):
    for name, content in (("before", BEFORE), ("after", after)):
        (tmp_path / name / "a").mkdir(parents=True)
        (tmp_path / name / "a" / "summary.json").write_text(json.dumps(content))
    monkeypatch.setattr(
        sys, "argv", ["compare", str(tmp_path / "before"), str(tmp_path / "after"), *arguments]
    )
    return main()


def test_only_timings_rounding_and_new_keys_may_differ(tmp_path, monkeypatch, capsys):
    after = BEFORE | {"timings": {"x": 2.0}, "residual": 3e-13, "new": 1}
    assert compared(tmp_path, monkeypatch, after) == 0
    assert "a: the same" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("after", "line"),
    [
        (
            BEFORE | {"rates": [{"log_mfpt": 10.0}, {"log_mfpt": 5.0 * (1 + 1e-6)}]},
            "1.0e-06  rates.1.log_mfpt",
        ),
        (BEFORE | {"ok": False}, "inf  ok: true → false"),
        (BEFORE | {"rates": [{"log_mfpt": 10.0}]}, "inf  rates"),
        (BEFORE | {"rates": [{"log_mfpt": None}, {"log_mfpt": 5.0}]}, "inf  rates.0.log_mfpt: 10.0 → null"),
        ({"ok": True}, 'inf  rates: [{"log_mfpt": 10.0}, {"log_mfpt": 5.0}] → "(gone)"'),
    ],
)
def test_what_differs_is_named_and_fails(tmp_path, monkeypatch, capsys, after, line):
    assert compared(tmp_path, monkeypatch, after) == 1
    assert line in capsys.readouterr().out


def test_a_looser_tolerance_can_be_asked_for(tmp_path, monkeypatch):
    after = BEFORE | {"rates": [{"log_mfpt": 10.0}, {"log_mfpt": 5.0 * (1 + 1e-6)}]}
    assert compared(tmp_path, monkeypatch, after, "--tolerance", "1e-5") == 0


def test_folders_without_a_common_run_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["compare", str(tmp_path), str(tmp_path)])
    assert main() == 2
