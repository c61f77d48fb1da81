import csv

import pytest

from overread.errors import ManifestError, SourceError
from tests.core.conftest import write_image
from tests.core.importing import read_source


def write_images(folder, *names):
    for seed, name in enumerate(names):
        write_image(folder / name, seed)


def write_table(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def labels_of(source):
    return {row.image: row.label for row in source.rows}


@pytest.mark.parametrize("name", ["sample_submission.csv", "predictions.csv", "model-preds.csv"])
def test_a_table_of_predictions_is_never_taken_for_the_labels(tmp_path, name):
    write_images(tmp_path, "train/a.png", "train/b.png", "test/c.png")
    write_table(tmp_path / "truth.csv", ("image", "label"), ("a.png", "cat"), ("b.png", "dog"))
    write_table(tmp_path / name, ("image", "label"), ("a.png", "dog"), ("b.png", "cat"), ("c.png", "cat"))
    source = read_source(tmp_path)
    assert labels_of(source) == {"train/a.png": "cat", "train/b.png": "dog"}
    assert any(name in message and "not read" in message for message in source.messages)
    (tmp_path / "truth.csv").unlink()
    with pytest.raises((SourceError, ManifestError)):
        read_source(tmp_path)


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (("image", "split"), [("train",), ("test",)]),
        (("image", "width", "format"), [("9", "png"), ("9", "png")]),
    ],
)
def test_a_table_without_labels_leaves_the_names_of_folders_as_classes(tmp_path, header, rows):
    write_images(tmp_path, "cat/a.png", "cat/b.png", "dog/c.png", "dog/d.png")
    images = ("cat/a.png", "cat/b.png", "dog/c.png", "dog/d.png")
    write_table(tmp_path / "list.csv", header, *((image, *rows[i % 2]) for i, image in enumerate(images)))
    source = read_source(tmp_path)
    assert labels_of(source) == {image: image[:3] for image in images}
    assert any("list.csv lies in the folder and was not read" in message for message in source.messages)


def test_tables_in_class_folders_are_read_together_if_they_have_labels(tmp_path):
    for folder in ("first", "second"):
        write_images(tmp_path / folder, "a.png", "b.png")
        write_table(tmp_path / folder / "labels.csv", ("image", "label"), ("a.png", "cat"), ("b.png", "dog"))
    source = read_source(tmp_path)
    assert labels_of(source) == {
        "first/a.png": "cat",
        "first/b.png": "dog",
        "second/a.png": "cat",
        "second/b.png": "dog",
    }
    for folder in ("first", "second"):
        write_table(tmp_path / folder / "labels.csv", ("image", "sex"), ("a.png", "F"), ("b.png", "M"))
    assert labels_of(read_source(tmp_path)) == {
        "first/a.png": "first",
        "first/b.png": "first",
        "second/a.png": "second",
        "second/b.png": "second",
    }


def test_splits_are_found_in_names_with_blanks(tmp_path):
    write_images(tmp_path / "images", "a.png", "b.png", "c.png", "d.png")
    header = ("image", "label", "")
    write_table(tmp_path / "a. Grading_Training Labels.csv", header, ("a", "0", ""), ("b", "1", ""))
    write_table(tmp_path / "b. Grading_Testing Labels.csv", header, ("c", "0", ""), ("d", "1", ""))
    assert [row.split for row in read_source(tmp_path).rows] == ["train", "train", "test", "test"]


def test_the_flags_that_a_question_names_answer_it(tmp_path):
    write_images(tmp_path / "data" / "images", *(f"{number}.png" for number in range(4)))
    rows = [(f"{number}.png", "dm"[number % 2]) for number in range(4)]
    write_table(tmp_path / "data" / "table.csv", ("image", "state"), *rows)
    with pytest.raises(ManifestError, match=r"--labels data/table\.csv --label-column state"):
        read_source(tmp_path)
    source = read_source(tmp_path, labels="data/table.csv", label_column="state")
    assert sorted(row.label for row in source.rows) == ["d", "d", "m", "m"]


@pytest.mark.parametrize("image", ["images/{}/1.png", "images/T1/{}/1.png", "images/{}_1.png", "{}-1.png"])
def test_a_row_for_a_patient_labels_all_of_the_patient_s_images(tmp_path, image):
    patients = ("P1", "P2", "P10")
    for seed, patient in enumerate(patients):
        write_images(tmp_path, image.format(patient), image.replace("1.png", f"2_{seed}.png").format(patient))
    rows = zip(patients, ("benign", "malignant", "benign"), strict=True)
    write_table(tmp_path / "clinical.csv", ("patient_id", "label"), *rows)
    source = read_source(tmp_path, labels="clinical.csv")
    found = {(row.patient, row.label) for row in source.rows}
    assert found == {("P1", "benign"), ("P2", "malignant"), ("P10", "benign")}
    assert len(source.rows) == 6
    for row in source.rows:
        assert any(part.replace("-", "_").split("_")[0] == row.patient for part in row.image.split("/"))
    assert any("each of their 6 images has the label of its row" in message for message in source.messages)


def test_a_patient_with_two_rows_is_not_spread_over_images(tmp_path):
    write_images(tmp_path, "images/P1/1.png", "images/P2/1.png")
    rows = [("P1", "benign"), ("P1", "malignant"), ("P2", "benign")]
    write_table(tmp_path / "clinical.csv", ("patient_id", "label"), *rows)
    with pytest.raises(ManifestError, match="no column is obviously the image"):
        read_source(tmp_path, labels="clinical.csv")


