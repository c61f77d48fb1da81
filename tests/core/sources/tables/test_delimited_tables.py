import csv
import gzip

import pandas as pd
import pytest

from overread.errors import ManifestError, SourceError
from overread.sources.source_files import tables_in
from overread.sources.tables import table_text
from overread.sources.tables.table_file import read_cells, read_header
from tests.core.conftest import write_image


def write(folder, content, name="labels.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def frame_of(table):
    return pd.DataFrame([record for _, record in table.records], columns=table.header, dtype=str)


@pytest.mark.parametrize(("name", "delimiter"), [("labels.csv.gz", ","), ("labels.tsv.gz", "\t"), ("labels", ";")])
def test_a_table_that_pandas_packed_is_read_as_pandas_reads_it(tmp_path, name, delimiter):
    frame = pd.DataFrame({"image": ["a.png", "b, c.png"], "label": ["Möwe", 'the "Elster"'], "note": ["1,5\n2", ""]})
    frame.to_csv(tmp_path / name, sep=delimiter, index=False, compression="gzip")
    pd.testing.assert_frame_equal(frame_of(read_cells(tmp_path / name)), frame.astype("str"))
    assert read_header(tmp_path / name) == list(frame.columns)


def test_gzip_that_is_cut_off_is_refused(tmp_path):
    packed = gzip.compress(b"image,label\n" + b"a.png,cat\n" * 1000)
    with pytest.raises(SourceError, match="is not an intact gzip file"):
        read_cells(write(tmp_path, packed[:-20], "labels.csv.gz"))


def test_gzip_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(table_text, "MAX_UNPACKED_BYTES", 2**20)
    path = write(tmp_path, gzip.compress(b"image,label\n" + b"a.png,cat\n" * 2**17), "labels.csv.gz")
    with pytest.raises(SourceError, match="unpacks to more than 1 MiB"):
        read_cells(path)


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\r\n', "sep=;\n"])
def test_excel_s_line_of_the_delimiter_is_no_header(tmp_path, first):
    table = read_cells(write(tmp_path, first + "image;label;size, cm\na.png;cat;1,5\nb.png;dog;\n"))
    assert table.header == ["image", "label", "size, cm"]
    assert table.records == [(3, ["a.png", "cat", "1,5"]), (4, ["b.png", "dog", ""])]


def test_a_report_longer_than_python_s_limit_is_one_cell(tmp_path):
    report = "line 1\nline 2, " * 20_000
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label", "report"), ("a.png", "1,000", report)])
    assert read_cells(tmp_path / "labels.csv").records == [(2, ["a.png", "1,000", report])]


def test_the_index_that_pandas_wrote_is_known_and_kept(tmp_path):
    frame = pd.DataFrame({"image": ["a.png", "b.png"], "diagnosis": ["cat", "dog"], "grade": [1, 2]})
    frame.to_csv(tmp_path / "labels.csv")
    table = read_cells(tmp_path / "labels.csv")
    assert (table.header, table.column(0)) == (["", "image", "diagnosis", "grade"], ["0", "1"])
    assert table.index_columns() == {0}
    pd.read_csv(tmp_path / "labels.csv").to_csv(tmp_path / "again.csv")
    assert read_cells(tmp_path / "again.csv").index_columns() == {0, 1}


def test_a_column_without_a_name_that_does_not_count_is_no_index(tmp_path):
    table = read_cells(write(tmp_path, ",image,index\n1,a.png,3\n0,b.png,3\n"))
    assert table.index_columns() == frozenset()


def test_short_rows_get_empty_cells_and_are_counted(tmp_path):
    table = read_cells(write(tmp_path, "image,label,note\na.png,cat,x\nb.png,dog\nc.png\nd.png,cat,\n"))
    assert [record for _, record in table.records] == [
        ["a.png", "cat", "x"],
        ["b.png", "dog", ""],
        ["c.png", "", ""],
        ["d.png", "cat", ""],
    ]
    assert table.messages == ("labels.csv: 2 rows have too few cells; the missing ones at the end were read as empty",)


@pytest.mark.parametrize(
    ("content", "row"),
    [
        ("image,label,note\na.png,cat,x\nb.png,dog\nc.png,cat,x,y\n", 3),
        ("image,label,note\na.png,cat,line 1\nline 2\nb.png,dog,\n", 3),
        ("label,image,note\ncat,a.png,x\nb.png,y\n", 3),
        ("id,finding,note\n7,cat,line 1\nline 2\n", 3),
    ],
    ids=["a longer row", "a torn row", "the first cell is missing", "a single cell of a table without names of files"],
)
def test_short_rows_whose_missing_cells_are_in_doubt_are_refused(tmp_path, content, row):
    with pytest.raises(ManifestError, match=rf"labels\.csv row {row}: \d cells? where the header has 3"):
        read_cells(write(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "header", "records"),
    [
        ("a.tif,Normal\nb.tif,Benign\n", ["image", "label"], [["a.tif", "Normal"], ["b.tif", "Benign"]]),
        ("train/a.jpg 0\ntrain/b.jpg 1\n", ["image", "label"], [["train/a.jpg", "0"], ["train/b.jpg", "1"]]),
        ("0\ta.jpg\n1\tb.jpg\n", ["label", "image"], [["0", "a.jpg"], ["1", "b.jpg"]]),
        ("my a.png 0\nb.png 1\n", ["image", "label"], [["my a.png", "0"], ["b.png", "1"]]),
        ('"my a.png" 0\n"b.png" 1\n', ["image", "label"], [["my a.png", "0"], ["b.png", "1"]]),
        ("a.png\nb.png\n", ["image"], [["a.png"], ["b.png"]]),
        (
            "1 a.png COVID-19 cohen\n2 b.png normal rsna\n",
            ["column 1", "column 2", "column 3", "column 4"],
            [["1", "a.png", "COVID-19", "cohen"], ["2", "b.png", "normal", "rsna"]],
        ),
    ],
    ids=["BACH", "ImageNet", "tabs", "blanks in names", "quotes as CVAT writes them", "names alone", "COVIDx"],
)
def test_a_table_whose_first_row_is_an_image_has_its_columns_named(tmp_path, content, header, records):
    path = write(tmp_path, content)
    table = read_cells(path)
    assert table.header == read_header(path) == header
    assert table.records == list(enumerate(records, start=1))
    assert len(table.messages) == 1 and "has no header; its columns were named " in table.messages[0]


@pytest.mark.parametrize("start", ["mdb001 G CIRC B 535 425 197\n", "mdb001 D NORM\n"])
def test_ids_are_images_where_their_files_lie_below_the_table(tmp_path, start):
    path = write(tmp_path, start + "mdb002 G CIRC B 522 280 69\nmdb003 D NORM\n", "Info.txt")
    write_image(tmp_path / "all-mias" / "mdb001.png")
    table = read_cells(path)
    assert table.header == [f"column {number}" for number in range(1, 8)]
    assert table.records[2] == (3, ["mdb003", "D", "NORM", "", "", "", ""])
    assert table.messages[0] == "Info.txt: has no header; its columns were named column 1 to column 7"


def test_ids_that_no_file_is_called_by_are_a_header(tmp_path):
    path = write(tmp_path, "mdb001 G CIRC\nmdb002 G CIRC\n")
    assert read_cells(path).header == ["mdb001", "G", "CIRC"]


def test_a_table_between_blanks_may_have_a_header(tmp_path):
    table = read_cells(write(tmp_path, "REFNUM BG  CLASS X\nmdb001 G CIRC 535\nmdb003 D NORM \n"))
    assert table.header == ["REFNUM", "BG", "CLASS", "X"]
    assert table.records[1] == (3, ["mdb003", "D", "NORM", ""])


@pytest.mark.parametrize(
    "content",
    ["image,label\na.png,no DR\nb.png,mild DR\n", "image,label\nmy a.png,x\n", "image\tlabel\na.png\tno DR, or mild\n"],
)
def test_blanks_in_cells_do_not_cut_a_table_of_commas_or_tabs(tmp_path, content):
    table = read_cells(write(tmp_path, content))
    assert table.header == ["image", "label"]
    assert table.messages == ()


def test_only_texts_that_list_images_are_tables_of_a_folder(tmp_path):
    for name, content in {
        "train.txt": "a.png 0\nb.png 1\n",
        "split.txt": "a.png\nb.png\n",
        "README.txt": "Images of cats.\nSee a.png, and do cite us.\n",
        "synsets.txt": "cat\ndog\n",
        "labels.csv.gz": "",
        "volume.nii.gz": "",
        ".hidden.csv": "",
    }.items():
        write(tmp_path, content, name)
    (tmp_path / "folder.csv").mkdir()
    assert [path.name for path in tables_in(tmp_path)] == ["labels.csv.gz", "train.txt"]


@pytest.mark.parametrize(
    ("above", "told"),
    [("# exported 2026\n# by me, for you\n", ("labels.csv: 2 rows above the header left out",)), ("Study 12\n\n", None),
     ("", ())],
)  # fmt: skip
def test_titles_and_comments_above_the_header_are_left_out(tmp_path, above, told):
    path = write(tmp_path, f"{above}image,label,note\na.png,cat,x\nb.png,dog,y\n")
    table = read_cells(path)
    assert table.header == read_header(path) == ["image", "label", "note"]
    assert [record for _, record in table.records] == [["a.png", "cat", "x"], ["b.png", "dog", "y"]]
    assert table.messages == (told if told is not None else ("labels.csv: 1 row above the header left out",))


def test_a_header_of_one_column_is_no_title(tmp_path):
    assert read_cells(write(tmp_path, "image\na.png\nb.png\n")).header == ["image"]
    assert read_cells(write(tmp_path, "#image,label\na.png,cat\nb.png,dog\n")).header == ["#image", "label"]
