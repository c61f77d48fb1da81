"""Every file that a command reads, damaged in many ways: at the worst one line that says so, and no traceback."""

import json
import shutil

import pytest

from overread.errors import StudyError
from overread.pipeline.study_ledger import open_ledger
from overread.studies.run import Run, find_runs
from overread.studies.study import open_study
from tests.core.commands import TINY, import_arguments, import_source, run_command
from tests.core.review.verdicts import verdict


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study with a run after review that somebody chose, and with a verdict."""
    study = import_source(tmp_path_factory.mktemp("whole"))
    assert run_command("train", study.path, "--preset", "quick", *TINY).status == 0
    (run,) = find_runs(study)
    (run.path / "comparison.json").write_text(json.dumps({"outcome": "better"}))
    run.choose(is_used=True)
    sample_id = study.samples()["sample_id"][0]
    open_ledger(study).record(verdict(sample_id, given_label="cat", chosen_label="cat", kind="reject"))
    open_ledger(study)
    assert open_study(study.path).has_ledger
    return study.path


def replaced_by_a_folder(path):
    path.unlink()
    path.mkdir()


def with_fields_of_null(path):
    path.write_text(json.dumps(dict.fromkeys(json.loads(path.read_text()))))


def with_bits_turned(path):
    content = bytearray(path.read_bytes())
    for place in range(0, len(content), 97):
        content[place] ^= 0x41
    path.write_bytes(content)


DAMAGES = {
    "deleted": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "cut by a line": lambda path: path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1])),
    "garbage": lambda path: path.write_bytes(bytes(range(256)) * 3),
    "no UTF-8": lambda path: path.write_bytes(path.read_bytes()[:20] + b"\xff\xfe" + path.read_bytes()[20:]),
    "NUL bytes": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "a NUL within": lambda path: path.write_bytes(path.read_bytes()[:20] + b"\0" + path.read_bytes()[20:]),
    "bits turned": with_bits_turned,
    "null": lambda path: path.write_text("null"),
    "a list": lambda path: path.write_text("[1, 2]"),
    "a number": lambda path: path.write_text("7"),
    "an empty object": lambda path: path.write_text("{}"),
    "deeply nested": lambda path: path.write_text("[" * 100_000),
    "another table": lambda path: path.write_text("a,b\n1,2\n"),
    "ragged": lambda path: path.write_bytes(path.read_bytes() + b'"x",1\n'),
    "a quote left open": lambda path: path.write_bytes(path.read_bytes() + b'"'),
    "a folder": replaced_by_a_folder,
    "fields of null": with_fields_of_null,
}
QUICK = ("deleted", "cut in half", "no UTF-8", "null", "a folder")
"""The other kinds are tried where slow tests are."""
READ_BY = {
    "study.json": ("export", "check", "proposals", "verify"),
    "samples.csv": ("export", "check", "proposals"),
    "source.csv": ("export",),
    "quarantine.csv": ("export", "check"),
    "key": ("export", "verify"),
    "ledger.json": ("export", "verify"),
    "pixels/index.json": ("export", "check"),
    "RUN/config.json": ("export", "proposals"),
    "RUN/scores.csv": ("export", "proposals"),
    "RUN/choice.json": ("export", "proposals"),
    "RUN/comparison.json": ("export", "proposals"),
    "RUN/checksums.json": ("export", "proposals"),
}
CASES = [
    pytest.param(name, kind, id=f"{name} {kind}", marks=() if kind in QUICK else pytest.mark.slow)
    for name in READ_BY
    for kind in DAMAGES
    if kind != "fields of null" or name.endswith(".json")
]


def damaged_file(study_path, name):
    return study_path / name.replace("RUN", f"runs/{next((study_path / 'runs').iterdir()).name}")


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_damaged_file_ends_a_command_in_one_line_at_the_worst(whole, tmp_path, monkeypatch, name, kind):
    monkeypatch.setattr("overread.checks.report.near_duplicate_groups", lambda *_, **__: [])  # it takes its time
    study_path = tmp_path / "study"
    shutil.copytree(whole, study_path)
    DAMAGES[kind](damaged_file(study_path, name))
    for command in READ_BY[name]:
        out = ("--out", tmp_path / f"{command}.csv") if command in ("export", "proposals") else ()
        ended = run_command(command, study_path, *out)
        assert ended.status in (0, 2), (command, ended.err)
        assert ended.err.count("\n") == (1 if ended.status else 0), (command, ended.err)
        assert ended.err.startswith("error: ") == (ended.status == 2)
        if name in ("study.json", "samples.csv", "source.csv"):
            assert ended.status == 2, f"{command} went on with a damaged {name}"
        if name == "RUN/scores.csv" and kind not in ("deleted", "a folder"):  # else the run has not finished
            assert ended.status == 2, f"{command} went on with damaged scores"


def change_a_cell(path):
    lines = path.read_text().splitlines(keepends=True)
    lines[3] = (
        lines[3].replace("cat", "dog") if "cat" in lines[3] else lines[3].replace("eel", "cat").replace("dog", "cat")
    )
    path.write_text("".join(lines))


def reverse_rows(path):
    header, *rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join([header, *reversed(rows)]))


@pytest.mark.parametrize("change", [change_a_cell, reverse_rows])
@pytest.mark.parametrize("name", ["samples.csv", "source.csv", "RUN/scores.csv"])
def test_what_was_changed_by_hand_is_told_from_damage_with_what_to_do(whole, tmp_path, name, change):
    study_path = tmp_path / "study"
    shutil.copytree(whole, study_path)
    path = damaged_file(study_path, name)
    before = path.read_text()
    change(path)
    assert path.read_text() != before
    ended = run_command("export", study_path, "--out", tmp_path / "cleaned.csv")
    assert (ended.status, (tmp_path / "cleaned.csv").exists()) == (2, False)
    assert "by hand or by another program" in ended.err
    assert "overread restore" in ended.err
    assert ("change the source's own labels" if name != "RUN/scores.csv" else "start a new run") in ended.err
    path.write_text(before[: len(before) // 2])
    ended = run_command("export", study_path, "--out", tmp_path / "cleaned.csv")
    assert ended.status == 2
    assert "by hand" not in ended.err
    assert "damaged" in ended.err


def test_damaged_tables_are_made_anew_by_an_update(whole, tmp_path):
    study_path = tmp_path / "study"
    shutil.copytree(whole, study_path)
    before = open_study(study_path).samples()
    for name in ("samples.csv", "source.csv", "quarantine.csv"):
        (study_path / name).write_bytes(b"")
    ended = run_command(*import_arguments(whole.parent / "source", study_path), "--update")
    assert ended.status == 0
    assert "samples.csv was damaged or changed by hand; it is made anew" in ended.out
    assert open_study(study_path).samples().equals(before)
    assert run_command("export", study_path, "--out", tmp_path / "cleaned.csv").status == 0


@pytest.mark.parametrize("name", ["trace.npz", "embeddings.npy", "evidence.npz"])
def test_a_bit_turned_in_a_run_s_arrays_is_noticed(whole, tmp_path, name):
    read = {"trace.npz": Run.trace, "embeddings.npy": Run.embeddings, "evidence.npz": Run.evidence}
    study_path = tmp_path / "study"
    shutil.copytree(whole, study_path)
    (run,) = find_runs(open_study(study_path))
    read[name](run)
    content = bytearray((run.path / name).read_bytes())
    content[-40] ^= 1
    (run.path / name).write_bytes(content)
    with pytest.raises(
        StudyError, match=rf"{name}: is damaged; delete the folder .* and start a new run, or restore it"
    ):
        read[name](run)


def test_a_run_without_checksums_opens_and_its_order_is_still_held_to_that_of_the_samples(whole, tmp_path):
    study_path = tmp_path / "study"
    shutil.copytree(whole, study_path)
    (run,) = find_runs(open_study(study_path))
    (run.path / "checksums.json").unlink()
    scores = run.scores()
    run.trace()
    assert scores["sample_id"].equals(open_study(study_path).samples()["sample_id"])
    reverse_rows(run.path / "scores.csv")
    with pytest.raises(StudyError, match="its samples are in another order"):
        run.scores()


def test_training_checks_the_pixels(whole, tmp_path):
    study_path = tmp_path / "study"
    shutil.copytree(whole, study_path)
    (path,) = (study_path / "pixels").glob("*.npy")
    content = bytearray(path.read_bytes())
    content[-5] ^= 16
    path.write_bytes(content)
    for command in (("train", study_path, "--preset", "quick", *TINY), ("check", study_path)):
        ended = run_command(*command)
        assert ended.status == 2
        assert "the pixel cache is damaged (1 of 72 images); delete the folder and run" in ended.err
