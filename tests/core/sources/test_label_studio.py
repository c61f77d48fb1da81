"""Label Studio's exports, in the words of its documentation of tasks, and of its converter for JSON-MIN."""

import csv
import json

import pytest

from overread.errors import ConfigError, ManifestError
from overread.sources.image_search import find_below
from tests.core.conftest import write_image
from tests.core.importing import read_source


@pytest.fixture
def export(tmp_path):
    """Writes an export beside the pictures upload/1/1a2b3c4d-x.png, y.png and deep/z.png, and gives its folder."""

    def write(content):
        root = tmp_path / "export"
        for seed, image in enumerate(("upload/1/1a2b3c4d-x.png", "y.png", "deep/z.png")):
            write_image(root / image, seed)
        (root / "project-1.json").write_text(json.dumps(content))
        return root

    return write


def annotation(choice, by=1, time="2026-03-09T21:52:49.513742Z", control="choice", **options):
    choices = choice if isinstance(choice, list) else [choice]
    result = {"from_name": control, "to_name": "image", "type": "choices", "value": {"choices": choices}}
    return {"id": 1001, "result": [result], "completed_by": by, "created_at": time, "updated_at": time, **options}


def task(number, image, *annotations, **data):
    prediction = {"model_version": "m", "score": 0.9, "result": annotation("prediction")["result"]}
    data = {"image": image, **data}
    return {"id": number, "data": data, "annotations": list(annotations), "predictions": [prediction]}


def images_and_labels(source):
    return [(row.image, row.label) for row in source.rows]


def test_the_images_are_found_in_every_spelling(export):
    spelled = {
        "/data/upload/1/1a2b3c4d-x.png": "upload/1/1a2b3c4d-x.png",
        "/data/local-files/?d=scans/deep%2Fz.png": "deep/z.png",
        "s3://bucket/project/y.png": "y.png",
        "https://example.org/a/y.png?token=1": "y.png",
        "http://localhost:8080/data/local-files/?d=y.png": "y.png",
        "deep/z.png": "deep/z.png",
        "C:\\scans\\deep\\z.png": "deep/z.png",
        "/data/upload/7/99999999-y.png": "y.png",
        "deep/../y.png": "deep/../y.png",
        "s3://bucket/gone.png": "s3://bucket/gone.png",
        "": "",
    }
    root = export([])
    assert {spelling: find_below(root, spelling) for spelling in spelled} == spelled


def test_a_path_of_another_machine_that_no_file_ends_in_is_said_to_be_so(export):
    tasks = [task(1, "y.png", annotation("cat")), task(2, "/data/upload/1/99999999-gone.png", annotation("dog"))]
    faults = [row.fault for row in read_source(export(tasks)).rows]
    assert faults == ["", "no file below the source has this path, or an end of it"]


def test_the_choice_of_one_annotator_is_the_label(export):
    tasks = [
        task(4, "/data/upload/1/1a2b3c4d-x.png", annotation("cat"), ward="w1", split="Train"),
        task(5, "y.png", annotation("dog", was_cancelled=True), annotation("eel"), ward="w2", split="TEST"),
        task(6, "deep/z.png", ward="w1"),
    ]
    source = read_source(export(tasks), patient_column="ward")
    assert source.format == "label-studio"
    assert images_and_labels(source) == [("upload/1/1a2b3c4d-x.png", "cat"), ("y.png", "eel"), ("deep/z.png", "")]
    assert [(row.patient, row.split) for row in source.rows] == [("w1", "train"), ("w2", "test"), ("w1", "")]
    assert source.rater_names == ()
    assert source.columns == ("id", "image", "ward", "split", "choice", "file")
    assert source.cells[0] == ("4", "/data/upload/1/1a2b3c4d-x.png", "w1", "Train", "cat", "upload/1/1a2b3c4d-x.png")
    assert (source.image_column, source.label_column) == ("file", "choice")


