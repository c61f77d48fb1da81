import datetime
import zipfile

import openpyxl
import pandas as pd
import pytest

from overread.errors import SourceError
from overread.sources.tables.table_file import read_cells, read_header
from tests.core.conftest import write_image
from tests.core.importing import read_source


@pytest.fixture
def save(tmp_path):
    """Saves rows as a workbook; of several sheets, in their order."""

    def save_sheets(**sheets):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
        path = tmp_path / "labels.xlsx"
        book.save(path)
        return path

    return save_sheets


def test_a_workbook_has_the_cells_that_pandas_reads(tmp_path):
    frame = pd.DataFrame(
        {"image": ["a.png", "b.png"], "label": ["Möwe", "Elster"], "code": ["00012", "7"], "age": [58, 61]}
    )
    frame.to_excel(tmp_path / "labels.xlsx", index=False)
    table = read_cells(tmp_path / "labels.xlsx")
    assert table.header == read_header(tmp_path / "labels.xlsx") == list(frame.columns)
    back = pd.read_excel(tmp_path / "labels.xlsx", dtype=str)
    assert [record for _, record in table.records] == back.to_numpy().tolist()
    assert table.messages == ()


def test_values_are_written_as_excel_shows_them(save):
    values = {
        "00012": "00012",
        12: "12",
        3.0: "3",
        0.1 + 0.2: "0.3",
        1.5e-7: "1.5e-07",
        datetime.date(2024, 2, 29): "2024-02-29",
        datetime.datetime(2024, 2, 29, 13, 5): "2024-02-29 13:05:00",
        datetime.time(13, 5): "13:05:00",
        None: "",
    }
    path = save(Sheet=[("image", "value"), *(("a.png", value) for value in values)])
    assert read_cells(path).column(1) == list(values.values())


def test_booleans_are_spelt_as_in_excel(save):
    path = save(Sheet=[("image", "value"), ("a.png", True), ("b.png", False)])
    assert read_cells(path).column(1) == ["TRUE", "FALSE"]


def test_a_number_keeps_the_zeros_that_its_format_shows(save):
    path = save(Sheet=[("id", "label"), (12, "cat"), (7, "dog")])
    book = openpyxl.load_workbook(path)
    for row in (2, 3):
        book.active.cell(row, 1).number_format = "00000"
    book.save(path)
    assert read_cells(path).column(0) == ["00012", "00007"]


def test_rows_keep_excel_s_numbers_and_empty_edges_are_dropped(save):
    rows = [("image", "label", None), (), ("a.png", "cat", None), (None, None, " "), ("b.png", None, None)]
    table = read_cells(save(Sheet=rows))
    assert table.header == ["image", "label"]
    assert table.records == [(3, ["a.png", "cat"]), (5, ["b.png", ""])]


def test_the_first_sheet_with_rows_is_read_and_said(save):
    path = save(Cover=[], Labels=[("image", "label"), ("a.png", "cat")], Codes=[("code", "name")])
    table = read_cells(path)
    assert table.records == [(2, ["a.png", "cat"])]
    assert table.messages == ("labels.xlsx: sheet Labels was read; to read another one (Cover, Codes), save it as CSV",)


def test_a_sheet_without_a_header_has_its_columns_named(save):
    table = read_cells(save(Sheet=[("a.png", "cat"), ("b.png", "dog")]))
    assert (table.header, len(table.records)) == (["image", "label"], 2)


def test_a_source_is_read_from_a_workbook_and_from_a_csv_of_its_name(save):
    path = save(Sheet=[("image", "label"), ("a.png", "cat"), ("b.png", "dog")])
    for name in ("a.png", "b.png"):
        write_image(path.parent / name)
    rows = read_source(path).rows
    assert [(row.row, row.image, row.label) for row in rows] == [(2, "a.png", "cat"), (3, "b.png", "dog")]
    path.write_text("image,label\na.png,cat\nb.png,dog\n")
    assert read_source(path).rows == rows


def test_a_workbook_that_says_a_wrong_size_is_read_whole(save):
    path = save(Sheet=[("image", "label"), ("a.png", "cat")])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    assert b'<dimension ref="A1:B2"' in sheet
    parts["xl/worksheets/sheet1.xml"] = sheet.replace(b'ref="A1:B2"', b'ref="A1"')
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert read_cells(path).records == [(2, ["a.png", "cat"])]


def test_a_workbook_without_rows_and_a_damaged_one_are_refused(save):
    path = save(Sheet=[])
    with pytest.raises(SourceError, match=r"labels\.xlsx: the workbook has no rows"):
        read_cells(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook")
    with pytest.raises(SourceError, match=r"labels\.xlsx: this workbook cannot be read"):
        read_cells(path)
    assert read_header(path) == []


def test_a_sheet_of_notes_and_a_title_before_the_table_are_passed_over(save):
    rows = [["Readings of 2024"], [], ["image", "label"], ["a.png", "cat"], ["b.png", "dog"]]
    path = save(Notes=[["The labels are on the next sheet."]], Labels=rows)
    table = read_cells(path)
    assert table.header == read_header(path) == ["image", "label"]
    assert table.records == [(4, ["a.png", "cat"]), (5, ["b.png", "dog"])]
    assert table.messages == (
        "labels.xlsx: 1 row above the header left out",
        "labels.xlsx: sheet Labels was read; to read another one (Notes), save it as CSV",
    )
