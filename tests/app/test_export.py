"""The Export page, driven from the entry file."""

import csv
import io
import json
import zipfile

import pytest
import streamlit as st

from overread.pipeline.exporting import export_study, export_table
from overread.pipeline.study_ledger import open_ledger
from overread.records import VerdictKind
from overread.review.final_labels import LabelPolicy
from overread_app import study_data
from overread_app.components.agreement_panel import agreement_lines
from overread_app.processes import STUDIES_VARIABLE
from tests.app.conftest import open_page, page_text
from tests.app.made_study import write_study
from tests.app.verdicts import verdicts
from tests.core.commands import run_command


@pytest.fixture
def read_study(made_study):
    """The made study after Ada accepted three proposals, Ben kept one of those, and Ada excluded two others."""
    ledger = open_ledger(made_study)
    ada = verdicts(made_study, reader="Ada", number=3)
    excluded = verdicts(made_study, reader="Ada", number=5, kind=VerdictKind.EXCLUDE)[3:]
    for verdict in [*ada, *excluded, *verdicts(made_study, reader="Ben", number=1, kind=VerdictKind.REJECT)]:
        assert ledger.record(verdict)
    return made_study


def test_the_counts_are_those_of_all_readers(app, read_study):
    open_page(app, "export")
    numbers = {metric.label: int(metric.value) for metric in app.metric}
    counted = {
        "Changed": 2,
        "Kept": 0,
        "Excluded": 2,
        "Disputed": 1,
        "Outdated": 0,
        "Undecided": 43,
        "Unreadable": 2,
    }
    assert numbers == counted
    assert sum(numbers.values()) == 50


def test_a_label_that_was_kept_and_that_the_source_changed_since_is_outdated(app, made_study):
    (kept,) = verdicts(made_study, reader="Ada", number=1, kind=VerdictKind.REJECT)
    open_ledger(made_study).record(kept)
    samples = made_study.samples()
    samples.loc[samples["sample_id"] == kept.sample_id, "given_label"] = kept.proposed_label
    samples.to_csv(made_study.samples_path, index=False)
    open_page(app, "export")
    numbers = {metric.label: int(metric.value) for metric in app.metric}
    assert (numbers["Outdated"], numbers["Kept"], numbers["Undecided"]) == (1, 0, 47)
    assert sum(numbers.values()) == 50


def test_the_preview_shows_a_reader_s_own_changes_alone(app, read_study):
    open_page(app, "export", reader="Ada")
    table = app.dataframe[0].value
    assert len(table) == 5
    assert (table["Given label"] != table["Final label"]).all()
    assert "Ben" not in page_text(app)
    open_page(app, "export", reader="Ben")
    assert "None yet." in page_text(app)
    assert "Ada" not in page_text(app)


@pytest.fixture
def download(app, read_study, monkeypatch):
    """Opens the page; what it returns gives the bytes that its download button gives to the browser, when called."""
    asked = {}

    def keep_button(label, *, data, key, **options):
        asked[key] = (data, options["file_name"])

    monkeypatch.setattr(st, "download_button", keep_button)
    open_page(app, "export", reader="Ada")
    return lambda: asked["export_download"][0]().decode()


def test_the_download_holds_every_row_of_the_source_and_the_verdicts_of_that_moment(download, read_study):
    ledger = open_ledger(read_study)
    ledger.record(verdicts(read_study, reader="Ada", number=6)[5])
    rows = list(csv.DictReader(io.StringIO(download())))
    assert [row["image"] for row in rows] == read_study.source_table()["image"].tolist()
    assert list(rows[0])[:3] == ["image", "label", "ward"]
    assert [row["reader"] for row in rows if row["verdict"] == "accept"] == ["Ada"] * 3
    assert [row["final_label"] for row in rows if row["verdict"] == "exclude"] == [""] * 2
    assert [row["verdict"] for row in rows[-2:]] == ["quarantined"] * 2


def test_the_choice_where_readers_differ_counts_in_the_numbers_and_in_what_is_downloaded(
    app, read_study, tmp_path, monkeypatch
):
    ledger = open_ledger(read_study)
    for verdict in verdicts(read_study, reader="Cleo", number=1):  # two of three accept what Ben rejected
        ledger.record(verdict)
    asked = {}
    monkeypatch.setattr(st, "download_button", lambda label, *, data, key, **options: asked.update({key: data}))
    open_page(app, "export")
    numbers = {metric.label: metric.value for metric in app.metric}
    assert (numbers["Changed"], numbers["Disputed"]) == ("2", "1")
    app.segmented_control(key="export_policy").set_value("Majority, with shares").run()
    numbers = {metric.label: metric.value for metric in app.metric}
    assert (numbers["Changed"], numbers["Disputed"]) == ("3", "0")
    assert "a column for each class" in page_text(app)
    out = tmp_path / "out"
    export_study(read_study, out, format="bundle", policy=LabelPolicy.SOFT)
    with zipfile.ZipFile(io.BytesIO(asked["export_everything"]())) as archive:
        names = {"cleaned.csv", "changes.csv", "readings.csv", "manifest.json"}
        assert set(archive.namelist()) == {f"study/{name}" for name in names}
        for name in names - {"manifest.json"}:
            assert archive.read(f"study/{name}") == (out / name).read_bytes()
    for key, name in (("download", "cleaned.csv"), ("changes", "changes.csv"), ("readings", "readings.csv")):
        assert asked[f"export_{key}"]() == (out / name).read_bytes()


