"""The runs of a study, by their names."""

from core.datasets import runs
from tests.app.made_study import write_study


def test_two_runs_that_begin_in_one_second_have_two_names(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "_run_name", lambda preset, seed: "20260101T000000-quick-0")
    study, names = write_study(tmp_path), []
    for _ in range(3):
        run = runs.new_run(study, "quick", 0)
        run.path.mkdir(parents=True)
        names.append(run.name)
    assert names == ["20260101T000000-quick-0", "20260101T000000-quick-0-2", "20260101T000000-quick-0-3"]
    assert names == sorted(names)
