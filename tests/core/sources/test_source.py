import re
from pathlib import Path

import pytest

from overread.errors import ConfigError, ManifestError, SourceError
from tests.core.importing import read_source


def labels_of(source):
    return {row.image: row.label for row in source.rows}


def test_a_folder_of_classes_is_recognised_by_its_folders(class_folders):
    source = read_source(class_folders)
    assert source.format == "folder"
    assert labels_of(source) == {
        "cat/a.png": "cat",
        "cat/b.jpg": "cat",
        "cat/deep/c.png": "cat",
        "dog/a.png": "dog",
        "dog/z.tif": "dog",
    }


def test_a_csv_is_recognised_beside_its_images_and_by_itself(make_table):
    root = make_table([("image", "label"), ("x/a.png", "cat"), ("x/b.png", "dog")])
    for path in (root, root / "labels.csv"):
        source = read_source(path)
        assert (source.format, source.root) == ("csv", str(root.resolve()))
        assert labels_of(source) == {"x/a.png": "cat", "x/b.png": "dog"}


def test_a_labels_file_is_found_from_here_and_from_the_source(make_table, tmp_path):
    root = make_table([("image", "label"), ("a.png", "cat"), ("b.png", "dog")])
    elsewhere = tmp_path / "labels_elsewhere.txt"
    elsewhere.write_bytes((root / "labels.csv").read_bytes())
    assert labels_of(read_source(root, labels=elsewhere)) == labels_of(read_source(root, labels="labels.csv"))


def test_chaoyang_is_recognised_by_its_json_files(chaoyang_release):
    assert read_source(chaoyang_release).format == "chaoyang"
    assert read_source(chaoyang_release / "train.json").format == "chaoyang"


def test_a_csv_beside_class_folders_is_taken_and_said(make_table):
    root = make_table([("image", "label"), ("x/a.png", "cat"), ("y/b.png", "dog")])
    message = "the labels are those of labels.csv, not the names of the folders beside it; those are --format folder"
    assert read_source(root).messages == (message,)
    assert read_source(root, labels="labels.csv").messages == ()
    assert labels_of(read_source(root, format="folder")) == {"x/a.png": "x", "y/b.png": "y"}


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(SourceError, match=re.escape(f"{tmp_path / 'gone'}: no such file or folder")):
        read_source(tmp_path / "gone")


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(SourceError, match=re.escape(f"{tmp_path}: the folder is empty; add")):
        read_source(tmp_path)


def test_a_missing_labels_file_is_named(class_folders):
    with pytest.raises(SourceError, match=r"gone\.csv: no such labels file"):
        read_source(class_folders, labels="gone.csv")


def test_several_tables_ask_which_one(make_table):
    root = make_table([("image", "label"), ("a.png", "cat"), ("b.png", "dog")])
    (root / "more.csv").write_text("image,label\na.png,dog\nb.png,cat\n")
    named = r"--labels FILE, one of: labels\.csv \(image, label\); more\.csv \(image, label\)"
    with pytest.raises(SourceError, match=named):
        read_source(root)


def test_an_unknown_format_lists_the_known_ones(class_folders):
    with pytest.raises(ConfigError, match="--format voc: unknown value; choose from folder, file-names, csv, chaoyang"):
        read_source(class_folders, format="voc")


def test_naming_a_column_of_a_folder_is_refused(class_folders):
    with pytest.raises(ConfigError, match="--label-column: a source of format folder has no such column"):
        read_source(class_folders, format="folder", label_column="label")


def test_json_of_another_layout_is_refused(tmp_path):
    (tmp_path / "labels.json").write_text('{"settings": {"labels": ["a", "b"]}}')
    with pytest.raises(SourceError, match=r"labels\.json: JSON is read as COCO, Datumaro, FiftyOne and Label Studio "):
        read_source(tmp_path / "labels.json")


def test_a_label_outside_the_classes_names_file_row_and_mend(make_table):
    root = make_table([("image", "label"), ("a.png", "NORMAL"), ("b.png", "PNEUMONIA"), ("c.png", "pnuemonia")])
    with pytest.raises(ManifestError) as error:
        read_source(root, classes=("NORMAL", "PNEUMONIA"))
    expected = "labels.csv row 4: label 'pnuemonia' is not one of NORMAL, PNEUMONIA; fix the row or pass --classes"
    assert str(error.value) == expected


def test_the_classes_given_keep_their_order(make_table):
    root = make_table([("image", "label"), ("a.png", "cat"), ("b.png", "dog")])
    assert read_source(root, classes=("dog", "cat", "bird")).classes == ("dog", "cat", "bird")


@pytest.mark.parametrize("second", ["a.png", "./a.png", "x/../a.png", "a.png "])
def test_one_image_with_two_labels_names_both_rows(make_table, second):
    root = make_table([("image", "label"), ("a.png", "cat"), ("b.png", "dog")])
    with (root / "labels.csv").open("a") as file:
        file.write(f"{second},dog\n")
    with pytest.raises(ManifestError, match=r"labels\.csv rows 2 and 4: .*'cat' and 'dog'; keep one"):
        read_source(root)


def test_one_class_is_refused_by_its_name(tmp_path, make_table):
    root = make_table([("image", "label"), ("a.png", "cat"), ("b.png", "cat")])
    only = r"only the class 'cat' in 2 rows of 'label', such as row 2 \(a\.png\); at least two"
    with pytest.raises(ManifestError, match=rf"labels\.csv: {only}"):
        read_source(root)


@pytest.mark.parametrize(
    ("rare", "is_warned"), [("pnuemonia", True), ("pneumonias", True), ("pneumothorax", False), ("normal", False)]
)
def test_only_a_rare_class_spelt_like_another_is_warned_of(make_table, rare, is_warned):
    rows = [(f"{number}.png", "pneumonia") for number in range(10)] + [("n.png", "effusion"), ("r.png", rare)]
    messages = " ".join(read_source(make_table([("image", "label"), *rows])).messages)
    assert (f"class {rare!r} (1 rows) is spelt much like 'pneumonia' (10 rows)" in messages) is is_warned


def test_codes_of_one_character_are_not_taken_for_slips(make_table):
    rows = [(f"{number}.png", "0") for number in range(10)] + [("r.png", "1")]
    assert read_source(make_table([("image", "label"), *rows])).messages == ()


def test_a_source_that_may_not_be_read_is_named(class_folders, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(class_folders))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(SourceError, match=re.escape(f"{class_folders}: cannot be read (Permission denied)")):
        read_source(class_folders)
