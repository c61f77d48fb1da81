"""What holds for every format but the cleaned CSV, and the command that writes them."""

import json

import pytest

from overread.files import write_atomically
from overread.pipeline.exporting import export_study
from overread.review.exports import export_registry
from overread.review.exports.export_format import ExportFormat
from overread.studies.study import read_text_table, write_text_table
from tests.core.commands import run_command

OTHERS = ("readings", "imagefolder", "fiftyone", "label-studio", "cleanlab")
CANARY = "Zimtstern"


@pytest.fixture
def canary_study(study):
    """The study with a name in a cell of the source that is neither the image nor the label."""
    table = read_text_table(study.path / "source.csv")
    write_text_table(study.path / "source.csv", list(table.columns), table.assign(ward=CANARY).to_numpy().tolist())
    return study


def test_these_are_all_formats():
    assert {format.name for format in export_registry.FORMATS} == {"csv", "bundle", "croissant", "changes", *OTHERS}


@pytest.mark.parametrize("name", OTHERS)
def test_no_cell_of_the_source_but_the_image_leaves_and_no_reader_s_name(canary_study, tmp_path, name):
    ended = run_command("export", canary_study.path, "--out", tmp_path / "labels", "--format", name, "--json")
    assert ended.status == 0, ended.err
    assert json.loads(ended.out) == {"num_rows": 50, "num_changed": 4, "num_decided": 6}
    written = [tmp_path / "labels", *tmp_path.rglob("*")]
    texts = [path.read_text() for path in written if path.is_file() and not path.is_symlink()]
    for text in [*texts, *(str(path.relative_to(tmp_path)) for path in written)]:
        for secret in (CANARY, "ward", "Ada", "Ben", canary_study.source_root):
            assert secret not in text


@pytest.mark.parametrize("format", export_registry.FORMATS, ids=lambda format: format.name)
def test_every_export_says_how_readers_were_identified(study, tmp_path, format):
    export_study(study, tmp_path / f"labels{format.suffix}", format=format.name)
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert any("self-declared" in text and "reader_identity" in text for text in texts)


def test_the_metadata_of_the_csv_hold_no_cell_of_it(canary_study, tmp_path):
    ended = run_command("export", canary_study.path, "--out", tmp_path / "cleaned.csv", "--format", "croissant")
    assert ended.status == 0, ended.err
    assert CANARY in (tmp_path / "cleaned.csv").read_text()
    metadata = (tmp_path / "cleaned.croissant.json").read_text()
    assert not any(secret in metadata for secret in (CANARY, "ward", "Ada", "secret-patient"))


def test_cleanlab_s_numbers_are_explained_on_the_terminal(study, tmp_path):
    ended = run_command("export", study.path, "--out", tmp_path / "issues.csv", "--format", "cleanlab")
    assert "its labels are numbers: 0=adenoma, 1=normal, 2=serrated" in ended.out.splitlines()


def test_rows_on_which_readers_differ_are_counted_on_the_terminal(study, tmp_path):
    ended = run_command("export", study.path, "--out", tmp_path / "cleaned.csv")
    assert ended.out.splitlines()[-1] == "readers differ on 1 of 50 rows: the given label is kept; see --policy"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "coco"), "--format coco: unknown value; choose from csv, croissant"),
        (("--format", "cleanlab", "--spreadsheet-safe"), "--spreadsheet-safe: is for the cleaned CSV"),
    ],
)
def test_what_is_wrong_is_said(study, tmp_path, arguments, message):
    ended = run_command("export", study.path, "--out", tmp_path / "labels", *arguments)
    assert ended.status == 2
    assert message in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_made_up_format_is_written_and_listed_once_it_is_registered(study, tmp_path, monkeypatch):
    made_up = ExportFormat(
        name="tally",
        title="Tally sheet",
        write=lambda content, out: write_atomically(out, "\n".join(sample.final_label for sample in content.samples)),
        suffix=".txt",
    )
    monkeypatch.setattr(export_registry, "FORMATS", (*export_registry.FORMATS, made_up))
    ended = run_command("export", study.path, "--out", tmp_path / "labels.txt", "--format", "tally")
    assert ended.status == 0, ended.err
    table, _ = export_study(study, tmp_path / "cleaned.csv")
    labels = [row.final_label for row in table.itertuples() if row.verdict not in ("quarantined", "exclude")]
    assert [label for label in (tmp_path / "labels.txt").read_text().split("\n") if label] == labels
    monkeypatch.setenv("COLUMNS", "300")
    assert "cleanlab, tally." in run_command("export", "--help").out
