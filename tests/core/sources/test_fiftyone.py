"""FiftyOne's exports: files as FiftyOne 1.22.1 writes them, with its options varied."""

import json

import pytest

from overread.errors import ConfigError, ManifestError
from tests.core.conftest import write_image
from tests.core.importing import read_source

CLASSES = ["cat", "dog", "eel"]


@pytest.fixture
def export(tmp_path):
    """Writes an export with the pictures a/x.png, y.png and x.png in data/, and gives its folder."""

    def write(content, *, folder="data", name="labels.json"):
        root = tmp_path / "export"
        for seed, image in enumerate(("a/x.png", "y.png", "x.png")):
            write_image(root / folder / image, seed)
        (root / name).write_text(json.dumps(content))
        return root

    return write


def sample(filepath, label, tags=(), **fields):
    return {
        "filepath": filepath,
        "tags": list(tags),
        "metadata": None,
        "created_at": {"$date": "2026-01-02T03:04:05Z"},
        "_media_type": "image",
        "_rand": 0.25,
        "ground_truth": classification(label),
        "uniqueness": 0.5,
        **fields,
    }


def classification(label):
    return {"_id": {"$oid": "6b02efd08ecf08f4583219f0"}, "_cls": "Classification", "tags": [], "label": label}


def images_and_labels(source):
    return [(row.image, row.label) for row in source.rows]


EXPECTED = [("data/a/x.png", "cat"), ("data/y.png", "eel"), ("data/x.png", "")]


@pytest.mark.parametrize(
    ("classes", "targets"),
    [
        (None, ["cat", "eel", None]),
        (CLASSES, [0, 2, None]),
        (CLASSES, [{"label": 0, "confidence": 0.5, "attributes": {}}, {"label": 2, "confidence": None}, None]),
        (CLASSES, [[0], [2], []]),
    ],
    ids=["texts", "places", "with confidence", "lists"],
)
def test_the_labels_of_a_classification_export(export, classes, targets):
    labels = dict(zip(("a/x", "y", "x"), targets, strict=True))
    source = read_source(export({"classes": classes, "labels": labels}))
    assert source.format == "fiftyone"
    assert images_and_labels(source) == EXPECTED
    assert source.columns == ("uuid", "label", "file")
    assert source.cells[1] == ("y", "2" if classes else "eel", "data/y.png")
    assert source.written_labels == ({"cat": "0", "eel": "2"} if classes else {})
    assert source.classes == (("cat", "eel") if classes else ())


def test_labels_without_media_are_found_below_the_source(export):
    root = export({"classes": CLASSES, "labels": {"a/x": 1, "y": 0}}, folder=".", name="elsewhere.json")
    assert images_and_labels(read_source(root, labels="elsewhere.json")) == [("a/x.png", "dog"), ("y.png", "cat")]


def test_a_manifest_says_where_the_images_lie(export):
    root = export({"classes": CLASSES, "labels": {"one": 1, "two": 0}}, folder="scans")
    (root / "data.json").write_text(json.dumps({"one.png": "scans/a/x.png", "two.png": str(root / "scans/y.png")}))
    assert images_and_labels(read_source(root)) == [("scans/a/x.png", "dog"), ("scans/y.png", "cat")]


def test_absolute_paths_of_another_machine_are_found_by_their_ends(export):
    labels = {"/home/anna/scans/a/x.png": "cat", "/home/anna/scans/y.png": "dog"}
    assert images_and_labels(read_source(export({"classes": None, "labels": labels}, folder="."))) == [
        ("a/x.png", "cat"),
        ("y.png", "dog"),
    ]


def test_files_that_differ_by_their_suffixes_alone_are_no_sample(export):
    root = export({"classes": CLASSES, "labels": {"a/x": 1, "y": 0, "x": 1}})
    write_image(root / "data/y.jpg")
    rows = read_source(root).rows
    assert [row.fault for row in rows] == ["", "2 files have this name, apart from their suffixes", ""]