def test_of_two_columns_of_images_one_is_taken_and_said(tmp_path):
    pairs = [(f"c{number}.png", f"d{number}.png") for number in range(4)]
    write_images(tmp_path / "images", *(name for pair in pairs for name in pair))
    rows = [(*pair, "nevus" if number % 2 else "melanoma") for number, pair in enumerate(pairs)]
    write_table(tmp_path / "meta.csv", ("clinic", "derm", "diagnosis"), *rows)
    source = read_source(tmp_path)
    assert [row.image for row in source.rows] == [f"images/c{number}.png" for number in range(4)]
    assert "meta.csv: the images are those of column 'clinic', not of 'derm'; --image-column names another" in (
        source.messages
    )
    assert read_source(tmp_path, image_column="derm").rows[0].image == "images/d0.png"


@pytest.mark.parametrize(
    ("header", "first"),
    [
        (("image", "class", "diagnosis"), ["cell", "cat"]),
        (("image", "target", "labels"), ["[1, 0]", "cat"]),
        (("image", "diagnosis", "target"), ["cat", "[1, 0]"]),
    ],
)
def test_a_column_that_cannot_hold_the_labels_is_passed_over_for_another_obvious_one(tmp_path, header, first):
    write_images(tmp_path, "a.png", "b.png")
    other = [{"cat": "dog", "[1, 0]": "[0, 1]"}.get(cell, cell) for cell in first]
    write_table(tmp_path / "labels.csv", header, ("a.png", *first), ("b.png", *other))
    source = read_source(tmp_path)
    assert [row.label for row in source.rows] == ["cat", "dog"]
    assert any("was taken as the label, not" in message for message in source.messages)


def test_few_columns_of_zeros_and_ones_beside_another_are_no_findings(tmp_path):
    images = [f"{number}.png" for number in range(6)]
    write_images(tmp_path, *images)
    rows = [(image, str(i % 2), str(1 - i % 2), ("nv", "mel", "bcc")[i % 3]) for i, image in enumerate(images)]
    write_table(tmp_path / "labels.csv", ("image", "is_male", "is_female", "dx"), *rows)
    with pytest.raises(ManifestError, match="--label-column dx"):
        read_source(tmp_path)
    source = read_source(tmp_path, label_columns=("is_male", "is_female"))
    assert [row.label for row in source.rows] == ["is_female", "is_male"] * 3
    source = read_source(tmp_path, finding="is_male")
    assert [row.label for row in source.rows] == ["absent", "present"] * 3


def test_a_doubled_column_of_labels_is_named(tmp_path):
    write_images(tmp_path, "a.png", "b.png")
    write_table(tmp_path / "labels.csv", ("image", "label", "label"), ("a.png", "0", "cat"), ("b.png", "1", "dog"))
    with pytest.raises(ManifestError, match="2 columns are named 'label'; rename all but one"):
        read_source(tmp_path)


@pytest.mark.parametrize(
    "header", [("Unnamed: 0", "id"), ("index", "scan_id"), ("age", "id"), ("", "case"), ("id", "scan")]
)
def test_a_number_of_rows_or_an_age_is_never_taken_for_the_image(tmp_path, header):
    write_images(tmp_path / "img", *(f"{number}.png" for number in range(8)))
    numbers = range(8) if header[0] != "age" else (3, 4, 4, 5, 3, 6, 6, 7)
    rows = [(str(number), str(7 - place), "cat" if place < 5 else "dog") for place, number in enumerate(numbers)]
    write_table(tmp_path / "labels.csv", (*header, "label"), *rows)
    source = read_source(tmp_path)
    assert labels_of(source) == {f"img/{7 - place}.png": "cat" if place < 5 else "dog" for place in range(8)}


def test_of_columns_with_the_images_names_the_one_whose_paths_lead_to_them_is_taken(tmp_path):
    # full_df.csv of ODIR-5K
    write_images(tmp_path / "preprocessed", *(f"{number}.jpg" for number in range(4)))
    rows = [(f"../input/Training Images/{number}.jpg", f"{number}.jpg", "DN"[number % 2]) for number in range(4)]
    write_table(tmp_path / "full_df.csv", ("source", "copy", "label"), *rows)
    source = read_source(tmp_path)
    assert labels_of(source) == {f"preprocessed/{number}.jpg": "DN"[number % 2] for number in range(4)}


def test_a_column_of_splits_is_known_by_what_it_holds(tmp_path):
    write_images(tmp_path, "a.png", "b.png", "c.png")
    rows = [("a.png", "cat", "Train"), ("b.png", "dog", "valid"), ("c.png", "dog", "test")]
    write_table(tmp_path / "birds.csv", ("image", "label", "data set"), *rows)
    source = read_source(tmp_path)
    assert [row.split for row in source.rows] == ["train", "val", "test"]
    assert "birds.csv: column 'data set' was taken as the split" in source.messages


def test_masks_of_a_patient_are_no_images_of_the_patient(tmp_path):
    write_images(tmp_path / "scans", *(f"P{n}_{kind}.png" for n in range(3) for kind in ("ct", "mask")))
    rows = [(f"P{number}", "benign" if number else "malignant") for number in range(3)]
    write_table(tmp_path / "clinical.csv", ("patient_id", "label"), *rows)
    images = [row.image for row in read_source(tmp_path, labels="clinical.csv").rows]
    assert images == [f"scans/P{number}_ct.png" for number in range(3)]
