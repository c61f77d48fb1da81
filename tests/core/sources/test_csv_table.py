import csv

import pytest

from overread.errors import ManifestError, SourceError
from overread.sources.csv_table import read_table
from overread.sources.request import ColumnNames
from tests.core.importing import read_source


def write_table(tmp_path, content):
    path = tmp_path / "labels.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_named_columns_fill_every_field(tmp_path):
    path = write_table(
        tmp_path,
        "who,pic,truth,part,lamella,label_A,rater_2,third\n"
        "p1,a.png, cat ,TRAIN ,s9,cat,dog,\n"
        "p2,b.png,dog,Test,s8,dog,dog,cat\n",
    )
    raters = ("label_A", "rater_2", "third")
    columns = ColumnNames(image="pic", label="truth", patient="who", slide="lamella", split="part", raters=raters)
    source = read_table(path, tmp_path, columns)
    assert source.rater_names == ("rater_A", "rater_2", "rater_third")
    row = source.rows[0]
    assert (row.row, row.image, row.label, row.patient, row.slide, row.split) == (
        2,
        "a.png",
        "cat",
        "p1",
        "s9",
        "train",
    )
    assert row.raters == ("cat", "dog", "")
    assert source.cells[0] == ("p1", "a.png", " cat ", "TRAIN ", "s9", "cat", "dog", "")


@pytest.mark.parametrize("image", ["image", "path", "file", "filename", "name", "Image", " image "])
@pytest.mark.parametrize("label", ["label", "class", "target", "given_label"])
def test_obvious_columns_need_no_name(tmp_path, image, label):
    path = write_table(tmp_path, f"id,{label},{image}\n1,cat,a.png\n2,dog,b.png\n")
    source = read_table(path, tmp_path)
    assert (source.image_column, source.label_column) == (image, label)
    assert source.rows[0].image == "a.png"


def test_obvious_columns_of_patients_are_taken_and_said(tmp_path):
    path = write_table(tmp_path, "image,label,patient\na.png,cat,p1\nb.png,dog,p2\n")
    source = read_table(path, tmp_path)
    assert [row.patient for row in source.rows] == ["p1", "p2"]
    assert source.messages == ("labels.csv: column 'patient' was taken as the patient",)


def test_a_missing_column_lists_the_columns_found(tmp_path):
    path = write_table(tmp_path, "image,label,sex\na.png,cat,F\n")
    with pytest.raises(ManifestError) as error:
        read_table(path, tmp_path, ColumnNames(label="diagnosis"))
    assert (
        str(error.value) == "labels.csv row 1: no column 'diagnosis'; set --label-column to one of: image, label, sex"
    )


def test_columns_that_are_not_obvious_are_asked_for(tmp_path):
    path = write_table(tmp_path, "scan,finding\na.png,cat\n")
    with pytest.raises(
        ManifestError,
        match=r"no column is obviously the image; specify it with --image-column\. Columns: scan, finding",
    ):
        read_table(path, tmp_path)


def test_a_doubled_column_is_refused(tmp_path):
    path = write_table(tmp_path, "image,label,label\na.png,cat,dog\n")
    with pytest.raises(ManifestError, match="row 1: 2 columns are named 'label'; rename all but one"):
        read_table(path, tmp_path, ColumnNames(label="label"))


def test_a_ragged_row_is_named(tmp_path):
    path = write_table(tmp_path, 'image,label\na.png,"two\nlines"\n\nb.png,dog,extra\n')
    with pytest.raises(ManifestError, match=r"labels\.csv row 4: 3 cells where the header has 2"):
        read_table(path, tmp_path)


def test_a_quote_that_is_never_closed_is_named(tmp_path):
    path = write_table(tmp_path, 'image,label\na.png,cat\nb.png,"dog\nc.png,cat\n')
    with pytest.raises(ManifestError, match=r"labels\.csv row 3: .*fix the double quotes"):
        read_table(path, tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = write_table(tmp_path, b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
    with pytest.raises(SourceError, match=r"labels\.csv: this file is an image"):
        read_source(path)


def test_an_empty_file_and_a_header_alone_are_refused(tmp_path):
    with pytest.raises(SourceError, match=r"labels\.csv: the file is empty"):
        read_source(write_table(tmp_path, ""))
    with pytest.raises(SourceError, match=r"labels\.csv: lists no images"):
        read_source(write_table(tmp_path, "image,label\n"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_delimiters_and_encodings_are_told_apart(tmp_path, delimiter, encoding):
    rows = [("image", "label", "note"), ("a.png", "Möwe", "1,5; or 2"), ("b.png", "Elster", "")]
    path = tmp_path / "labels.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    source = read_table(path, tmp_path)
    assert (source.columns, *source.cells) == tuple(rows)


def test_decimal_commas_in_a_table_of_semicolons_do_not_cut_cells(tmp_path):
    path = write_table(tmp_path, "image;label;age, years\na.png;cat;1,5\nb.png;dog;2,5\n")
    assert read_table(path, tmp_path).cells == (("a.png", "cat", "1,5"), ("b.png", "dog", "2,5"))


def test_rows_are_numbered_as_a_spreadsheet_counts(tmp_path):
    path = write_table(tmp_path, 'image,label\n\na.png,"c\n\nat"\nb.png,dog\n')
    assert [row.row for row in read_table(path, tmp_path).rows] == [3, 4]


def test_a_western_code_page_is_read_and_said(tmp_path):
    text = "image,label,note\na.png,Möwe,“€ 5” – or so…\nb.png,Elster,\n"
    source = read_table(write_table(tmp_path, text.encode("cp1252")), tmp_path)
    assert source.cells[0] == ("a.png", "Möwe", "“€ 5” – or so…")
    assert source.messages == (
        "labels.csv: is not UTF-8 and was read as windows-1252; if names look wrong, save it as UTF-8",
    )


def test_delimiters_inside_quotes_cut_nothing(tmp_path):
    path = write_table(tmp_path, 'image,label,"a;b;c;d"\na.png,cat,"x;y\n;z;w"\nb.png,dog,"1;2;""3"";4"\n')
    source = read_table(path, tmp_path)
    assert source.columns == ("image", "label", "a;b;c;d")
    assert source.cells == (("a.png", "cat", "x;y\n;z;w"), ("b.png", "dog", '1;2;"3";4'))


def test_splits_go_by_their_usual_names_and_others_are_said(tmp_path):
    parts = ("Training", "valid", "TESTING", "test", "", "holdout")
    lines = [f"{number}.png,{('cat', 'dog')[number % 2]},{part}" for number, part in enumerate(parts)]
    path = write_table(tmp_path, "\n".join(["image,label,part", *lines]))
    source = read_table(path, tmp_path, ColumnNames(split="part"))
    assert [row.split for row in source.rows] == ["train", "val", "test", "test", "", "holdout"]
    assert source.messages == (
        "labels.csv: splits holdout are not train, val or test: every split except test is used for training",
    )