def test_the_samples_of_a_native_export(export):
    samples = [
        sample("data/a/x.png", "cat", ["train", "odd"], ward="w1", second=classification("dog")),
        sample("/mnt/data/y.png", "dog", ["validation"], ward="w2", second=None),
        sample("data/x.png", "cat", ["train", "test"], ward="w1"),
    ]
    source = read_source(
        export({"samples": samples}, name="samples.json"), rater_columns=["second"], patient_column="ward"
    )
    assert images_and_labels(source) == [("data/a/x.png", "cat"), ("data/y.png", "dog"), ("data/x.png", "cat")]
    assert [row.split for row in source.rows] == ["train", "val", ""]
    assert [row.raters for row in source.rows] == [("dog",), ("",), ("",)]
    assert [row.patient for row in source.rows] == ["w1", "w2", "w1"]
    assert source.columns == ("filepath", "tags", "ground_truth", "uniqueness", "ward", "second", "file")
    assert source.cells[0] == ("data/a/x.png", '["train", "odd"]', "cat", "0.5", "w1", "dog", "data/a/x.png")


@pytest.mark.parametrize(
    "content", ['{"labels": ["cat", "dog"]}', '{"classes": ["cat", "dog"]}', '{"classes": [', "{}"]
)
def test_another_file_of_that_name_leaves_a_folder_per_class_what_it_is(class_folders, content):
    (class_folders / "labels.json").write_text(content)
    assert read_source(class_folders).format == "folder"


def test_another_field_can_be_the_label(export):
    samples = [sample("data/a/x.png", "cat", reading="dog"), sample("data/y.png", "cat", reading="eel")]
    source = read_source(export({"samples": samples}, name="samples.json"), label_column="reading")
    assert [row.label for row in source.rows] == ["dog", "eel"]
    assert source.label_column == "reading"


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ({"labels": {"y": 3}, "classes": CLASSES}, {}, "label 1: 3 is not an index into its 3 classes"),
        ({"labels": [1, 2]}, {"format": "fiftyone", "labels": "labels.json"}, "neither samples nor labels"),
        ({"samples": [{"tags": []}]}, {}, "not every sample has a filepath"),
        ({"samples": [{"filepath": "y.png", "a": classification("cat"), "b": classification("cat")}]}, {}, "of: a, b"),
        ({"samples": [sample("y.png", "cat")]}, {"label_column": "truth"}, "no field is called 'truth'"),
        ({"labels": {"y": "cat"}}, {"split_column": "split"}, "no fields; leave out --split-column"),
        ({"labels": {"y": "cat"}}, {"rater_columns": ("reader",)}, "no fields; leave out --rater-column"),
    ],
    ids=["place", "list", "no path", "two fields", "no such field", "no fields", "no raters"],
)
def test_what_is_wrong_is_said(export, content, options, message):
    name = "samples.json" if "samples" in content else "labels.json"
    with pytest.raises(ManifestError, match=message):
        read_source(export(content, name=name), **options)


def test_a_column_of_images_cannot_be_named(export):
    with pytest.raises(ConfigError, match="--image-column: a source of format fiftyone has no such column"):
        read_source(export({"labels": {"y": "cat"}}), format="fiftyone", image_column="filepath")


def test_several_labels_of_labels_json_are_asked_for_and_one_is_audited(export):
    root = export({"classes": CLASSES, "labels": {"a/x": [0], "y": [1, 2, 1], "x": [2]}})
    with pytest.raises(ManifestError, match=r"1 of 3 images have several labels in 'label'.*--finding eel"):
        read_source(root)
    source = read_source(root, finding="eel")
    assert images_and_labels(source) == [
        ("data/a/x.png", "absent"), ("data/y.png", "present"), ("data/x.png", "present"),
    ]  # fmt: skip
    assert [cells[1] for cells in source.cells] == ["0", "[1, 2, 1]", "2"]


def test_several_classifications_of_a_sample_are_several_labels(export):
    several = {"_cls": "Classifications", "classifications": [classification("cat"), classification("dog")]}
    samples = [sample("data/y.png", "cat"), sample("data/x.png", None, ground_truth=several), sample("a/x.png", "dog")]
    root = export({"samples": samples}, name="samples.json")
    assert [row.label for row in read_source(root, finding="dog").rows] == ["absent", "present", "present"]
    place = read_source(root, finding="dog").columns.index("ground_truth")
    assert [cells[place] for cells in read_source(root, finding="dog").cells] == ["cat", '["cat", "dog"]', "dog"]