def test_annotators_are_raters_and_most_of_them_make_the_label(export):
    early, late = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
    tasks = [
        task(1, "y.png", annotation("cat", by=10), annotation("dog", by=2), annotation("dog", by={"id": 3})),
        task(2, "deep/z.png", annotation("eel", by=2, time=late), annotation("cat", by=10, time=early)),
        task(3, "/data/upload/1/1a2b3c4d-x.png", annotation("cat", by=2, time=late), annotation("eel", by=2)),
    ]
    source = read_source(export(tasks))
    assert source.rater_names == ("rater_2", "rater_3", "rater_10")
    assert [row.raters for row in source.rows] == [("dog", "dog", "cat"), ("eel", "", "cat"), ("eel", "", "")]
    assert [row.label for row in source.rows] == ["dog", "cat", "eel"]
    assert any("in 1 tasks the annotators were tied" in text for text in source.messages)


def test_the_ground_truth_outvotes_the_others(export):
    tasks = [
        task(1, "y.png", annotation("cat", by=1), annotation("cat", by=2), annotation("dog", by=3, ground_truth=True)),
        task(2, "deep/z.png", annotation("eel", by=1)),
    ]
    assert [row.label for row in read_source(export(tasks)).rows] == ["dog", "eel"]


def test_addresses_of_annotators_stay_in_the_file(export):
    by = [annotation("cat", by={"email": "anna@example.org"}), annotation("dog", by="ben@example.org")]
    source = read_source(export([task(1, "y.png", *by), task(2, "deep/z.png", annotation("dog"))]))
    assert source.rater_names == ("rater_1", "rater_2", "rater_3")


def test_several_ways_to_one_file_are_quarantined(export):
    tasks = [
        task(2, "a/deep/z.png", annotation("cat")),
        task(3, "b/deep/z.png", annotation("cat")),
        task(4, "/data/upload/1/1a2b3c4d-x.png", annotation("dog")),
        task(5, "y.png", annotation("cat")),
    ]
    shared = "several tasks come to the same file"
    assert [row.fault for row in read_source(export(tasks)).rows] == [shared, shared, "", ""]


BOX = {"from_name": "box", "type": "rectanglelabels", "value": {"x": 1, "y": 1, "rectanglelabels": ["Opacity"]}}


def test_several_choices_of_an_image_are_asked_for_and_one_is_audited(export):
    tasks = [
        task(1, "y.png", annotation(["cat", "dog", "cat"])),
        task(2, "deep/z.png", annotation("cat")),
        task(3, "upload/1/1a2b3c4d-x.png", annotation(["eel"])),
    ]
    tasks[0]["annotations"][0]["result"].append(BOX)
    root = export(tasks)
    with pytest.raises(ManifestError, match=r"1 of 3 images have several labels in 'choice'.*--finding cat"):
        read_source(root)
    source = read_source(root, finding="dog")
    assert [row.label for row in source.rows] == ["present", "absent", "absent"]
    assert source.rater_names == ()
    labels = source.columns.index("choice")
    assert [cells[labels] for cells in source.cells] == ['["cat", "dog"]', "cat", "eel"]


def test_of_several_annotators_with_several_choices_each_is_a_reader(export):
    by = [annotation(["cat", "dog"], by=1), annotation("dog", by=2), annotation(["cat"], by={"email": "x@example.org"})]
    tasks = [task(1, "y.png", *by), task(2, "deep/z.png", annotation(["cat", "eel"], by=1), annotation("dog", by=1))]
    source = read_source(export(tasks), finding="cat")
    assert source.rater_names == ("rater_1", "rater_2", "rater_3")
    assert [(row.image, row.label, row.raters) for row in source.rows] == [
        *[("y.png", "present", ("present", "absent", "present"))] * 3,
        ("deep/z.png", "absent", ("absent", "", "")),
    ]


def min_entry(number, image, choice, by=1, time="2026-03-09T21:52:49Z", **data):
    added = {"annotator": by, "annotation_id": number, "created_at": time, "updated_at": time, "lead_time": 4.5}
    return {"image": image, **data, "id": number, "choice": choice, **added}


def test_json_min_has_an_entry_for_each_annotation(export):
    entries = [
        min_entry(1, "y.png", "cat", ward="w1"),
        min_entry(1, "y.png", "dog", by=2, time="2026-03-10T00:00:00Z", ward="w1"),
        min_entry(2, "deep/z.png", [{"choices": ["dog"]}], ward="w2"),
        min_entry(3, "/data/upload/1/1a2b3c4d-x.png", "eel", by=2, ward="w2"),
    ]
    source = read_source(export(entries))
    assert images_and_labels(source)[0] == ("y.png", "cat")
    assert [row.raters for row in source.rows] == [("cat", "dog"), ("dog", ""), ("", "eel")]
    assert source.columns == ("id", "image", "ward", "choice", "file")


