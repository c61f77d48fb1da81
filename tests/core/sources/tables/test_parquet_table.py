import datetime
import sys

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from overread.errors import SourceError
from overread.sources.tables.table_file import read_cells, read_header


def test_plain_columns_are_text_as_in_a_csv(tmp_path):
    frame = pd.DataFrame(
        {
            "image": ["a.png", "b.png"],
            "label": pd.Categorical(["cat", "dog"]),
            "code": [1.0, float("nan")],
            "share": [0.25, 1 / 3],
            "day": [datetime.date(2024, 2, 29), None],
            "findings": [["a", "b"], []],
        }
    )
    frame.to_parquet(tmp_path / "labels.parquet")
    table = read_cells(tmp_path / "labels.parquet")
    assert table.header == read_header(tmp_path / "labels.parquet") == list(frame.columns)
    assert table.records == [
        (1, ["a.png", "cat", "1", "0.25", "2024-02-29", '["a", "b"]']),
        (2, ["b.png", "dog", "", "0.333333333333333", "", "[]"]),
    ]


def test_the_cells_are_those_of_the_csv_that_pandas_writes(tmp_path):
    frame = pd.DataFrame({"image": ["a.png", "b, c.png"], "label": ["Möwe", 'the "Elster"'], "number": [7, 10**15]})
    frame.to_parquet(tmp_path / "labels.parquet")
    frame.to_csv(tmp_path / "labels.csv", index=False)
    packed, plain = read_cells(tmp_path / "labels.parquet"), read_cells(tmp_path / "labels.csv")
    assert packed.header == plain.header
    assert [record for _, record in packed.records] == [record for _, record in plain.records]


def test_columns_of_bytes_are_left_out_and_said(tmp_path):
    parquet.write_table(pa.table({"id": ["a"], "hash": [b"\x00\xff"]}), tmp_path / "labels.parquet")
    table = read_cells(tmp_path / "labels.parquet")
    assert (table.header, table.messages) == (["id"], ("labels.parquet: columns hash hold bytes and were left out",))


def test_a_damaged_file_is_refused(tmp_path):
    parquet.write_table(pa.table({"image": ["a.png"]}), tmp_path / "labels.parquet")
    content = (tmp_path / "labels.parquet").read_bytes()
    (tmp_path / "labels.parquet").write_bytes(content[:-30])
    with pytest.raises(SourceError, match=r"labels\.parquet: is not an intact Parquet file"):
        read_cells(tmp_path / "labels.parquet")
    assert read_header(tmp_path / "labels.parquet") == []


def test_without_pyarrow_the_package_is_named(tmp_path, monkeypatch):
    parquet.write_table(pa.table({"image": ["a.png"]}), tmp_path / "labels.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SourceError, match="needs the package pyarrow, which is not installed; pip install pyarrow"):
        read_cells(tmp_path / "labels.parquet")
