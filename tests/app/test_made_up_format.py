"""A format in one file: what is below registers it, and the command line and the form know it."""

import numpy as np
import pytest
from PIL import Image

from overread.records import Source, SourceRow
from overread.sources import registry
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import FormatOption, LabelPlace, SourceFormat
from overread.studies.study import open_study
from tests.core.commands import run_command

READERS = ("first", "second")


def read(files: SourceFiles) -> Source:
    """tally.txt: a line for each image, its name and what the first and the second reader said."""
    cells = tuple(tuple(line.split()) for line in (files.root / "tally.txt").read_text().splitlines())
    place = 1 + READERS.index(files.request.given_label or "first")
    return Source(
        root=str(files.root.resolve()),
        format="tally",
        columns=("image", *READERS),
        cells=cells,
        image_column="image",
        label_column=READERS[place - 1],
        rows=tuple(SourceRow(number, row[0], row[place]) for number, row in enumerate(cells, start=1)),
    )


FORMAT = SourceFormat(
    name="tally",
    title="Tally sheet",
    recognise=lambda files: (files.root / "tally.txt").is_file(),
    read=read,
    precedence=60,
    label_places=(
        LabelPlace(
            options=(
                FormatOption(
                    field="given_label",
                    title="Reader to audit",
                    whose="a tally sheet",
                    hint="first or second",
                    choices=lambda _: READERS,
                ),
            )
        ),
    ),
    looks_like=lambda path: (path / "tally.txt").is_file(),
)


@pytest.fixture
def sheet(tmp_path, monkeypatch):
    """A folder in the made-up format, which is registered."""
    monkeypatch.setattr(registry, "FORMATS", (*registry.FORMATS, FORMAT))
    folder = tmp_path / "sheet"
    folder.mkdir()
    lines = [f"{index}.png {'ab'[index % 2]} {'ab'[index // 2]}" for index in range(4)]
    (folder / "tally.txt").write_text("\n".join(lines))
    for index in range(4):
        Image.fromarray(np.full((20, 20), 40 * index, dtype=np.uint8)).save(folder / f"{index}.png")
    return folder


def test_a_source_of_it_is_recognised_and_imported(sheet, tmp_path):
    ended = run_command("import", sheet, "--study", tmp_path / "study")
    assert ended.status == 0, ended.err
    study = open_study(tmp_path / "study")
    assert (study.source_format, study.label_column) == ("tally", "first")
    assert study.samples()["given_label"].tolist() == ["a", "b", "a", "b"]


def test_its_option_is_a_flag(sheet, tmp_path):
    arguments = ("import", sheet, "--study", tmp_path / "study", "--format", "tally", "--given-label", "second")
    assert run_command(*arguments).status == 0
    assert open_study(tmp_path / "study").samples()["given_label"].tolist() == ["a", "a", "b", "b"]


def test_what_it_does_not_take_is_refused(sheet, tmp_path):
    for flag, reason in (
        ("--label-column", "--label-column: a source of format tally has no such column to name; leave it out"),
        ("--key", "--key x: a source of format tally has no keys; leave it out, or give --format dicom"),
    ):
        ended = run_command("import", sheet, "--study", tmp_path / "study", "--format", "tally", flag, "x")
        assert (ended.status, ended.err) == (2, f"error: {reason}\n")


def test_help_and_refusals_list_it(sheet, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    said = run_command("import", "--help").out
    others = ", ".join(name for name in registry.format_names() if name != "tally")
    assert f"{others}, tally." in said
    assert "of a tally sheet: first or second." in said
    ended = run_command("import", sheet, "--study", tmp_path / "study", "--format", "voc")
    assert ended.err.endswith(f"{others}, tally\n")
    ended = run_command("import", sheet, "--study", tmp_path / "study", "--format", "folder", "--given-label", "x")
    assert (
        ended.err
        == "error: --given-label x: is for Chaoyang, CIFAR-N and a tally sheet; for a CSV, use --label-column\n"
    )


def test_the_form_offers_it_and_asks_what_it_declares(app, made_study, sheet):
    app.run()
    assert "Tally sheet" in app.selectbox("studies_form_0_format").options
    app.text_input("studies_form_0_source").set_value(str(sheet)).run()
    box = app.selectbox("studies_form_0_given_label")
    assert (box.label, list(box.options)) == ("Reader to audit", list(READERS))
