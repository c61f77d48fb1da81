"""The runs of a study, by their names."""

import pytest

from overread.errors import StudyError
from overread.studies import run as runs
from overread.studies.run import Run
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


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("config.json", Run.config),
        ("scores.csv", Run.scores),
        ("embeddings.npy", Run.embeddings),
        ("trace.npz", Run.trace),
        ("evidence.npz", Run.evidence),
    ],
)
@pytest.mark.parametrize("length", [0, 40, 0.7])
def test_a_damaged_file_is_told_of_with_what_to_do(tmp_path, name, read, length):
    run = runs.default_run(write_study(tmp_path))
    read(run)
    content = (run.path / name).read_bytes()
    (run.path / name).write_bytes(content[: length if isinstance(length, int) else int(length * len(content))])
    with pytest.raises(
        StudyError, match=rf"{name}: is missing or damaged .*; delete the folder .* and start a new run"
    ):
        read(run)


def test_scores_of_fewer_samples_than_were_trained_on_are_damaged(tmp_path):
    run = runs.default_run(write_study(tmp_path))
    path = run.path / "scores.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-3]))
    with pytest.raises(StudyError, match="is missing or damaged"):
        run.scores()