def test_each_choice_is_one_that_the_command_knows_and_says_what_it_does(app, read_study):
    open_page(app, "export")
    said = set()
    for title in app.segmented_control(key="export_policy").options:
        app.segmented_control(key="export_policy").set_value(title).run()
        said.add(app.caption[1].value)
    assert len(said) == len(LabelPolicy)


def test_the_owner_sees_how_far_readers_agree_and_nobody_s_name(app, read_study):
    ledger, names = open_ledger(read_study), read_study.classes
    for verdict in verdicts(read_study, reader="Ben", number=8)[1:]:
        ledger.record(verdict)
    for verdict in verdicts(read_study, reader="Ada", number=8)[5:]:
        ledger.record(verdict)
    open_page(app, "export")
    lines = agreement_lines(study_data.load_agreement(read_study))
    told = json.loads(run_command("agreement", read_study.path, "--json").out)["panels"]["readers"]["pairs"][0]
    assert told["kappa"]["num_samples"] == 6
    kappa = told["kappa"]
    assert lines[0] == (
        f"Between readers: Cohen's kappa **{kappa['value']:.2f}** ({kappa['low']:.2f} to {kappa['high']:.2f}) on "
        "6 images read by two."
    )
    assert lines[1].startswith("They differ on 1 image, most often on those given as ")
    assert any(name in lines[1] for name in names)
    assert all(line in page_text(app) for line in lines)
    assert not any(name in page_text(app) for name in ("Ada", "Ben"))


def test_one_reader_alone_has_nothing_to_choose_and_agrees_with_nobody(app, made_study):
    for verdict in verdicts(made_study, reader="Ada", number=3):
        open_ledger(made_study).record(verdict)
    open_page(app, "export")
    assert not app.exception
    assert "Where readers differ" not in [control.label for control in app.segmented_control]
    assert "Agreement" not in [header.value for header in app.header]


def test_a_reader_who_is_not_the_owner_sees_neither_agreement_nor_numbers_of_others(app, read_study):
    open_page(app, "export", reader="Ben", is_owner=False)
    assert not app.metric
    assert "Agreement" not in [header.value for header in app.header]
    assert "kappa" not in page_text(app)


FILES = {
    "Label Studio": ("label-studio", "study.json", {"study.json", "study.xml"}),
    "FiftyOne": ("fiftyone", "study", {f"study/{name}.json" for name in ("labels", "given_labels", "proposals")}),
    "Croissant": ("croissant", "study.csv", {"study.csv", "study.croissant.json"}),
    "cleanlab": ("cleanlab", "study.csv", {"study.csv"}),
}
"""Tool: the format's name, what it is asked to write, and the files that it writes."""


@pytest.mark.parametrize("tool", FILES)
def test_the_labels_for_another_tool_are_what_the_command_writes(app, read_study, tmp_path, monkeypatch, tool):
    asked = {}
    monkeypatch.setattr(
        st, "download_button", lambda label, *, data, file_name, **options: asked.update({file_name: data})
    )
    open_page(app, "export", reader="Ada")
    assert "For torchvision's ImageFolder" in page_text(app)
    app.segmented_control(key="export_tool").set_value(tool).run()
    assert not app.exception
    assert "secret-patient" not in page_text(app)
    format_name, written, files = FILES[tool]
    (name, data) = list(asked.items())[-1]
    tmp_path = tmp_path / "written"
    tmp_path.mkdir()
    export_study(read_study, tmp_path / written, format=format_name)
    if len(files) == 1:
        assert name == "study-cleanlab.csv"
        assert "numbers, in the order 0 adenoma, 1 normal, 2 serrated" in page_text(app)
        assert data() == (tmp_path / written).read_bytes()
        return
    with zipfile.ZipFile(io.BytesIO(data())) as archive:
        assert name == f"study-{format_name}.zip"
        assert {file: archive.read(file) for file in archive.namelist()} == {
            file: (tmp_path / file).read_bytes() for file in files
        }


def test_a_study_without_a_run_has_no_label_issues(app, tmp_path, monkeypatch):
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(write_study(tmp_path, has_run=False).path)]))
    open_page(app, "export")
    app.segmented_control(key="export_tool").set_value("cleanlab").run()
    assert "there is none yet" in page_text(app)


def test_a_study_without_a_run_exports_its_labels_as_they_are(app, tmp_path, monkeypatch):
    study = write_study(tmp_path, has_run=False)
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(study.path)]))
    open_page(app, "export")
    assert not app.warning
    assert {metric.label: metric.value for metric in app.metric}["Undecided"] == "48"


def test_a_page_that_is_drawn_again_reads_no_table_again_until_something_has_changed(app, read_study, monkeypatch):
    made = []
    monkeypatch.setattr(
        study_data,
        "export_table",
        lambda *arguments, policy: made.append(policy) or export_table(*arguments, policy=policy),
    )
    open_page(app, "export")
    kept = next(metric.value for metric in app.metric if metric.label == "Kept")
    app.run()
    assert len(made) == 1
    ledger = open_ledger(read_study)
    ledger.record(verdicts(read_study, reader="Somebody new", number=8, kind=VerdictKind.REJECT)[-1])
    app.run()
    assert len(made) == 2
    assert next(metric.value for metric in app.metric if metric.label == "Kept") == str(int(kept) + 1)