def csv_export(root, entries, name="project-1.csv"):
    """As Label Studio's converter writes it: the entries of JSON-MIN, what is no text as JSON."""
    (root / "project-1.json").unlink(missing_ok=True)
    columns = sorted({key for entry in entries for key in entry})
    with (root / name).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t" if name.endswith(".tsv") else ",")
        table.writerow(columns)
        for entry in entries:
            cells = [entry.get(key, "") for key in columns]
            table.writerow([cell if isinstance(cell, str | int | float) else json.dumps(cell) for cell in cells])
    return root


@pytest.mark.parametrize("name", ["project-1.csv", "project-1.tsv"])
def test_csv_is_read_as_json_min_is(export, name):
    boxes = [{"x": 1, "y": 1, "rectanglelabels": ["Opacity"]}]
    entries = [
        min_entry(1, "/data/upload/1/1a2b3c4d-x.png", "cat", label=boxes),
        min_entry(1, "/data/upload/1/1a2b3c4d-x.png", "dog", by=2, time="2026-03-10T00:00:00Z", label=boxes),
        min_entry(2, "/data/upload/1/99999999-y.png", "dog", label=boxes),
    ]
    root = csv_export(export([]), entries, name)
    for asked in ({}, {"label_column": "choice"}, {"labels": name}):
        source = read_source(root, **asked)
        assert source.format == "label-studio"
        assert images_and_labels(source) == [("upload/1/1a2b3c4d-x.png", "cat"), ("y.png", "dog")]
        assert [row.raters for row in source.rows] == [("cat", "dog"), ("dog", "")]


def test_several_choices_in_csv_are_several_labels(export):
    entries = [
        min_entry(1, "y.png", {"choices": ["cat", "dog"]}),
        min_entry(2, "deep/z.png", "cat"),
        min_entry(3, "upload/1/1a2b3c4d-x.png", "eel"),
    ]
    root = csv_export(export([]), entries)
    with pytest.raises(ManifestError, match="1 of 3 images have several labels"):
        read_source(root)
    assert [row.label for row in read_source(root, finding="cat").rows] == ["present", "present", "absent"]


def test_a_key_of_the_data_can_be_the_label(export):
    tasks = [task(1, "y.png", annotation("cat"), final="eel"), task(2, "deep/z.png", final="dog")]
    source = read_source(export(tasks), label_column="final")
    assert [row.label for row in source.rows] == ["eel", "dog"]
    assert source.columns == ("id", "image", "final", "file")


@pytest.mark.parametrize(
    ("tasks", "options", "message"),
    [
        ([task(1, "y.png")], {}, "no annotation in it chooses a class"),
        ([task(1, "y.png", annotation("a"), annotation("b", control="side"))], {}, "of: choice, side"),
        (
            [task(1, "y.png", annotation("a"))],
            {"label_column": "x"},
            "called 'x'; set --label-column to one of: choice, im",
        ),
        ([task(1, "y.png", annotation("a"), 7)], {}, "task 1: its annotations are left out"),
        ([task(1, "y.png", annotation("a")), 7], {}, "is not a list of tasks"),
        ([{**task(1, "y.png", annotation("a")), "data": {"scan": 1, "b": 2}}], {}, "specify it with --image-column"),
        ([min_entry(1, "y.png", "a") | {"choice": "a", "x": "b"}, 7], {}, "is not a list of tasks"),
    ],
    ids=["none", "two controls", "no such key", "numbers only", "no task", "no image", "min"],
)
def test_what_is_wrong_is_said(export, tasks, options, message):
    with pytest.raises(ManifestError, match=message):
        read_source(export(tasks), **options)


def test_rater_columns_are_not_named(export):
    with pytest.raises(ConfigError, match="--rater-column: a source of format label-studio has no such column"):
        read_source(export([task(1, "y.png", annotation("a"))]), rater_columns=["x"])
