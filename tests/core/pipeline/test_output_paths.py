"""No command writes into a study, into what it was made from, or over a file that is not its own."""

from pathlib import Path

import pytest

from overread.pipeline.study_ledger import open_ledger
from tests.core.commands import run_command
from tests.core.review.verdicts import verdict

LABELS = "labels-of-the-clinic.csv"


def commands(study, out):
    """Each command that writes, told to write to `out`."""
    return {
        "export": ["export", study, "--out", out],
        "proposals": ["proposals", study, "--out", out],
        "corrupt": ["corrupt", study, "--noise", "pair", "--rate", "0.2", "--out", f"{out}-new", "--truth", out],
        "backup": ["backup", study, "--to", out],
    }


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".db-shm"}


@pytest.mark.parametrize("name", ["export", "proposals", "corrupt", "backup"])
@pytest.mark.parametrize("place", ["review.db", "samples.csv", "new.csv", "runs/x.csv", "linked"])
def test_nothing_is_written_into_a_study(study, tmp_path, name, place):
    open_ledger(study).record(verdict(study.samples()["sample_id"][0]))
    (study.path / "runs").mkdir(exist_ok=True)
    out = study.path / place
    if place == "linked":
        out = tmp_path / "linked.csv"
        out.symlink_to(study.path / "samples.csv")
    before = contents(study.path)
    ended = run_command(*commands(study.path, out)[name])
    assert ended.status == 2
    assert "is inside the study" in ended.err
    assert contents(study.path) == before
    assert not (tmp_path / f"{out}-new").exists()


@pytest.mark.parametrize("name", ["export", "proposals", "corrupt", "backup"])
@pytest.mark.parametrize("place", [LABELS, "scans/doe-4711_000.png", "cleaned.csv"])
def test_nothing_is_written_into_the_source(study, name, place):
    out = Path(study.source_root) / place
    before = out.read_bytes() if out.exists() else None
    ended = run_command(*commands(study.path, out)[name])
    assert ended.status == 2
    assert "where the study's images come from" in ended.err or "labels came from" in ended.err
    assert (out.read_bytes() if out.exists() else None) == before


@pytest.mark.parametrize("name", ["export", "backup"])
def test_a_file_that_is_no_earlier_export_of_the_study_is_written_over_only_if_asked(study, tmp_path, name):
    out = tmp_path / "mine.csv"
    out.write_text("a,b\n1,2\n")
    ended = run_command(*commands(study.path, out)[name])
    assert ended.status == 2
    assert "pass --overwrite" in ended.err
    assert out.read_text() == "a,b\n1,2\n"
    assert run_command(*commands(study.path, out)[name], "--overwrite").status == 0
    assert out.read_bytes() != b"a,b\n1,2\n"


def test_an_earlier_export_of_the_same_study_is_written_anew(study, tmp_path):
    export = commands(study.path, tmp_path / "cleaned.csv")["export"]
    assert run_command(*export).status == 0
    open_ledger(study).record(verdict(study.samples()["sample_id"][0]))
    assert run_command(*export).status == 0
    assert ":1:" in (tmp_path / "cleaned.csv").read_text()


@pytest.mark.parametrize(("form", "beside"), [("croissant", "out.croissant.json"), ("label-studio", "out.xml")])
def test_a_file_that_is_written_beside_is_minded_too(study, tmp_path, form, beside):
    (tmp_path / beside).write_text("mine")
    ended = run_command("export", study.path, "--out", tmp_path / "out.csv", "--format", form)
    assert ended.status == 2
    assert (tmp_path / beside).read_text() == "mine"
    assert not (tmp_path / "out.csv").exists()


def test_no_study_is_made_inside_another_one_or_inside_its_source(study, tmp_path):
    source = Path(study.source_root)
    labels = ("--labels", source / LABELS, "--image-column", "scan", "--label-column", "finding")
    for place, words in ((study.path / "inner", "is inside the study"), (source / "study", "images come from")):
        ended = run_command("import", source, "--study", place, *labels)
        assert ended.status == 2
        assert words in ended.err
        assert not place.exists()
    backup = tmp_path / "saved"
    assert run_command("backup", study.path, "--to", backup).status == 0
    assert "is inside the study" in run_command("restore", backup, "--study", study.path / "inner").err
    assert "is inside the study" in run_command("demo", "--out", study.path / "demo").err
