import json

import pandas as pd
import pytest

from overread.errors import ManifestError, SourceError
from overread.sources.tables.json_records import is_json_lines, is_json_table
from overread.sources.tables.table_file import read_cells, read_header
from tests.core.conftest import write_image
from tests.core.importing import read_source

ROWS = [{"image": "a.png", "label": "cat"}, {"image": "b.png", "label": "dog", "score": 1.5}]


def write(folder, content, name="labels.json"):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz"])
def test_json_lines_that_pandas_wrote_are_rows(tmp_path, suffix):
    path = tmp_path / f"metadata.{suffix}"
    pd.DataFrame({"file_name": ["a.png", "Ö.png"], "label": ["cat", "dog"]}).to_json(path, orient="records", lines=True)
    table = read_cells(path)
    assert table.header == read_header(path) == ["file_name", "label"]
    assert table.records == [(1, ["a.png", "cat"]), (2, ["Ö.png", "dog"])]


def test_a_list_of_objects_and_its_lines_are_the_same_table(tmp_path):
    listed = read_cells(write(tmp_path, ROWS))
    lines = read_cells(write(tmp_path, "\n".join(map(json.dumps, ROWS)), "labels.jsonl"))
    assert listed == lines
    assert listed.header == ["image", "label", "score"]
    assert listed.records == [(1, ["a.png", "cat", ""]), (2, ["b.png", "dog", "1.5"])]


def test_a_map_from_images_to_labels_is_a_table_of_two_columns(tmp_path):
    table = read_cells(write(tmp_path, {"img/a.png": "cat", "img/b.png": ["cat", "dog"], "c.png": None}))
    assert table.header == ["image", "label"]
    assert table.records == [(1, ["img/a.png", "cat"]), (2, ["img/b.png", '["cat", "dog"]']), (3, ["c.png", ""])]


def test_a_map_from_ids_is_one_if_their_files_lie_below_it(tmp_path):
    path = write(tmp_path, {"0001": {"dx": "cat"}, "0002": {"dx": "dog"}})
    assert not is_json_table(path)
    for name in ("0001", "0002"):
        write_image(tmp_path / "images" / f"{name}.png")
    table = read_cells(path)
    assert (table.header, table.records[1]) == (["image", "dx"], (2, ["0002", "dog"]))


def test_lists_by_the_names_of_splits_have_a_column_of_them(tmp_path):
    content = {"numTraining": 1, "training": [ROWS[0]], "test": [ROWS[1]]}
    table = read_cells(write(tmp_path, content))
    assert table.header == ["split", "image", "label", "score"]
    assert table.column(0) == ["training", "test"]


@pytest.mark.parametrize(
    "content",
    [
        {"images": [{"file_name": "a.png"}], "annotations": [{"image_id": 1}], "categories": [{"id": 1}]},
        {"classes": ["cat"], "labels": {"a": 0}},
        ["a.png", "b.png"],
        {"name": "cats", "version": "1"},
        {},
    ],
    ids=["COCO", "FiftyOne", "list of names", "description", "empty"],
)
def test_json_of_another_shape_is_no_table(tmp_path, content):
    path = write(tmp_path, content)
    assert not is_json_table(path)
    with pytest.raises(SourceError, match=r"labels\.json: this JSON is not a list of"):
        read_cells(path)


def test_a_faulty_line_is_named(tmp_path):
    path = write(tmp_path, '{"image": "a.png"}\n\n{"image": "b.png"}\n{"image": c.png}\n', "labels.jsonl")
    with pytest.raises(ManifestError, match=r"labels\.jsonl row 4: is not valid JSON"):
        read_cells(path)


def test_lines_are_told_from_an_object_on_several_lines(tmp_path):
    assert not is_json_lines(write(tmp_path, json.dumps(ROWS[0], indent=1)))
    assert not is_json_lines(write(tmp_path, json.dumps({"a": ROWS})))
    assert is_json_lines(write(tmp_path, f"{json.dumps(ROWS[0])}\r\n{json.dumps(ROWS[1])}\r\n"))
    long = json.dumps({"image": "a.png", "report": "x" * 2_000_000})
    assert not is_json_lines(write(tmp_path, long))


@pytest.mark.parametrize("name", ["labels.json", "labels.jsonl"])
def test_a_source_is_read_from_json(tmp_path, name):
    for row in ROWS:
        write_image(tmp_path / row["image"])
    lines = "\n".join(map(json.dumps, ROWS))
    source = read_source(tmp_path, labels=write(tmp_path, lines if name.endswith("l") else ROWS, name))
    assert [(row.image, row.label) for row in source.rows] == [("a.png", "cat"), ("b.png", "dog")]
